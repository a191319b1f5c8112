"""Measures of ``ablations.py``: motions from text, pinned motions, and single predictions.

Nothing is post-processed, and predictions are not bent onto what is pinned: constraints are met
as far as the network follows what it is shown. Only phrase facts are looked for in motions with
planted feet, as in ``guidance.py``. Pins are taken from stretches of ``val`` windows that start at
the origin; every other case has its caption. ``one look`` is a single prediction from pure noise.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from guidance import FACT_OF
from quality import chosen_windows
from torch import Tensor

from marey.constraints import Clip, Goal, WorldFacts, compile_goals, facts_from_goals
from marey.data import MotionStore, WindowRecord
from marey.data.measured_wordings import wordings
from marey.evaluation.control_cases import SINGLE
from marey.evaluation.lines import mean, quality_seen
from marey.evaluation.motion_quality import QUALITY
from marey.generate import GenerationRequest, generate_many
from marey.metrics import goal_errors
from marey.models import DiffusionModel
from marey.motion import Motion
from marey.predicates import find
from marey.sampling import Guidance, SampleSpec, sample_features
from marey.text import MiniLMEncoder, TextScript, condition_from_scripts

SPLIT = "val"
SECONDS = (3.0, 5.0)
"""Of pinned stretches, and of the longest motions from text: what the networks are trained on."""
GROUND = [0, 2]
PATHS = ("waypoints", "dense path")
FAMILIES = ("full-body keyframes", "end-effectors", *PATHS)
FACT_SEEDS, FACT_SECONDS = 6, 4.0
FEET = (
    "skate: low toes",
    "skate: feet in contact",
    "contacts as heights and speeds say",
    "jerk",
)
"""Those measures of ``quality.py`` that are taken."""
PELVIS = "pelvis from root path, 95th percentile, cm"
ERRORS = {
    "full-body keyframes, cm": 100.0,
    "end-effectors, cm": 100.0,
    "end-effectors, °": 180 / math.pi,
    "root path, cm": 100.0,
}
"""Means over all pins, and the factor from metres or radians."""
MEASURED = {
    ("full-body keyframes", "joint_position"): "full-body keyframes, cm",
    ("end-effectors", "joint_position"): "end-effectors, cm",
    ("end-effectors", "joint_rotation"): "end-effectors, °",
}
"""Family and kind of goal to the error that is taken of the decoded motion."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How much is drawn."""

    texts: int
    cases: int
    """Of each family."""
    sampling_steps: int


def measure_model(
    model: DiffusionModel, checkpoint: Path, store: MotionStore, settings: Settings
) -> dict[str, float]:
    """Draw motions and measure them; names carry units."""
    requests = [
        GenerationRequest(
            script=TextScript.from_prompt(text),
            seconds=window.num_frames / store.fps,
            seed=number,
            model=str(checkpoint),
            steps=settings.sampling_steps,
            postprocess=False,
        )
        for number, (window, text) in enumerate(captioned(store, settings))
    ]
    motions = [result.motions[0] for result in generate_many(requests)]
    return {
        **feet(motions, model),
        "phrase facts held, %": facts_held(checkpoint, settings.sampling_steps),
        **measure_pins(model, store, settings),
    }


def measure_pins(
    model: DiffusionModel, store: MotionStore, settings: Settings, *, shown: bool = True
) -> dict[str, float]:
    """Measure pinned motions, and single predictions from pure noise."""
    cases = {family: cases_of(family, store, settings.cases) for family in FAMILIES}
    drawn = pinned_errors(model, cases, settings.sampling_steps, shown=shown)
    looked = pinned_errors(model, cases, 1, shown=shown)
    return {**drawn, **{f"one look: {name}": value for name, value in looked.items()}}


def measure_real(store: MotionStore, settings: Settings, like: DiffusionModel) -> dict[str, float]:
    """Measure the real motions where that says something; contact limits are a model's."""
    motions = [store.window_motion(window) for window, _ in captioned(store, settings)]
    apart = [
        pelvis_distance(case.real, goal)
        for family in PATHS
        for case in cases_of(family, store, settings.cases)
        for goal in case.goals
        if goal.kind == "root_path"
    ]
    return {**feet(motions, like), PELVIS: percentile_95(apart)}


# --- from text -----------------------------------------------------------------------------------


def captioned(store: MotionStore, settings: Settings) -> list[tuple[WindowRecord, str]]:
    """Return windows with a caption each."""
    return chosen_windows(store, SPLIT, count=settings.texts, seconds=(2.0, SECONDS[1]))


def feet(motions: Sequence[Motion], model: DiffusionModel) -> dict[str, float]:
    """Pool measures of feet and smoothness over the frames of all motions."""
    seen = [quality_seen(motion, model.representation.contact_limits) for motion in motions]
    own = {name: [each[name] for each in seen if name in each] for name in FEET}
    return {
        f"{name}, {QUALITY[name].measure.unit}": mean(parts) for name, parts in own.items() if parts
    }


