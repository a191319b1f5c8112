import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from marey.errors import FileFormatError, InvalidInputError
from marey.models import DiffusionModel, load_diffusion_model, save_diffusion_model
from marey.models.checkpoint import checkpoint_folder
from marey.models.diffusion import Denoiser, DenoiserConfig, StageConfig
from marey.motion import BODY22_LIMITS
from marey.representations import Normalizer, SmoothRoot
from marey.skeleton import BODY22


@pytest.fixture
def model(generator: torch.Generator) -> DiffusionModel:
    representation = SmoothRoot(
        skeleton=BODY22, fps=20.0, smoothing="none", contact_limits=BODY22_LIMITS
    )
    feats = representation.layout.size
    size = StageConfig(width=16, layers=1, heads=2, hidden=16)
    config = DenoiserConfig(
        feats=feats, text_width=6, fps=20.0, root=size, body=size, variant="two_stage_global"
    )
    denoiser = Denoiser(config).eval()
    mean, std = torch.randn(2, feats, generator=generator)
    std = std.abs() + 0.1
    local = 1 / torch.arange(3.0, 7.0)
    denoiser.set_root_statistics(
        root_mean=mean[:5], root_std=std[:5], local_mean=local, local_std=local
    )
    return DiffusionModel(
        name="test",
        denoiser=denoiser,
        representation=representation,
        normalizer=Normalizer(mean=mean, std=std),
        text_encoder="words",
        max_seconds=7.5,
        notes={"steps": 3, "sampling": {"steps": 12}},
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_checkpoint_brings_back_the_model(
    model: DiffusionModel, tmp_path: Path, dtype: torch.dtype
) -> None:
    save_diffusion_model(model, tmp_path / "a", dtype=dtype)
    loaded = load_diffusion_model(tmp_path / "a")
    for name in ("name", "text_encoder", "max_seconds", "notes", "fps", "num_parameters"):
        assert getattr(loaded, name) == getattr(model, name)
    assert loaded.denoiser.config == model.denoiser.config
    assert loaded.representation.skeleton == BODY22
    assert loaded.representation.smoothing == "none"
    assert loaded.representation.contact_limits == BODY22_LIMITS
    assert torch.equal(loaded.normalizer.mean, model.normalizer.mean)
    assert torch.equal(loaded.normalizer.std, model.normalizer.std)
    own, found = model.denoiser.state_dict(), loaded.denoiser.state_dict()
    assert own.keys() == found.keys()
    for name, value in own.items():
        exact = dtype == torch.float32 or name.endswith(("_mean", "_std"))
        assert found[name].dtype == torch.float32
        torch.testing.assert_close(found[name], value if exact else value.half().float())
        assert not exact or torch.equal(found[name], value), name
    assert not any(p.requires_grad for p in loaded.denoiser.parameters())
    assert not loaded.denoiser.training


def test_half_precision_halves_the_file(model: DiffusionModel, tmp_path: Path) -> None:
    for name, dtype in (("a", torch.float32), ("b", torch.float16)):
        save_diffusion_model(model, tmp_path / name, dtype=dtype)
    sizes = [(tmp_path / n / "model.safetensors").stat().st_size for n in ("a", "b")]
    assert sizes[1] < 0.6 * sizes[0]
    tensors = load_file(tmp_path / "b" / "model.safetensors")
    kept = {name for name, tensor in tensors.items() if tensor.dtype == torch.float32}
    assert kept == {
        *("normalizer.mean", "normalizer.std", "denoiser.root_mean", "denoiser.root_std"),
        *("denoiser.local_root_mean", "denoiser.local_root_std"),
    }


def test_saving_again_replaces_and_leaves_nothing_else(
    model: DiffusionModel, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        save_diffusion_model(replace(model, name=name), tmp_path)
    assert load_diffusion_model(tmp_path).name == "two"
    assert {file.name for file in tmp_path.iterdir()} == {"config.json", "model.safetensors"}


def test_loading_draws_no_random_numbers(model: DiffusionModel, tmp_path: Path) -> None:
    save_diffusion_model(model, tmp_path)
    state = torch.random.get_rng_state()
    load_diffusion_model(tmp_path)
    assert torch.equal(state, torch.random.get_rng_state())


def edit(change: Callable[[dict[str, object]], object]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        file = folder / "config.json"
        config = json.loads(file.read_text())
        change(config)
        file.write_text(json.dumps(config))

    return damage


def cut_weights(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-10])


def drop_a_tensor(folder: Path) -> None:
    file = folder / "model.safetensors"
    tensors = load_file(file)
    tensors.pop("denoiser.body_stage.out.bias")
    save_file(tensors, file)


def pickle_instead(folder: Path) -> None:
    torch.save({"evil": 1}, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (edit(lambda c: c.update(version=2)), r"config\.json: version: expected marey-diffusion 1"),
        (edit(lambda c: c.update(format="x")), "version"),
        (edit(lambda c: c.pop("skeleton")), r"config\.json: fields"),
        (edit(lambda c: c.update(denoiser=3)), r"config\.json: fields"),
        (edit(lambda c: c.pop("name")), r"config\.json: fields"),
        (edit(lambda c: c.update(notes=[])), r"config\.json: fields"),
        (edit(lambda c: c["denoiser"].update(variant="x")), r"config\.json: fields"),  # type: ignore[attr-defined]
        (edit(lambda c: c["denoiser"]["body"].update(layers=2)), r"model\.safetensors: weights"),  # type: ignore[index]
        (lambda folder: (folder / "config.json").write_text("{"), r"config\.json: content"),
        (lambda folder: (folder / "model.safetensors").unlink(), r"model\.safetensors: weights"),
        (cut_weights, r"model\.safetensors: weights"),
        (drop_a_tensor, r"body_stage\.out\.bias|weights"),
        (pickle_instead, r"model\.safetensors: weights"),
    ],
)
def test_damage_is_named(
    model: DiffusionModel, tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    save_diffusion_model(model, tmp_path)
    damage(tmp_path)
    with pytest.raises(FileFormatError, match=message):
        load_diffusion_model(tmp_path)


def test_an_unknown_model_is_told_the_choices(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="No model 'huge': expected one of small or a"):
        load_diffusion_model("huge")
    with pytest.raises(InvalidInputError, match="RUN/checkpoint"):
        checkpoint_folder(tmp_path)
