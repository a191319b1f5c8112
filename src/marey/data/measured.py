"""Captions measured from geometry: windows of a clip in which one plain action is certain."""

from dataclasses import dataclass, replace
from types import MappingProxyType

import torch
from jaxtyping import Bool
from torch import Tensor

from marey.data.measured_wordings import wordings
from marey.motion import Motion
from marey.predicates import FACTS, MEASURES, RUN_SPEED, BodyTrace, Conduct, top_speed

STRIDE = 0.25
"""Seconds between the starts of neighbouring windows."""
SHORTEST_BUT_RUNS = 2.0
"""Shorter windows, in seconds, are tried only where the body runs: captures of runs are short."""
MAX_OVERLAP = 0.3
"""Share of the shorter window that two windows of one action may have in common."""

ANY = float("inf")
"""No bound."""


@dataclass(frozen=True, kw_only=True)
class MeasuredWindow:
    """Frames of a clip in which one action holds, and sentences of our own that say so."""

    start_frame: int
    end_frame: int
    """The frame after the last."""
    action: str
    texts: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Action:
    """What must hold in a window for an action to be certain.

    Every fact of ``facts`` holds, no other fact does except those of ``besides``, and the
    conduct of the body lies within the bounds. Angles are degrees, lengths metres.
    """

    facts: tuple[str, ...]
    besides: tuple[str, ...] = ()
    seconds: tuple[float, ...] = (6.0, 4.0, 3.0, 2.0)
    """Lengths of window to try; earlier ones are preferred."""
    max_path: float = ANY
    min_forward: float = -ANY
    max_turn: float = ANY
    max_speed: float = ANY
    left_hand: float = -0.2
    """Height over the head, in metres, that the left hand may reach."""
    right_hand: float = -0.2
    hand_travel: float = ANY
    """Metres that a hand may move."""
    min_value: float = -ANY
    """Measured value that the first fact must reach."""
    lowest_hips: float = 0.8
    """Share of the straight leg at which the hips are carried at least."""
    max_lean: float = 45.0
    grounded: float = 0.95
    """Share of the frames in which a foot is near the floor: no ladders, bars and platforms."""
    inside: bool = False
    """Whether the evidence must begin after the first and end before the last 0.2 s."""
    cap: int = 12
    """Windows per clip at most."""


_SHORT = (3.0, 2.0)
_RUN = (6.0, 4.0, 3.0, 2.0, 1.5, 1.1)
_EVENT = Action(
    facts=(), left_hand=ANY, right_hand=ANY, lowest_hips=-ANY, max_lean=ANY, grounded=0.9
)
_JUMP = replace(
    _EVENT,
    facts=("jumps",),
    max_turn=40.0,
    grounded=0.5,
    inside=True,
    seconds=(4.0, *_SHORT),
    cap=6,
)
_WALK = Action(facts=("walks_forward",), max_speed=1.8, cap=6)
_DASH = Action(
    facts=("runs",), left_hand=0.0, right_hand=0.0, lowest_hips=0.6, grounded=0.7, seconds=_RUN
)


def _sided(side: str) -> dict[str, Action]:
    turns, raises, kicks = f"turns_{side}", f"raises_{side}_hand", f"kicks_{side}"
    hands = {"left": (ANY, -0.05), "right": (-0.05, ANY)}[side]
    raised = Action(facts=(raises,), left_hand=hands[0], right_hand=hands[1], min_value=0.1)
    kick = replace(_EVENT, facts=(kicks,), besides=(turns,), seconds=_SHORT, cap=8)
    return {
        f"sidestep_{side}": Action(facts=(f"sidesteps_{side}",), max_turn=35.0),
        f"turn_{side}": Action(facts=(turns,), max_path=0.5, seconds=(4.0, 3.0, 2.0)),
        f"walk_turn_{side}": replace(_WALK, facts=("walks_forward", turns)),
        f"run_turn_{side}": replace(_DASH, facts=("runs", turns)),
        f"raise_{side}_hand": replace(raised, max_path=0.6, max_turn=45.0),
        f"walk_raise_{side}_hand": replace(raised, facts=(raises, "walks_forward")),
        f"kick_{side}": replace(kick, max_path=1.0),
        f"step_kick_{side}": replace(kick, facts=(kicks, "walks_forward")),
    }


