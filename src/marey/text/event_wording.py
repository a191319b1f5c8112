"""Words for events: what a part, a pair of parts or the whole body does, as a verb phrase.

Phrases about a part have no subject ("waves three times"), as users type them; those about a pair
name both ("the left hand touches the head"). Every phrase of a mirrored event is the mirrored
phrase (see ``text.mirror``).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby

from marey.predicates import ACTIONS, Event
from marey.skeleton.parts import GLOBAL_SLOT

IDLE = "does nothing"
"""What is said of a part that has nothing to do, as in LGTM."""

_COUNTS = ("", "once", "twice", "three times", "four times", "five times", "six times")
_ADVERBS = {"slow": " slowly", "normal": "", "fast": " quickly"}
_HEIGHTS = {
    "": "",
    "waist": " to waist height",
    "chest": " to chest height",
    "shoulder": " to shoulder height",
    "head": " to head height",
    "overhead": " above the head",
}
_HELD = {
    "waist": "is held at waist height",
    "chest": "is held at chest height",
    "shoulder": "is held at shoulder height",
    "head": "is held at head height",
    "overhead": "is held above the head",
    "lifted": "is held off the ground",
    "standing": "stands",
    "sitting": "stays seated",
    "squatting": "stays in a squat",
    "kneeling": "stays on the knees",
    "on all fours": "stays on all fours",
    "lying": "lies still",
}
_OTHER_SIDE = {"left": "right", "right": "left"}


def phrase(event: Event) -> str:
    """Return the verb phrase of one event, with how fast, how far and how often."""
    words = _PHRASES[event.action](event)
    if event.moves and event.action not in ("alternates", "moves together"):
        words += _ADVERBS[event.speed]
    return words if event.action in _TRAVELS else words + _times(event.count)


def sequence(events: Sequence[Event]) -> str:
    """Return what some events of one slot say one after the other; "" for none.

    Events that only repeat the one before are counted, and so are cycles of up to four.
    """
    told = [_together(list(same)) for _, same in groupby(events, key=_kind_of)]
    words: list[str] = []
    at = 0
    while at < len(told):
        size, rounds = _cycle([_kind_in_cycle(event) for event in told[at:]])
        if rounds > 1:
            end = at + size * rounds
            calm = [phrase(_shared(told[at + i : end : size])) for i in range(size)]
            words.append(f"{' and '.join(calm)},{_times(rounds)}")
        else:
            words.append(phrase(told[at]))
        at += size * rounds
    return ", then ".join(words)


def _cycle(kinds: Sequence[tuple[str, ...]]) -> tuple[int, int]:
    """Return how many of the first events form a cycle, and how many rounds of it there are."""
    for size in (2, 3, 4):
        rounds = 1
        while kinds[rounds * size : (rounds + 1) * size] == kinds[:size]:
            rounds += 1
        if rounds > 1:
            return size, rounds
    return 1, 1


def _kind_in_cycle(event: Event) -> tuple[str, ...]:
    """What rounds of a cycle share: heights may differ, where nothing needs to be said of them."""
    free = "" in ACTIONS[event.action].targets
    return (event.action, event.direction, "" if free else event.target)


def _shared(events: Sequence[Event]) -> Event:
    """One event for the same one in each round: the mean extent, and a height that all share."""
    first, targets = events[0], {event.target for event in events}
    extents = [event.extent for event in events if event.extent is not None]
    return replace(
        first,
        speed="normal",
        target=first.target if len(targets) == 1 else "",
        extent=sum(extents) / len(extents) if extents else None,
    )


def _kind_of(event: Event) -> tuple[str, ...]:
    return (event.action, event.direction, event.target)


def _together(events: list[Event]) -> Event:
    """One event for several alike: counts and distances add up, and a shared speed stays."""
    first, speeds = events[0], {event.speed for event in events}
    if len(events) == 1:
        return first
    extent, count = first.extent, None
    if first.action in _TRAVELS or first.action == "turns":
        extent = sum(each.extent or 0.0 for each in events)
    elif first.moves:
        count = sum(each.count or 1 for each in events)
    speed = first.speed if len(speeds) == 1 else "normal"
    return replace(first, end=events[-1].end, extent=extent, count=count, speed=speed)


_TRAVELS = ("walks", "runs", "sidesteps", "moves", "crawls")


def _times(count: int | None) -> str:
    if count is None or count < 2:
        return ""
    return f" {_COUNTS[count]}" if count < len(_COUNTS) else " many times"


def _way(direction: str) -> str:
    if not direction:
        return ""
    return f" to the {direction}" if direction in _OTHER_SIDE else f" {direction}"


def _travel(event: Event) -> str:
    far = "" if event.extent is None else f" about {_half_metres(event.extent)}"
    return f"{event.action}{_way(event.direction)}{far}"


def _half_metres(length: float) -> str:
    halves = max(1, round(2 * length))
    return "1 meter" if halves == 2 else f"{halves / 2:g} meters"


def _degrees(event: Event, step: int = 15) -> str:
    if event.extent is None:
        return ""
    return f" by about {max(step, step * round(abs(event.extent) / step))} degrees"


def _turn(event: Event) -> str:
    if event.slot == GLOBAL_SLOT:
        return f"turns {event.direction}{_degrees(event, 45)}"
    return f"turns to the {event.direction}"


def _swing(event: Event) -> str:
    ways = {"forward": "back and forth", "sideways": "from side to side", "up": "up and down"}
    return f"swings {ways[event.direction]}"


def _joint(event: Event) -> str:
    return "elbow" if event.slot.endswith("arm") else "knee"


def _touch(event: Event) -> str:
    """Say which hand touches what; of two arms, the event's direction is the one that acts."""
    parts = event.slot.split("+")
    if event.target == "hand":
        return "the hands touch"
    arm = next(part for part in parts if part.endswith("arm") and event.direction in part)
    hand = arm.removesuffix("_arm")
    side = {"shoulder": _OTHER_SIDE[hand], "elbow": _OTHER_SIDE[hand], "hip": hand}.get(
        event.target, parts[1].removesuffix("_leg")
    )
    whose = "" if event.target == "head" else f"{side} "
    return f"the {hand} hand touches the {whose}{event.target}"


