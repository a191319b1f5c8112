"""Predicates against windows labelled by eye, and against the pack's facts and captions.

    python benchmarks/predicates.py --pack ../shared/data/cmu

Prints Markdown: precision and recall of facts, events, sentences and pose facts on the labelled
windows (``benchmarks/labels``), and how facts and events agree with the pack's own facts and
captions on segments of test clips; or the labelled windows that differ (``--misses``). Nothing may
be tuned on these.
"""

import argparse
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from label_windows import LABELS, SPLITS, amount, motion_of

from marey.evaluation import PHRASES
from marey.io.cmu_pack import CmuPack, CmuSegment
from marey.metrics import wilson_interval
from marey.motion import Motion
from marey.predicates import POSE_FACTS, Event, PoseFacts, find_all, find_events
from marey.predicates.statements import claims

TURN = 45.0
"""Degrees of net turning that a label calls a turn."""
TRAVEL = 0.4
"""Metres in its main direction from which events say that a body travels."""
PRECISION, RECALL = 0.9, 0.8
"""What is asked of each category."""
WAYS = ("forward", "backward", "left", "right")
CATEGORIES = (
    *(f"turns {side}" for side in ("left", "right")),
    "takes steps",
    *(f"travels {way}" for way in WAYS),
    *(f"{side} hand above head" for side in ("left", "right")),
    "jumps",
)
FACT = {
    "turns left": ("turns_left",),
    "turns right": ("turns_right",),
    "travels forward": ("walks_forward", "runs"),
    "travels backward": ("walks_backward",),
    "travels left": ("sidesteps_left",),
    "travels right": ("sidesteps_right",),
    "left hand above head": ("raises_left_hand",),
    "right hand above head": ("raises_right_hand",),
    "jumps": ("jumps",),
}
"""Facts, one of which says a category."""
SENTENCE = {
    "turns left": "turns left",
    "turns right": "turns right",
    "takes steps": "steps",
    "travels forward": "moves forward",
    "travels backward": "moves backward",
    "travels left": "moves left",
    "travels right": "moves right",
    "left hand above head": "raises the left hand above the head",
    "right hand above head": "raises the right hand above the head",
    "jumps": "jumps",
}
"""Simple sentences that say a category."""
Said = Mapping[str, bool | None]
"""Category to whether it is true; None where it cannot be said, absent where it is not asked."""


def by_facts(motion: Motion) -> Said:
    """What the clip-level facts say.

    That of a raised hand also wants the other hand down; here it counts where the hand is seen up.
    """
    found = find_all(motion)
    said = {name: any(found[fact].holds for fact in facts) for name, facts in FACT.items()}
    for side in ("left", "right"):
        said[f"{side} hand above head"] = found[f"raises_{side}_hand"].interval is not None
    return said


def by_events(motion: Motion) -> Said:
    """What the events say: net turn, any step, main direction, hands ever overhead, jumps."""
    events = find_events(motion)
    turn = total(events, "turns", "left") - total(events, "turns", "right")
    metres = {way: sum(total(events, action, way) for action in MOVES) for way in WAYS}
    main = max(WAYS, key=lambda way: metres[way])
    said = {"turns left": turn >= TURN, "turns right": turn <= -TURN}
    said["takes steps"] = any(event.action == "steps" for event in events)
    said |= {f"travels {way}": way == main and metres[way] >= TRAVEL for way in WAYS}
    for side in ("left", "right"):
        said[f"{side} hand above head"] = any(
            e.slot == f"{side}_arm" and e.target == "overhead" and e.action in ("raises", "holds")
            for e in events
        )
    return said | {"jumps": any(event.action == "jumps" for event in events)}


def by_sentences(motion: Motion) -> Said:
    """What sentences say that are tested on the events: anything that happens at some time."""
    events = find_events(motion)
    return {
        category: all(claim.holds(events) for claim in claims(sentence))
        for category, sentence in SENTENCE.items()
    }


def by_poses(motion: Motion) -> Said:
    """What the pose facts say of the hands: above the head in some frame."""
    facts = PoseFacts.of(motion)
    said = {}
    for side in ("left", "right"):
        name = f"{side}_hand_over_head"
        above = POSE_FACTS[[fact.name for fact in POSE_FACTS].index(name)].bins.index("above")
        said[f"{side} hand above head"] = bool((facts.code(name) == above).any())
    return said


