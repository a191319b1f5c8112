"""How well events agree with what else is known of captioned windows.

    python benchmarks/events.py --pack ../shared/data/cmu --split val

First table: the pack's ``facts``, measured by other code, second by second. A window is positive
for a category if its seconds say so clearly, negative if none does, and left out between. Second
table: the words of captions, which name only some of what happens: recall is the share of windows
with the word that have the event; the floor is the share of all other windows that have it.
Last: milliseconds of one core per 5 s of motion.
"""

import argparse
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from marey.io.cmu_pack import CmuPack, CmuSegment
from marey.predicates import Event, find_events

Test = Callable[[Sequence[Event]], bool]
Verdict = Callable[[CmuSegment], bool | None]


def has(
    *actions: str,
    slots: tuple[str, ...] = (),
    direction: str = "",
    targets: tuple[str, ...] = (),
    least: float = 0.0,
) -> Test:
    """Return the test whether there is an event of that kind."""

    def test(events: Sequence[Event]) -> bool:
        return any(
            e.action in actions
            and (not slots or e.slot in slots)
            and direction in ("", e.direction)
            and (not targets or e.target in targets)
            and (e.extent or 0.0) >= least
            for e in events
        )

    return test


def longest_sum(segment: CmuSegment, words: str) -> float:
    """Return the largest sum of the numbers after some words over seconds in a row."""
    number = re.compile(rf"\b{words} (-?\d+(?:\.\d+)?)")
    best = total = 0.0
    for line in segment.facts[2:]:
        found = number.search(line)
        total = total + float(found[1]) if found else 0.0
        best = max(best, total)
    return best


def clearly(words: str, *, least: float, most: float = 0.0) -> Verdict:
    """Return the verdict: true from ``least`` on, false up to ``most``, else none."""

    def verdict(segment: CmuSegment) -> bool | None:
        value = longest_sum(segment, words)
        return True if value >= least else False if value <= most else None

    return verdict


def seconds(positive: str, negative: str) -> Verdict:
    """Return the verdict: true if a second has ``positive``, false if none has ``negative``."""

    def verdict(segment: CmuSegment) -> bool | None:
        lines = segment.facts[2:]
        if any(re.search(positive, line) for line in lines):
            return True
        return None if any(re.search(negative, line) for line in lines) else False

    return verdict


def stepping(segment: CmuSegment) -> bool | None:
    """Whether there are steps: true beyond a metre of path in four steps, false if all is still."""
    path = re.search(r"path (\d+\.\d+)", segment.facts[0])
    counts = re.search(r"steps L(\d+) R(\d+)", segment.facts[1])
    still = all("standing still" in line or "small motion" in line for line in segment.facts[2:])
    if path is None or counts is None or still:
        return False if still else None
    return True if float(path[1]) >= 1.0 and int(counts[1]) + int(counts[2]) >= 4 else None


