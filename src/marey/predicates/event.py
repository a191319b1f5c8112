"""Event: one thing that a part, a pair of parts or the whole body does for a while."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from types import MappingProxyType
from typing import Any

from marey.errors import InvalidInputError
from marey.predicates.posture import BEARING
from marey.skeleton.parts import GLOBAL_SLOT, SLOTS, mirrored_slot

SPEEDS = ("slow", "normal", "fast")
"""Words for how fast an event is, for its action."""
LEVELS = ("waist", "chest", "shoulder", "head", "overhead")
"""Heights that a hand is raised or lowered to, from below the belly to above the head."""

_SIDES = ("left", "right")
_WAYS = ("forward", "backward", "left", "right")
_ARMS = ("left_arm", "right_arm")
_LEGS = ("left_leg", "right_leg")
_HANDS, _FEET = "left_arm+right_arm", "left_leg+right_leg"
_ARM_LEG = tuple(f"{arm}+{leg}" for arm in _ARMS for leg in _LEGS)


@dataclass(frozen=True, kw_only=True)
class ActionKind:
    """What an action may be said of, and which words may go with it."""

    slots: tuple[str, ...]
    directions: tuple[str, ...] = ("",)
    """Ways it may take, seen from the body; "" where none needs to be named."""
    targets: tuple[str, ...] = ("",)
    """What it may lead to."""
    unit: str = ""
    """Unit of its extent; "" for an action without."""
    moves: bool = True
    """False for what a body does by not moving."""


TOUCHES: MappingProxyType[str, tuple[tuple[str, ...], tuple[str, ...]]] = MappingProxyType(
    {
        "hand": ((_HANDS,), ("",)),
        "head": (tuple(f"head+{arm}" for arm in _ARMS), ("",)),
        "shoulder": ((_HANDS,), _SIDES),
        "elbow": ((_HANDS,), _SIDES),
        "hip": (tuple(f"torso+{arm}" for arm in _ARMS), ("",)),
        "knee": (_ARM_LEG, ("",)),
        "foot": (_ARM_LEG, ("",)),
    }
)
"""What a hand can touch: in which pairs, and whether the side of the hand has to be told."""


def can_touch(slot: str, direction: str, target: str) -> bool:
    """Say whether a touch in a pair makes sense with these words."""
    slots, directions = TOUCHES[target]
    return slot in slots and direction in directions


def _kind(*slots: str, **words: Any) -> ActionKind:
    return ActionKind(slots=slots, **words)


ACTIONS: MappingProxyType[str, ActionKind] = MappingProxyType(
    {
        # the whole body
        "walks": _kind(GLOBAL_SLOT, directions=("forward", "backward"), unit="m"),
        "runs": _kind(GLOBAL_SLOT, directions=_WAYS, unit="m"),
        "sidesteps": _kind(GLOBAL_SLOT, directions=_SIDES, unit="m"),
        "moves": _kind(GLOBAL_SLOT, directions=_WAYS, unit="m"),
        "crawls": _kind(GLOBAL_SLOT, directions=_WAYS, unit="m"),
        "jumps": _kind(GLOBAL_SLOT, directions=("up", *_WAYS), unit="m"),
        "sits": _kind(GLOBAL_SLOT, unit="m"),
        "squats": _kind(GLOBAL_SLOT, unit="m"),
        "kneels": _kind(GLOBAL_SLOT, unit="m"),
        "lies": _kind(GLOBAL_SLOT, unit="m"),
        "rises": _kind(GLOBAL_SLOT, unit="m"),
        # several parts
        "turns": _kind(GLOBAL_SLOT, "head", directions=_SIDES, unit="deg"),
        "raises": _kind(
            *_ARMS,
            *_LEGS,
            directions=("", "forward", "backward", "sideways"),
            targets=("", *LEVELS),
            unit="m",
        ),
        "lowers": _kind(*_ARMS, *_LEGS, targets=("", *LEVELS), unit="m"),
        "bends": _kind(*_ARMS, *_LEGS, unit="deg"),
        "extends": _kind(*_ARMS, *_LEGS, unit="deg"),
        "swings": _kind(*_ARMS, *_LEGS, directions=("forward", "sideways", "up"), unit="m"),
        "circles": _kind(*_ARMS, *_LEGS, directions=("forward", "sideways", "level"), unit="m"),
        "holds": _kind(
            GLOBAL_SLOT, *_ARMS, *_LEGS, targets=(*BEARING, *LEVELS, "lifted"), moves=False
        ),
        "stays": _kind("torso", "head", *_ARMS, *_LEGS, moves=False),
        # single parts
        "leans": _kind("torso", directions=_WAYS, unit="deg"),
        "straightens": _kind("torso", unit="deg"),
        "twists": _kind("torso", directions=_SIDES, unit="deg"),
        "tilts": _kind("head", directions=("up", "down"), unit="deg"),
        "nods": _kind("head", unit="deg"),
        "shakes": _kind("head", unit="deg"),
        "waves": _kind(*_ARMS, unit="m"),
        "steps": _kind(*_LEGS, directions=("in place", *_WAYS), unit="m"),
        "kicks": _kind(*_LEGS, directions=_WAYS, unit="m"),
        # pairs
        "meet": _kind(_HANDS, _FEET, unit="m"),
        "part": _kind(_HANDS, _FEET, unit="m"),
        "claps": _kind(_HANDS, unit="m"),
        "touches": _kind(
            *dict.fromkeys(slot for slots, _ in TOUCHES.values() for slot in slots),
            directions=("", *_SIDES),
            targets=tuple(TOUCHES),
            moves=False,
        ),
        "crosses": _kind(_HANDS, _FEET, directions=("", *_SIDES), moves=False),
        "leads": _kind(_FEET, directions=_SIDES, unit="m", moves=False),
        "alternates": _kind(_HANDS, _FEET, *_ARM_LEG),
        "moves together": _kind(_HANDS, _FEET, *_ARM_LEG),
    }
)
"""The vocabulary: all actions, in the order of a table in docs/concepts/captions.md."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One action of one slot over a span of time.

    Raises InvalidInputError for words that are not in `ACTIONS`, or a span that is not
    ``0 <= start < end``.
    """

    slot: str
    action: str
    start: float
    """Seconds from the first frame."""
    end: float
    """Seconds from the first frame."""
    direction: str = ""
    """Which way, seen from the body; for a pair, the side that acts or is in front."""
    target: str = ""
    """What the action leads to or is held at."""
    extent: float | None = None
    """How much, in ``unit``; lengths are scaled to the legs of body22."""
    speed: str = "normal"
    """One of `SPEEDS`."""
    count: int | None = None
    """How often, for actions that repeat."""

    def __post_init__(self) -> None:
        _require(self.action, ACTIONS, "action")
        kind = ACTIONS[self.action]
        _require(self.slot, kind.slots, f"slot that {self.action!r} can be said of")
        _require(self.direction, kind.directions, f"direction of {self.action!r}")
        _require(self.target, kind.targets, f"target of {self.action!r}")
        _require(self.speed, SPEEDS, "speed")
        if self.action == "touches" and not can_touch(self.slot, self.direction, self.target):
            slots, directions = TOUCHES[self.target]
            raise InvalidInputError(
                f"expected a touch of the {self.target} in one of {', '.join(slots)} with a "
                f"direction of {directions}, got {self.slot!r} and {self.direction!r}."
            )
        if not 0 <= self.start < self.end < float("inf"):
            raise InvalidInputError(
                f"expected 0 <= start < end in seconds, got start={self.start}, end={self.end} "
                f"for {self.action!r}."
            )

    @property
    def seconds(self) -> float:
        """Duration."""
        return self.end - self.start

    @property
    def unit(self) -> str:
        """Unit of the extent."""
        return ACTIONS[self.action].unit

    @property
    def frequency(self) -> float | None:
        """Repetitions per second, for actions that repeat."""
        return None if self.count is None else self.count / self.seconds

    @property
    def moves(self) -> bool:
        """Whether something moves in it."""
        return ACTIONS[self.action].moves

    def mirrored(self) -> "Event":
        """The event of the mirrored motion."""
        direction = MIRRORED_DIRECTION.get(self.direction, self.direction)
        return replace(self, slot=mirrored_slot(self.slot), direction=direction)

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary that `from_json` turns back into an equal event."""
        return {k: v for k, v in asdict(self).items() if v not in ("", None)}

    @classmethod
    def from_json(cls, content: Any) -> "Event":
        """The event that `to_json` wrote. Raises InvalidInputError that names a wrong field."""
        fields = dict(content) if isinstance(content, Mapping) else {}
        missing = [name for name in ("slot", "action", "start", "end") if name not in fields]
        unknown = [name for name in fields if name not in cls.__dataclass_fields__]
        if missing or unknown:
            raise InvalidInputError(
                f"event: expected an object with slot, action, start and end, got {content!r:.80}; "
                f"missing: {missing or 'none'}, unknown: {unknown or 'none'}."
            )
        for name, value in fields.items():
            types, expected = _JSON_TYPES[name]
            if type(value) not in types:
                raise InvalidInputError(f"event.{name}: expected {expected}, got {value!r:.60}.")
            fields[name] = float(value) if float in types else value
        return cls(**fields)