MOVES = ("walks", "runs", "sidesteps", "moves", "crawls", "jumps")


def total(events: Iterable[Event], action: str, way: str) -> float:
    """Add up the extents of the whole body's events of one action and direction."""
    return sum(
        e.extent or 0.0
        for e in events
        if e.slot == "global" and e.action == action and e.direction == way
    )


SYSTEMS: Mapping[str, Callable[[Motion], Said]] = {
    "facts": by_facts,
    "events": by_events,
    "sentences": by_sentences,
    "poses": by_poses,
}


def by_eye(row: Mapping[str, Any]) -> Said:
    """What the labels of a window say; a window of mixed travel is not asked for its direction."""
    yes = {"yes": True, "no": False, "unsure": None}
    said: dict[str, bool | None] = {"takes steps": yes[row["steps"]], "jumps": yes[row["jump"]]}
    for side in ("left", "right"):
        said[f"turns {side}"] = None if row["turn"] == "unsure" else row["turn"] == side
    for way in WAYS:
        clear = row["travel"] not in ("unsure", "mixed")
        said[f"travels {way}"] = row["travel"] == way if clear else None
    for side in ("left", "right"):
        said[f"{side} hand above head"] = yes[row[f"{side}_hand_up"]]
    return said


@dataclass(frozen=True, kw_only=True)
class Score:
    """Counts of one category: said and true, said and false, not said but true, neither."""

    hits: int = 0
    false: int = 0
    missed: int = 0
    neither: int = 0

    @classmethod
    def of(cls, pairs: Sequence[tuple[bool, bool]]) -> "Score":
        """Count pairs of said and true."""
        return cls(
            hits=pairs.count((True, True)),
            false=pairs.count((True, False)),
            missed=pairs.count((False, True)),
            neither=pairs.count((False, False)),
        )

    def met(self) -> bool:
        """Whether the bar is met; what never occurs or is never said does not meet it."""
        said, true = self.hits + self.false, self.hits + self.missed
        return min(said, true) > 0 and self.hits >= PRECISION * said and self.hits >= RECALL * true


def score(said: Sequence[Said], true: Sequence[Said], category: str) -> Score:
    """Count the windows that both can say something about."""
    pairs = [(s.get(category), t.get(category)) for s, t in zip(said, true, strict=True)]
    return Score.of([(s, t) for s, t in pairs if s is not None and t is not None])


def share(held: int, tried: int) -> str:
    """Write a share with its counts and Wilson's 95 % interval."""
    if not tried:
        return "–"
    low, high = wilson_interval(held, tried)
    return f"{held / tried:.2f} ({held}/{tried}; {low:.2f}–{high:.2f})"


def label_table(rows: Sequence[Mapping[str, Any]], found: Mapping[str, Sequence[Said]]) -> str:
    """Write precision and recall of each system on the labelled windows."""
    lines = [
        "| category | by | precision | recall | neither | bar met |",
        "|---|---|---|---|---|---|",
    ]
    for category in CATEGORIES:
        for system, said in found.items():
            if category not in said[0]:
                continue
            s = score(said, [by_eye(row) for row in rows], category)
            cells = (share(s.hits, s.hits + s.false), share(s.hits, s.hits + s.missed))
            bar = "yes" if s.met() else "**no**"
            lines.append(
                f"| {category} | {system} | {cells[0]} | {cells[1]} | {s.neither} | {bar} |"
            )
    return "\n".join(lines)


def misses(rows: Sequence[Mapping[str, Any]], found: Mapping[str, Sequence[Said]]) -> str:
    """List the windows in which a system and the labels differ."""
    lines = []
    for category in CATEGORIES:
        for system, said in found.items():
            for number, (row, one) in enumerate(zip(rows, said, strict=True)):
                true = by_eye(row)[category]
                if None not in (true, one.get(category)) and true != one[category]:
                    kind = "missed" if true else "false"
                    place = f"{row['clip']} {row['start']}–{row['end']}"
                    lines.append(f"{category}, {system}, {kind}: {number} ({place})")
    return "\n".join(lines)


