from dataclasses import replace

import pytest
import torch

from marey.constraints import WorldFacts
from marey.errors import InvalidInputError
from marey.models import DiffusionModel
from marey.models.diffusion import Denoiser, DenoiserConfig, DenoiserInput, StageConfig
from marey.representations import Normalizer, Observation, SmoothRoot
from marey.representations.root_reach import REACH
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


HAND = BODY22.role("left_hand")


def pinned_hand(
    frames: int, *, frame: int, place: tuple[float, float, float], joint: int = HAND
) -> WorldFacts:
    """A joint's place in one frame, and nothing of the root."""
    facts = WorldFacts.empty(frames, BODY22.num_joints)
    facts.joint_positions[frame, joint] = torch.tensor(place)
    facts.joint_position_mask[frame, joint] = True
    return facts


def specs(model: DiffusionModel, *, observe: bool) -> list[SampleSpec]:
    drawn = [SampleSpec(frames=n, seed=7, index=i, heading=0.5 * i) for i, n in enumerate(FRAMES)]
    if observe:
        values = torch.zeros(31, model.representation.layout.size)
        mask = torch.zeros_like(values, dtype=torch.bool)
        mask[::5, :5] = True
        values[mask] = 0.7
        drawn[1] = replace(drawn[1], observation=Observation(values=values, mask=mask))
        far = pinned_hand(20, frame=8, place=(3.0, 1.0, -2.0))
        drawn[3] = replace(drawn[3], facts=far)
        drawn[0] = replace(drawn[0], facts=pinned_hand(9, frame=8, place=(0.1, 1.0, 0.2)))
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


# --- facts -------------------------------------------------------------------------------------


class Recorder(Denoiser):
    """Keeps what it is given; predicts what another denoiser does."""

    def __init__(self, inner: Denoiser) -> None:
        torch.nn.Module.__init__(self)
        self.inner, self.given, self.predicted = inner, [], []

    def forward(self, given: DenoiserInput) -> torch.Tensor:
        self.given.append(given)
        self.predicted.append(self.inner(given))
        return self.predicted[-1]


def recorded(model: DiffusionModel, spec: SampleSpec) -> tuple[torch.Tensor, Recorder]:
    """Draw a sample without guidance, and keep what the network saw and said."""
    recorder = Recorder(model.denoiser)
    watched = replace(model, denoiser=recorder)
    guidance = Guidance(text=1.0)
    return sample_features(watched, texts()[0], [spec], steps=STEPS, guidance=guidance)[0], recorder


def test_facts_with_a_root_path_are_shown_as_their_observation(model: DiffusionModel) -> None:
    facts = pinned_hand(20, frame=8, place=(0.0, 0.0, 0.0))  # a target at zero is a target
    facts.root_path_mask[8] = True
    seen = model.representation.observe(facts)
    assert int(seen.mask.sum()) == 5
    found, recorder = recorded(model, SampleSpec(frames=20, seed=1, facts=facts))
    assert len(recorder.given) == STEPS  # no call more
    for given in recorder.given:
        assert torch.equal(given.observed_mask[0], seen.mask)
        assert torch.equal(given.observed[0][seen.mask], seen.values[seen.mask])
    plain, _ = recorded(model, SampleSpec(frames=20, seed=1, observation=seen))
    assert torch.equal(found, plain)


@pytest.mark.parametrize("place", [(0.0, 0.0, 0.0), (3.0, 1.0, -2.0)])
def test_a_joint_without_root_path_is_shown_from_the_root_predicted_before(
    model: DiffusionModel, place: tuple[float, float, float]
) -> None:
    spec = SampleSpec(frames=20, seed=1, facts=pinned_hand(20, frame=8, place=place))
    _, recorder = recorded(model, spec)
    layout = model.representation.layout
    hand, root = layout.channels("joint_positions", [HAND]), layout.channels("root_position")[::2]
    first, *others = recorder.given
    assert len(others) == STEPS
    assert not bool(first.observed_mask.any())
    for given, before in zip(others, recorder.predicted, strict=False):
        shown = given.observed_mask[0]
        pulled = bool(shown[8, root].all())
        assert shown.nonzero().tolist() == [[8, c] for c in [*root * pulled, *hand]]
        ground = (given.observed if pulled else before)[0, 8, root]
        relative = given.observed[0, 8, hand]
        torch.testing.assert_close(
            relative + ground[[0, 0, 1]] * torch.tensor([1.0, 0.0, 1.0]), torch.tensor(place)
        )
        assert float(relative[::2].norm()) < REACH + 0.07
        estimate = before[0, 8, root]
        reached = torch.tensor(place)[::2] - estimate
        far = float(reached.norm()) - (REACH + 0.06)
        if abs(far) > 1e-4:  # a root that was pulled stays at the very limit
            assert pulled == (far > 0)
    assert bool(others[0].observed_mask[0, 8, root].any()) == (place[0] > 1)


