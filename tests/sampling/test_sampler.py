from dataclasses import replace

import pytest
import torch

from marey.errors import InvalidInputError
from marey.models import DiffusionModel
from marey.models.diffusion import Denoiser, DenoiserConfig, StageConfig
from marey.representations import Normalizer, Observation, SmoothRoot
from marey.sampling import Guidance, SampleSpec, sample_features
from marey.skeleton import BODY22
from marey.text import TextCondition, collate_conditions

TEXT, FPS, STEPS = 6, 20.0, 4
FRAMES = (9, 31, 2, 20)


@pytest.fixture(scope="module")
def model() -> DiffusionModel:
    generator = torch.Generator().manual_seed(0)
    representation = SmoothRoot(skeleton=BODY22, fps=FPS)
    feats = representation.layout.size
    size = StageConfig(width=32, layers=2, heads=2, hidden=32)
    config = DenoiserConfig(
        feats=feats, text_width=TEXT, fps=FPS, root=size, body=size, frames_per_token=4
    )
    denoiser = Denoiser(config).eval().requires_grad_(False)
    for p in denoiser.parameters():
        p.copy_(0.1 * torch.randn(p.shape, generator=generator))
    return DiffusionModel(
        name="random",
        denoiser=denoiser,
        representation=representation,
        normalizer=Normalizer(mean=torch.zeros(feats), std=torch.ones(feats)),
        text_encoder="words",
    )


def texts() -> list[TextCondition]:
    """Conditions of different lengths; the second has part texts, the third nothing."""
    generator = torch.Generator().manual_seed(1)
    slots = ((0, 0, 0), (0, 0, 0, 0, 0, 5, 5, 17), (), (0,))
    return [
        TextCondition(
            states=torch.randn(1, len(row), TEXT, generator=generator),
            mask=torch.ones(1, len(row), dtype=torch.bool),
            slots=torch.tensor([row], dtype=torch.long),
        )
        for row in slots
    ]


def specs(model: DiffusionModel, *, observe: bool) -> list[SampleSpec]:
    drawn = [SampleSpec(frames=n, seed=7, index=i, heading=0.5 * i) for i, n in enumerate(FRAMES)]
    if observe:
        values = torch.zeros(31, model.representation.layout.size)
        mask = torch.zeros_like(values, dtype=torch.bool)
        mask[::5, :5] = True
        values[mask] = 0.7
        drawn[1] = replace(drawn[1], observation=Observation(values=values, mask=mask))
    return drawn


@pytest.mark.parametrize("mode", ["joint", "separated"])
@pytest.mark.parametrize("observe", [False, True])
def test_a_sample_is_the_same_alone_and_in_any_batch(
    model: DiffusionModel, mode: str, observe: bool
) -> None:
    drawn, guidance = specs(model, observe=observe), Guidance(mode=mode)
    together = sample_features(
        model, collate_conditions(texts()), drawn, steps=STEPS, guidance=guidance
    )
    for i, text in enumerate(texts()):
        alone = sample_features(model, text, [drawn[i]], steps=STEPS, guidance=guidance)
        assert alone[0].shape == together[i].shape == (FRAMES[i], model.representation.layout.size)
        torch.testing.assert_close(together[i], alone[0], atol=1e-5, rtol=1e-5)


def test_the_same_seed_gives_the_same_sample_and_another_another(model: DiffusionModel) -> None:
    def draw(seed: int, index: int) -> torch.Tensor:
        spec = SampleSpec(frames=9, seed=seed, index=index)
        return sample_features(model, texts()[0], [spec], steps=2, guidance=Guidance())[0]

    assert torch.equal(draw(1, 0), draw(1, 0))
    assert not torch.allclose(draw(1, 0), draw(1, 1), atol=1e-3)
    assert not torch.allclose(draw(1, 0), draw(2, 0), atol=1e-3)


@pytest.mark.parametrize(("frames", "count"), [(0, 1), (9, 2), (9, 0)])
def test_specs_that_cannot_be_drawn(model: DiffusionModel, frames: int, count: int) -> None:
    wanted = [SampleSpec(frames=frames, seed=0)] * count
    with pytest.raises(InvalidInputError, match=r"as many specs|at least one frame"):
        sample_features(model, texts()[0], wanted, steps=2, guidance=Guidance())