_JSON_TYPES: MappingProxyType[str, tuple[tuple[type, ...], str]] = MappingProxyType(
    dict.fromkeys(("slot", "action", "direction", "target", "speed"), ((str,), "a string"))
    | dict.fromkeys(("start", "end", "extent"), ((int, float), "a number"))
    | {"count": ((int,), "a whole number")}
)


MIRRORED_DIRECTION: MappingProxyType[str, str] = MappingProxyType(
    {"left": "right", "right": "left"}
)
"""The direction that a direction becomes when left and right are exchanged; others stay."""


def possible_events(slots: Sequence[str] = SLOTS) -> Iterator[Event]:
    """Yield an event of one second for all that can be said of some slots."""
    for action, kind in ACTIONS.items():
        own = [slot for slot in kind.slots if slot in slots]
        for slot, direction, target in product(own, kind.directions, kind.targets):
            if action != "touches" or can_touch(slot, direction, target):
                yield Event(
                    slot=slot,
                    action=action,
                    start=0.0,
                    end=1.0,
                    direction=direction,
                    target=target,
                )


def order(event: Event) -> tuple[Any, ...]:
    """Key that sorts events by start, then end, then everything else."""
    return (
        event.start,
        event.end,
        event.slot,
        event.action,
        event.direction,
        event.target,
        event.extent or 0.0,
    )


def _require(value: str, choices: Collection[str], what: str) -> None:
    if value not in choices:
        named = ", ".join(repr(choice) for choice in choices)
        raise InvalidInputError(f"expected a {what}, got {value!r}. Choose one of {named}.")
