"""Facts: named statements that a motion makes true or false, with what was measured."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.predicates import acts, locomotion
from marey.predicates.trace import LEFT, RIGHT, BodyTrace, Measure

MEASURES: MappingProxyType[str, Callable[[BodyTrace], Measure]] = MappingProxyType(
    {
        "walks_forward": locomotion.walk_forward,
        "walks_backward": locomotion.walk_backward,
        "sidesteps_left": partial(locomotion.sidestep, side=LEFT),
        "sidesteps_right": partial(locomotion.sidestep, side=RIGHT),
        "turns_left": partial(locomotion.turn, side=LEFT),
        "turns_right": partial(locomotion.turn, side=RIGHT),
        "runs": locomotion.run,
        "jumps": acts.jump,
        "sits_down": acts.sit_down,
        "squats": acts.squat,
        "raises_right_hand": partial(acts.raise_hand, side=RIGHT),
        "raises_left_hand": partial(acts.raise_hand, side=LEFT),
        "kicks_right": partial(acts.kick, side=RIGHT),
        "kicks_left": partial(acts.kick, side=LEFT),
        "stands_still": locomotion.stand_still,
    }
)
"""The test of every fact on one trace or on many windows; each docstring has the thresholds."""

FACTS: tuple[str, ...] = tuple(MEASURES)
"""Names of all facts."""

MIRRORED_FACT: MappingProxyType[str, str] = MappingProxyType(
    {
        name: name.replace("left", "?").replace("right", "left").replace("?", "right")
        for name in FACTS
    }
)
"""The fact that a mirrored motion makes true."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What the test of a fact finds in a motion."""

    fact: str
    holds: bool
    value: float
    """The measured quantity that decides first."""
    unit: str
    """Unit of value and threshold; lengths are scaled to the legs of body22."""
    threshold: float
    interval: tuple[int, int] | None
    """First frame and frame after the last in which the fact is seen; None if never."""


def find(fact: str, motion: Motion) -> Finding:
    """Test one fact. Raises InvalidInputError for an unknown fact or a skeleton without roles."""
    return find_all(motion, (fact,))[fact]


def find_all(motion: Motion, facts: tuple[str, ...] = FACTS) -> dict[str, Finding]:
    """Test several facts. Raises InvalidInputError as ``find`` does."""
    unknown = [fact for fact in facts if fact not in MEASURES]
    if unknown:
        raise InvalidInputError(f"Unknown facts {unknown}; the facts are {', '.join(FACTS)}.")
    trace = BodyTrace.of(motion)
    return {fact: _finding(fact, MEASURES[fact](trace)) for fact in facts}


def _finding(fact: str, measure: Measure) -> Finding:
    seen = measure.evidence.nonzero()[:, 0].tolist()
    return Finding(
        fact=fact,
        holds=bool(measure.holds),
        value=float(measure.value),
        unit=measure.unit,
        threshold=measure.threshold,
        interval=(seen[0], seen[-1] + 1) if seen else None,
    )
