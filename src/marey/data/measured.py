"""Captions measured from geometry: windows of a clip in which one plain action is certain."""

from dataclasses import dataclass
from types import MappingProxyType

import torch
from jaxtyping import Bool
from torch import Tensor

from marey.data.measured_wordings import wordings
from marey.motion import Motion
from marey.predicates import FACTS, MEASURES, BodyTrace, Conduct

STRIDE = 0.25
"""Seconds between the starts of neighbouring windows."""
MAX_OVERLAP = 0.3
"""Share of the shorter window that two windows of one action may have in common."""


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

    facts: frozenset[str]
    besides: frozenset[str] = frozenset()
    seconds: tuple[float, ...] = (6.0, 5.0, 4.0, 3.0, 2.0)
    """Lengths of window to try; earlier ones are preferred."""
    max_path: float = float("inf")
    min_forward: float = float("-inf")
    max_turn: float = float("inf")
    hands_low: bool = True
    """Whether both hands stay below the head all the time."""
    tall: bool = True
    """Whether the hips stay at standing height all the time."""
    inside: bool = False
    """Whether the evidence must begin after the first and end before the last 0.2 s."""
    cap: int = 12
    """Windows per clip at most."""


def _action(*facts: str, **bounds: object) -> Action:
    besides = bounds.pop("besides", ())
    return Action(facts=frozenset(facts), besides=frozenset(besides), **bounds)  # type: ignore


def _sided(side: str) -> dict[str, Action]:
    turns, raises, kicks = f"turns_{side}", f"raises_{side}_hand", f"kicks_{side}"
    short = (3.0, 2.5, 2.0)
    return {
        f"sidestep_{side}": _action(f"sidesteps_{side}", max_turn=35),
        f"turn_{side}": _action(turns, max_path=0.8, seconds=(4.0, 3.0, 2.0)),
        f"walk_turn_{side}": _action("walks_forward", turns, cap=6),
        f"run_turn_{side}": _action("runs", turns, seconds=(4.0, 3.0, 2.0, 1.5)),
        f"raise_{side}_hand": _action(
            raises, max_path=0.5, max_turn=45, hands_low=False, seconds=(5.0, 4.0, 3.0, 2.0)
        ),
        f"walk_raise_{side}_hand": _action(raises, "walks_forward", hands_low=False),
        f"kick_{side}": _action(
            kicks, besides=(turns,), max_path=1.0, hands_low=False, tall=False, seconds=short
        ),
        f"step_kick_{side}": _action(
            kicks, "walks_forward", hands_low=False, tall=False, seconds=(4.0, *short)
        ),
    }


ACTIONS: MappingProxyType[str, Action] = MappingProxyType(
    {
        "walk_forward": _action("walks_forward", max_turn=20, cap=6),
        "walk_backward": _action("walks_backward", max_turn=40),
        "run": _action("runs", max_turn=30, tall=False, seconds=(5.0, 4.0, 3.0, 2.0, 1.5)),
        "jump": _action(
            "jumps", max_path=0.5, max_turn=40, hands_low=False, tall=False, inside=True,
            seconds=(4.0, 3.0, 2.0), cap=6,
        ),
        "jump_forward": _action(
            "jumps", min_forward=0.6, max_turn=40, hands_low=False, tall=False, inside=True,
            seconds=(4.0, 3.0, 2.0), cap=6,
        ),
        "sit_down": _action(
            "sits_down", besides=("squats", "turns_left", "turns_right"), tall=False,
        ),
        "squat": _action(
            "squats", max_path=0.5, max_turn=30, hands_low=False, tall=False,
            seconds=(4.0, 3.0, 5.0), cap=8,
        ),
        "stand_still": _action("stands_still", cap=4),
        **_sided("left"),
        **_sided("right"),
    }
)  # fmt: skip
"""The actions of which windows are made; ``measured_wordings`` has their sentences."""


def measured_windows(motion: Motion) -> list[MeasuredWindow]:
    """Return windows of 1.5 to 6 s in which exactly one plain action is certain, by start.

    Windows of one action hardly overlap; those of different actions may. The result of a
    mirrored motion has the same windows with actions and sentences mirrored.
    """
    trace = BodyTrace.of(motion)
    found: dict[str, list[tuple[int, int]]] = {name: [] for name in ACTIONS}
    lengths = sorted({s for action in ACTIONS.values() for s in action.seconds}, reverse=True)
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
        if action.inside:
            certain &= _inside(windows, [measures[f].evidence for f in action.facts])
        result[name] = (certain.nonzero()[:, 0] * stride).tolist()
    return result


def _fits(action: Action, holds: Bool[Tensor, "windows facts"]) -> Bool[Tensor, " windows"]:
    needed = torch.tensor([fact in action.facts for fact in FACTS])
    free = torch.tensor([fact in action.besides for fact in FACTS])
    return ((holds == needed) | free).all(-1)


def _behaves(action: Action, conduct: Conduct) -> Bool[Tensor, " windows"]:
    fits = (
        (conduct.path <= action.max_path)
        & (conduct.forward >= action.min_forward)
        & (conduct.turn.abs() <= action.max_turn)
    )
    if action.hands_low:
        fits &= conduct.hands_below_head >= 0.1
    if action.tall:
        fits &= conduct.lowest_hips >= 0.8
    return fits


def _inside(
    windows: BodyTrace, evidence: list[Bool[Tensor, "windows frames"]]
) -> Bool[Tensor, " windows"]:
    edge = windows.frames(0.2)
    ends = [seen[:, :edge].any(-1) | seen[:, -edge:].any(-1) for seen in evidence]
    return ~torch.stack(ends).any(0)