ACTIONS: MappingProxyType[str, Action] = MappingProxyType(
    {
        "walk_forward": replace(_WALK, max_turn=20.0),
        "walk_backward": Action(facts=("walks_backward",), max_turn=40.0),
        "run": replace(_DASH, max_turn=30.0),
        "jump": replace(_JUMP, max_path=0.5),
        "jump_forward": replace(_JUMP, min_forward=0.6),
        "sit_down": replace(
            _EVENT, facts=("sits_down",), besides=("turns_left", "turns_right"), grounded=0.5
        ),
        "squat": replace(
            _EVENT,
            facts=("squats",),
            max_path=0.5,
            max_turn=30.0,
            inside=True,
            seconds=(4.0, 3.0),
            cap=8,
        ),
        "stand_still": Action(
            facts=("stands_still",), left_hand=-0.3, right_hand=-0.3, hand_travel=0.12, cap=4
        ),
        **_sided("left"),
        **_sided("right"),
    }
)
"""The actions of which windows are made; ``measured_wordings`` has their sentences."""


def measured_windows(motion: Motion) -> list[MeasuredWindow]:
    """Return windows of 1.1 to 6 s in which exactly one plain action is certain, by start.

    Windows of one action hardly overlap; those of different actions may. The result of a
    mirrored motion has the same windows with actions and sentences mirrored.
    """
    trace = BodyTrace.of(motion)
    found: dict[str, list[tuple[int, int]]] = {name: [] for name in ACTIONS}
    lengths = sorted({s for action in ACTIONS.values() for s in action.seconds}, reverse=True)
    if float(top_speed(trace)) < RUN_SPEED:
        lengths = [s for s in lengths if s >= SHORTEST_BUT_RUNS]
    holding = {s: _holding_starts(trace, s) for s in lengths if trace.seconds >= s}
    for name, action in ACTIONS.items():
        for seconds in action.seconds:
            for start in holding.get(seconds, {}).get(name, ()):
                window = (start, start + trace.frames(seconds))
                if len(found[name]) < action.cap and _is_apart(window, found[name]):
                    found[name].append(window)
    return [
        MeasuredWindow(start_frame=start, end_frame=end, action=name, texts=wordings(name, i))
        for name in ACTIONS
        for i, (start, end) in enumerate(sorted(found[name]))
    ]


def _is_apart(window: tuple[int, int], chosen: list[tuple[int, int]]) -> bool:
    start, end = window
    return all(
        min(end, e) - max(start, s) <= MAX_OVERLAP * min(end - start, e - s) for s, e in chosen
    )


def _holding_starts(trace: BodyTrace, seconds: float) -> dict[str, list[int]]:
    """First frames of the windows of one length in which each action is certain."""
    stride = trace.frames(STRIDE)
    windows = trace.windows(trace.frames(seconds), stride)
    measures = {fact: MEASURES[fact](windows) for fact in FACTS}
    holds = torch.stack([measures[fact].holds for fact in FACTS], dim=-1)
    conduct = Conduct.of(windows)
    result = {}
    for name, action in ACTIONS.items():
        if seconds not in action.seconds:
            continue
        certain = _fits(action, holds) & _behaves(action, conduct)
        certain &= measures[action.facts[0]].value >= action.min_value
        if action.inside:
            certain &= _inside(windows, [measures[f].evidence for f in action.facts])
        result[name] = (certain.nonzero()[:, 0] * stride).tolist()
    return result


def _fits(action: Action, holds: Bool[Tensor, "windows facts"]) -> Bool[Tensor, " windows"]:
    needed = torch.tensor([fact in action.facts for fact in FACTS])
    free = torch.tensor([fact in action.besides for fact in FACTS])
    return ((holds == needed) | free).all(-1)


def _behaves(action: Action, conduct: Conduct) -> Bool[Tensor, " windows"]:
    return (
        (conduct.path <= action.max_path)
        & (conduct.forward >= action.min_forward)
        & (conduct.turn <= action.max_turn)
        & (conduct.top_speed <= action.max_speed)
        & (conduct.left_hand <= action.left_hand)
        & (conduct.right_hand <= action.right_hand)
        & (conduct.hand_travel <= action.hand_travel)
        & (conduct.lowest_hips >= action.lowest_hips)
        & (conduct.lean <= action.max_lean)
        & (conduct.grounded >= action.grounded)
    )


def _inside(
    windows: BodyTrace, evidence: list[Bool[Tensor, "windows frames"]]
) -> Bool[Tensor, " windows"]:
    edge = windows.frames(0.2)
    ends = [seen[:, :edge].any(-1) | seen[:, -edge:].any(-1) for seen in evidence]
    return ~torch.stack(ends).any(0)