def test_what_is_shown_exactly_wins_over_facts(model: DiffusionModel) -> None:
    representation = model.representation
    root = representation.layout.channels("root_position")
    values = torch.zeros(6, representation.layout.size)
    values[:, root] = torch.tensor([0.4, 0.9, -0.3])
    mask = torch.zeros(values.shape, dtype=torch.bool)
    mask[:, root] = True
    facts = pinned_hand(20, frame=3, place=(1.0, 1.0, 1.0))
    facts.root_path_mask[:9] = True
    facts.root_path[:9] = 7.0
    facts.root_height_mask[:9] = True
    observation = Observation(values=values, mask=mask)
    spec = SampleSpec(frames=20, seed=1, facts=facts, observation=observation)
    _, recorder = recorded(model, spec)
    given = recorder.given[-1]
    assert len(recorder.given) == STEPS
    assert torch.equal(given.observed[0, :6, root], values[:, root])
    assert given.observed[0, 6:9, root].tolist() == [[7.0, 0.0, 7.0]] * 3
    hand = representation.layout.channels("joint_positions", [HAND])
    torch.testing.assert_close(given.observed[0, 3, hand], torch.tensor([0.6, 1.0, 1.3]))


def test_samples_with_nothing_to_estimate_do_not_see_their_neighbours_refreshed(
    model: DiffusionModel,
) -> None:
    drawn, recorder = specs(model, observe=True), Recorder(model.denoiser)
    watched = replace(model, denoiser=recorder)
    sample_features(
        watched, collate_conditions(texts()), drawn, steps=STEPS, guidance=Guidance(text=1.0)
    )
    masks = [given.observed_mask for given in recorder.given]
    for row, changes in ((0, True), (1, False), (2, False), (3, True)):
        assert torch.equal(masks[0][row], masks[-1][row]) != changes
    assert torch.equal(recorder.given[0].observed[1], recorder.given[-1].observed[1])


def test_knowledge_of_other_frames_is_refused(model: DiffusionModel) -> None:
    facts = pinned_hand(20, frame=8, place=(0.0, 0.0, 0.0))
    wide = torch.zeros(20, model.representation.layout.size)
    observation = Observation(values=wide, mask=wide > 0)
    for spec in (
        SampleSpec(frames=21, seed=0, facts=facts),
        SampleSpec(frames=19, seed=0, observation=observation),
    ):
        with pytest.raises(InvalidInputError, match=r"sample of (21|19) frames .* 20"):
            sample_features(model, texts()[0], [spec], steps=2, guidance=Guidance())


def test_without_pulling_the_network_is_shown_what_is_known_and_has_the_last_word(
    model: DiffusionModel,
) -> None:
    facts = pinned_hand(20, frame=8, place=(0.4, 1.0, 0.2))
    facts.root_path_mask[8] = True
    recorder = Recorder(model.denoiser)
    drawn = sample_features(
        replace(model, denoiser=recorder),
        texts()[0],
        [SampleSpec(frames=20, seed=1, facts=facts)],
        steps=STEPS,
        guidance=Guidance(text=1.0),
        pulled=False,
    )[0]
    seen = model.representation.observe(facts)
    for given in recorder.given:
        assert given.root_pull is None
        assert torch.equal(given.observed[0][seen.mask], seen.values[seen.mask])
    torch.testing.assert_close(drawn, recorder.predicted[-1][0])
    pulled, _ = recorded(model, SampleSpec(frames=20, seed=1, facts=facts))
    assert not torch.allclose(drawn[seen.mask], pulled[seen.mask], atol=1e-3)
