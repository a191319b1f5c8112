"""``marey model pack``: half precision and defaults for sampling."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from marey.cli.main import main
from marey.models import load_diffusion_model
from marey.models.alignment import load_alignment


def test_a_packed_model_is_half_as_large_and_keeps_its_defaults(
    tiny_model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "packed"
    flags = ["--name", "mine", "--steps", "12", "--text-weight", "3", "--smoothing", "0.05"]
    assert main(["model", "pack", str(tiny_model), str(out), *flags]) == 0
    packed, origin = load_diffusion_model(out), load_diffusion_model(tiny_model)
    assert packed.name == "mine"
    assert packed.notes["sampling"] == {
        "steps": 12,
        "guidance": {"text": 3.0},
        "smoothing": 0.05,
    }
    weights = load_file(out / "model.safetensors")
    assert weights["denoiser.body_stage.out.weight"].dtype == torch.float16
    for one, other in zip(packed.denoiser.parameters(), origin.denoiser.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)


def test_defaults_that_nobody_could_generate_with_are_not_packed(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "packed"
    assert main(["model", "pack", str(tiny_model), str(out), "--steps", "0"]) == 2
    assert "steps: expected a whole number, at least 1" in capsys.readouterr().err
    assert not out.exists()


def test_a_packed_alignment_model_embeds_as_before_without_its_decoder(
    tiny_alignment: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "packed.safetensors"
    assert main(["model", "pack", str(tiny_alignment), str(out)]) == 0
    assert not any("decoder" in name for name in load_file(out))
    positions = [torch.randn(40, 22, 3, generator=torch.Generator().manual_seed(1))]
    one, other = (load_alignment(file).embed_positions(positions) for file in (out, tiny_alignment))
    torch.testing.assert_close(one, other, atol=1e-2, rtol=1e-2)
    assert main(["model", "pack", str(tiny_alignment), str(out), "--steps", "3"]) == 2
    assert "--steps" in capsys.readouterr().err