def _limbs(event: Event) -> str:
    return "arms" if event.slot.endswith("arm") else "legs"


def _ends(event: Event) -> str:
    return "hands" if event.slot.endswith("arm") else "feet"


def _pair(event: Event) -> str:
    first, second = (part.replace("_", " ") for part in event.slot.split("+"))
    if first.split()[-1] == second.split()[-1]:
        return f"the {first.split()[-1]}s"
    return f"the {first} and the {second}"


def _cross(event: Event) -> str:
    over = f", the {event.direction} one in front" if event.direction else ""
    return f"the {_limbs(event)} cross{over}"


_PHRASES: dict[str, Callable[[Event], str]] = {
    **dict.fromkeys(_TRAVELS, _travel),
    "sidesteps": lambda e: f"sidesteps{_way(e.direction)}",
    "jumps": lambda e: f"jumps{_way(e.direction)}",
    "sits": lambda _: "sits down",
    "squats": lambda _: "squats down",
    "kneels": lambda _: "kneels down",
    "lies": lambda _: "lies down",
    "rises": lambda _: "gets up",
    "turns": _turn,
    "raises": lambda e: f"raises{_way(e.direction)}{_HEIGHTS[e.target]}",
    "lowers": lambda e: f"lowers{_HEIGHTS[e.target]}",
    "bends": lambda e: f"bends at the {_joint(e)}",
    "extends": lambda e: f"straightens at the {_joint(e)}",
    "swings": _swing,
    "circles": lambda _: "moves in circles",
    "holds": lambda e: _HELD[e.target],
    "stays": lambda _: IDLE,
    "leans": lambda e: f"leans{_way(e.direction)}{_degrees(e)}",
    "straightens": lambda _: "straightens up",
    "twists": lambda e: f"twists to the {e.direction}",
    "tilts": lambda e: f"looks {e.direction}",
    "nods": lambda _: "nods",
    "shakes": lambda _: "shakes from side to side",
    "waves": lambda _: "waves",
    "steps": lambda e: f"steps{_way(e.direction)}",
    "kicks": lambda e: f"kicks{_way(e.direction)}",
    "meet": lambda e: f"the {_ends(e)} meet",
    "part": lambda e: f"the {_ends(e)} part",
    "claps": lambda _: "the hands clap",
    "touches": _touch,
    "crosses": _cross,
    "leads": lambda e: f"the {e.direction} foot is in front",
    "alternates": lambda e: f"{_pair(e)} swing in turn",
    "moves together": lambda e: f"{_pair(e)} swing together",
}