def facts_held(checkpoint: Path, steps: int) -> float:
    """Return the share of training wordings whose fact a motion holds, %; feet are planted."""
    requests = [
        GenerationRequest(
            script=TextScript.from_prompt(
                wordings(action, seed)[seed % len(wordings(action, seed))]
            ),
            seconds=FACT_SECONDS,
            seed=1000 + seed,
            model=str(checkpoint),
            steps=steps,
        )
        for action in FACT_OF
        for seed in range(FACT_SEEDS)
    ]
    facts = [fact for fact in FACT_OF.values() for _ in range(FACT_SEEDS)]
    results = generate_many(requests)
    held = [find(f, r.motions[0]).holds for f, r in zip(facts, results, strict=True)]
    return 100 * sum(held) / len(held)


# --- pinned --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """A real stretch that starts at the origin, what is pinned of it, and what is said."""

    real: Motion
    script: TextScript
    goals: tuple[Goal, ...]

    def facts(self, model: DiffusionModel) -> WorldFacts:
        """Return what the model is shown.

        Where poses or joints are pinned, a root path belongs to them: for a model whose root is
        the pelvis, it is the pelvis's. A path alone is what a user draws: smooth, for all models.
        """
        facts = facts_from_goals(self.goals, Clip.of(self.real))
        if model.representation.smoothing == "none" and bool(facts.joint_position_mask.any()):
            facts = replace(facts, root_path=self.real.root_positions[:, GROUND])
        return facts


def cases_of(family: str, store: MotionStore, count: int) -> list[Case]:
    """Draw the cases of a family, always the same; every other one has its caption."""
    draw = np.random.default_rng(FAMILIES.index(family))
    cases = []
    windows = chosen_windows(store, SPLIT, count=count, seconds=(SECONDS[0], 1000.0))
    for number, (window, text) in enumerate(windows):
        longest = min(window.num_frames, round(SECONDS[1] * store.fps))
        frames = int(draw.integers(round(SECONDS[0] * store.fps), longest + 1))
        start = int(draw.integers(window.num_frames - frames + 1))
        real = store.window_motion(window).crop(start, start + frames).canonicalise()
        constraints = [c for pin in SINGLE[family](real, draw) for c in pin.make(real)]
        script = TextScript.from_prompt(text) if number % 2 == 0 else TextScript()
        goals = compile_goals(constraints, Clip.of(real))
        cases.append(Case(real=real, script=script, goals=goals))
    return cases


def pinned_errors(
    model: DiffusionModel, cases: dict[str, list[Case]], steps: int, *, shown: bool = True
) -> dict[str, float]:
    """Draw pinned motions and return how far they are off; one step is one look at pure noise.

    Without ``shown`` the model is not told of the pins: how far motions are off that ignore them.
    """
    errors: dict[str, list[Tensor]] = {name: [] for name in (*ERRORS, PELVIS)}
    for family, own in cases.items():
        specs = [
            SampleSpec(
                frames=case.real.num_frames, seed=number, facts=case.facts(model) if shown else None
            )
            for number, case in enumerate(own)
        ]
        text = condition_from_scripts([case.script for case in own], MiniLMEncoder(), model.fps)
        drawn = sample_features(model, text, specs, steps=steps, guidance=Guidance(), pulled=False)
        for case, features in zip(own, drawn, strict=True):
            add_errors(errors, family, case, features, model)
    found = {
        name: factor * float(torch.cat(errors[name]).mean()) for name, factor in ERRORS.items()
    }
    return {**found, PELVIS: percentile_95(errors[PELVIS])}


def add_errors(
    errors: dict[str, list[Tensor]],
    family: str,
    case: Case,
    features: Tensor,
    model: DiffusionModel,
) -> None:
    """Append the errors of one motion: joints as decoded, a path as the root's channels say."""
    representation = model.representation
    motion = representation.decode(features, pinned=placed(case))
    for goal in case.goals:
        name = MEASURED.get((family, goal.kind))
        if name is not None:
            errors[name].append(goal_errors(motion, goal))
        elif family in PATHS and goal.kind == "root_path":
            root = representation.root_path(features)[goal.frames]
            errors["root path, cm"].append((root - goal.target).norm(dim=-1))
            errors[PELVIS].append(pelvis_distance(motion, goal))


def placed(case: Case) -> Tensor:
    """Return the frames whose place over the ground is pinned, as generation decodes them."""
    pinned = torch.zeros(case.real.num_frames, dtype=torch.bool)
    for goal in case.goals:
        if goal.kind == "root_path" or (goal.kind == "joint_position" and goal.joint == 0):
            pinned[goal.frames] = True
    return pinned


def pelvis_distance(motion: Motion, goal: Goal) -> Tensor:
    """Return how far the pelvis is from each pinned point of the smoothed path, metres."""
    return (motion.root_positions[goal.frames][:, GROUND] - goal.target).norm(dim=-1)


def percentile_95(distances: Sequence[Tensor]) -> float:
    """Pool distances in metres; return centimetres."""
    return 100 * float(torch.cat(list(distances)).quantile(0.95))