def by_pack_facts(segment: CmuSegment) -> Said:
    """What the pack's facts say of a segment, where they are clear."""
    net = re.search(r"turn ([+-]?\d+) deg", segment.facts[0])
    steps = re.search(r"steps L(\d+) R(\d+)", segment.facts[1])
    seconds = segment.facts[2:]
    said: dict[str, bool | None] = {}
    if net:
        said["turns left"] = clear(float(net[1]), 30, 60)
        said["turns right"] = clear(-float(net[1]), 30, 60)
    if steps:
        said["takes steps"] = clear(int(steps[1]) + int(steps[2]), 0, 2)
    metres = {w: amount(f"moves {w}")(seconds) for w in ("fwd", "back", "left", "right")}
    for way, words in zip(WAYS, metres, strict=True):
        most = metres[words] >= max(metres.values())
        said[f"travels {way}"] = clear(metres[words], 0.3, 1.0) if most else False
    for side, letter in (("left", "L"), ("right", "R")):
        said[f"{side} hand above head"] = any(f"{letter} hand above head" in s for s in seconds)
    return said | {"jumps": any("airborne" in second for second in seconds)}


def clear(value: float, no: float, yes: float) -> bool | None:
    """Whether a value is at least ``yes``, at most ``no``, or in between."""
    return True if value >= yes else False if value <= no else None


def pack_table(segments: Sequence[CmuSegment], found: Mapping[str, Sequence[Said]]) -> str:
    """Write how each system agrees with the pack's facts on segments of test clips."""
    lines = [
        "| category | by | both | only predicate | only pack | neither | agreement |",
        "|---|---|---|---|---|---|---|",
    ]
    theirs = [by_pack_facts(segment) for segment in segments]
    for category in CATEGORIES:
        for system, said in found.items():
            if category in said[0]:
                s = score(said, theirs, category)
                same, total_ = s.hits + s.neither, s.hits + s.neither + s.false + s.missed
                counts = f"{s.hits} | {s.false} | {s.missed} | {s.neither}"
                lines.append(f"| {category} | {system} | {counts} | {same / total_:.2f} |")
    return "\n".join(lines)


CAPTIONED = {
    "turns left": "turns left",
    "turns right": "turns right",
    "walks forward": "travels forward",
    "walks backward": "travels backward",
    "sidesteps left": "travels left",
    "sidesteps right": "travels right",
    "raises the left hand above the head": "left hand above head",
    "raises the right hand above the head": "right hand above head",
    "runs": "travels forward",
    "jumps": "jumps",
}
"""Phrases that captions may say, and the category that each is."""


def caption_table(segments: Sequence[CmuSegment], found: Mapping[str, Sequence[Said]]) -> str:
    """Write how often each system says what a caption says, and what none says."""
    lines = ["| caption says | by | said too | said of the others |", "|---|---|---|---|"]
    for phrase in PHRASES:
        category = CAPTIONED.get(phrase.name, "")
        for system, said in found.items():
            if category in said[0]:
                told = [phrase.is_said_in(segment.captions) for segment in segments]
                held = [bool(one[category]) for one in said]
                s = Score.of(list(zip(held, told, strict=True)))
                cells = (share(s.hits, s.hits + s.missed), share(s.false, s.false + s.neither))
                lines.append(f"| {phrase.name} | {system} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pack", type=Path, required=True, help="folder of the CMU pack")
    parser.add_argument("--misses", action="store_true", help="list what was missed, no more")
    options = parser.parse_args()
    pack = CmuPack.open(options.pack)
    rows = json.loads(LABELS.read_text(encoding="utf-8"))["windows"]
    windows = [motion_of(pack, row) for row in rows]
    found = {name: [system(m) for m in windows] for name, system in SYSTEMS.items()}
    if options.misses:
        print(misses(rows, found))
        return
    print(label_table(rows, found), flush=True)
    segments = [s for s in pack.segments if s.split in SPLITS and not s.flip]
    motions = [segment_motion(pack, segment) for segment in segments]
    agreed = {name: [SYSTEMS[name](m) for m in motions] for name in ("facts", "events")}
    print(f"\n{len(segments)} segments of test clips.\n\n{pack_table(segments, agreed)}")
    print(f"\n{caption_table(segments, agreed)}")


def segment_motion(pack: CmuPack, segment: CmuSegment) -> Motion:
    """Read the motion of a segment at its clip's rate."""
    fps = pack.clip(segment.clip).fps
    whole = pack.motion(segment.clip)
    last = min(round(segment.end * fps), whole.num_frames)
    return whole.crop(round(segment.start * fps), last)


if __name__ == "__main__":
    main()