TRAVEL = ("walks", "runs", "sidesteps", "moves", "crawls")
HIGH = ("raises", "holds", "lowers", "waves", "circles")
FACTS: dict[str, tuple[Verdict, Test]] = {
    "turns left": (
        clearly("turns left", least=60),
        has("turns", slots=("global",), direction="left"),
    ),
    "turns right": (
        clearly("turns right", least=60),
        has("turns", slots=("global",), direction="right"),
    ),
    "goes forward": (clearly("moves fwd", least=1.0), has(*TRAVEL, direction="forward")),
    "goes backward": (clearly("moves back", least=0.8), has(*TRAVEL, direction="backward")),
    "goes left": (clearly("moves left", least=0.6), has(*TRAVEL, direction="left")),
    "goes right": (clearly("moves right", least=0.6), has(*TRAVEL, direction="right")),
    "steps": (stepping, has("steps")),
    "left hand up": (
        seconds("L hand above head", "L hand (above|near|at)"),
        has(*HIGH, slots=("left_arm",), targets=("overhead", "head")),
    ),
    "right hand up": (
        seconds("R hand above head", "R hand (above|near|at)"),
        has(*HIGH, slots=("right_arm",), targets=("overhead", "head")),
    ),
    "hands together": (
        seconds("hands together", "hands together"),
        has("touches", "meet", "claps", slots=("left_arm+right_arm",)),
    ),
    "leans forward": (
        clearly("torso leans forward", least=40, most=0),
        has("leans", direction="forward"),
    ),
    "left knee lifted": (
        seconds("L knee lifted", "L (knee|foot)"),
        has("raises", "kicks", "holds", slots=("left_leg",)),
    ),
    "right knee lifted": (
        seconds("R knee lifted", "R (knee|foot)"),
        has("raises", "kicks", "holds", slots=("right_leg",)),
    ),
}
ARMS, LEGS = ("left_arm", "right_arm"), ("left_leg", "right_leg")
CAPTIONS: dict[str, tuple[str, Test]] = {
    "walk": (r"\bwalk(s|ing)?\b", has("walks", "sidesteps")),
    "backward": (r"\bbackwards?\b", has(*TRAVEL, "jumps", direction="backward")),
    "sidestep left": (r"\b(sideways|side ?steps?) (\w+ ){0,3}left", has(*TRAVEL, direction="left")),
    "sidestep right": (
        r"\b(sideways|side ?steps?) (\w+ ){0,3}right",
        has(*TRAVEL, direction="right"),
    ),
    "run": (r"\b(run|jog)(s|ning|ging)?\b", has("runs")),
    "turn left": (r"\bturn(s|ing)? (\w+ ){0,2}left", has("turns", direction="left")),
    "turn right": (r"\bturn(s|ing)? (\w+ ){0,2}right", has("turns", direction="right")),
    "jump": (r"\b(jump|hop|leap)", has("jumps")),
    "kick": (r"\bkick", has("kicks")),
    "sit": (r"\bsits\b", has("sits", "holds", targets=("", "sitting"), slots=("global",))),
    "squat": (r"\b(squat|crouch)", has("squats", slots=("global",))),
    "kneel": (r"\bkneel", has("kneels")),
    "crawl": (r"\b(crawl|all fours)", has("crawls", "holds", targets=("", "on all fours"))),
    "stand up": (r"\b(stands up|gets up|rises)", has("rises")),
    "wave": (r"\b(wave|waves|waving)\b", has("waves")),
    "swing arms": (r"swing(s|ing)? (\w+ ){0,2}arms?", has("swings", slots=ARMS)),
    "raise arm": (r"\braise(s|d)? (\w+ ){0,3}(arm|hand)", has("raises", slots=ARMS)),
    "clap": (r"\bclap", has("claps")),
    "hands on hips": (r"hands? on (\w+ )?(hips?|waist)", has("touches", targets=("hip",))),
    "cross arms": (
        r"(arms? crossed|crosses (\w+ )?arms)",
        has("crosses", slots=(ARMS[0] + "+" + ARMS[1],)),
    ),
    "bend forward": (
        r"\b(bends?|leans?) (\w+ )?(forward|over|down)",
        has("leans", direction="forward"),
    ),
    "lift leg": (
        r"\b(lift|raise)s? (\w+ ){0,3}(leg|knee|foot)",
        has("raises", "holds", "kicks", slots=LEGS),
    ),
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--limit", type=int, default=10_000, help="windows at most")
    arguments = parser.parse_args()
    pack = CmuPack.open(arguments.pack)
    chosen = [s for s in pack.segments if s.split == arguments.split and not s.flip]
    windows = chosen[:: max(1, -(-len(chosen) // arguments.limit))]
    events, spent, total = [], 0.0, 0.0
    for segment in windows:
        whole = pack.motion(segment.clip)
        first, last = round(segment.start * whole.fps), round(segment.end * whole.fps)
        motion = whole.crop(first, min(last, whole.num_frames))
        begin = time.process_time()
        events.append(find_events(motion))
        spent, total = spent + time.process_time() - begin, total + motion.seconds
    print(f"{len(windows)} windows of {arguments.split}, {total / 60:.0f} min")
    print_facts(windows, events)
    print_captions(windows, events)
    print(f"\n{5000 * spent / total:.1f} ms per 5 s on one core, {total / spent:.0f} x real time")


def print_facts(windows: Sequence[CmuSegment], events: Sequence[Sequence[Event]]) -> None:
    """Print precision and recall against the measured facts."""
    print(f"\n{'measured facts':20s} precision  recall  windows with it / without")
    for name, (verdict, test) in FACTS.items():
        pairs = [(verdict(w), test(e)) for w, e in zip(windows, events, strict=True)]
        both = sum(v is True and t for v, t in pairs)
        true, found = sum(v is True for v, _ in pairs), sum(v is not None and t for v, t in pairs)
        false = sum(v is False for v, _ in pairs)
        precision, recall = both / max(found, 1), both / max(true, 1)
        print(f"{name:20s} {precision:9.2f} {recall:7.2f}  {true} / {false}")


def print_captions(windows: Sequence[CmuSegment], events: Sequence[Sequence[Event]]) -> None:
    """Print how often a named act is found, and how often it is where it is not named."""
    print(f"\n{'caption words':20s} recall  floor  windows with the word")
    for name, (words, test) in CAPTIONS.items():
        said = [any(re.search(words, text) for text in w.captions) for w in windows]
        found = [test(e) for e in events]
        named = [f for s, f in zip(said, found, strict=True) if s]
        others = [f for s, f in zip(said, found, strict=True) if not s]
        recall, floor = sum(named) / max(len(named), 1), sum(others) / max(len(others), 1)
        print(f"{name:20s} {recall:6.2f} {floor:6.2f}  {len(named)}")


if __name__ == "__main__":
    main()
