"""What people mention in sentences, and whether it is found in their motions.

    python benchmarks/mentions.py --pack ../shared/data/cmu

The sentences are KIT-ML's, one per clip, written by people who saw the motion; they are read here
and never shown. A mention is recovered if the events of the clip have it. Precision is low by
nature: people name only a part of what happens. The floor is the share of clips whose sentence
does not mention it that have it all the same. Thresholds of events were set on train and val.
Also how fast whole captions are made, in processor time.
"""

import argparse
import re
import time
from collections.abc import Sequence
from pathlib import Path

from events import ARMS, CAPTIONS, LEGS, Test, has

from marey.io.cmu_pack import CmuClip, CmuPack
from marey.metrics import wilson_interval
from marey.predicates import Event
from marey.text import caption

_ARM = ("raises", "lowers", "bends", "extends", "swings", "circles", "waves", "holds")
_LEG = ("steps", "kicks", "raises", "lowers", "bends", "extends", "swings", "circles", "holds")
PARTS: dict[str, tuple[str, Test]] = {
    "right arm or hand": (r"\bright (arm|hand|fist)", has(*_ARM, slots=(ARMS[1],))),
    "left arm or hand": (r"\bleft (arm|hand|fist)", has(*_ARM, slots=(ARMS[0],))),
    "right leg or foot": (r"\bright (leg|foot|knee)", has(*_LEG, slots=(LEGS[1],))),
    "left leg or foot": (r"\bleft (leg|foot|knee)", has(*_LEG, slots=(LEGS[0],))),
    "turn": (r"\bturn", has("turns", slots=("global",))),
}


def main() -> None:
    """Print a Markdown table for the clips of each group of splits."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pack", type=Path, required=True)
    options = parser.parse_args()
    pack = CmuPack.open(options.pack)
    told = [clip for clip in pack.clips if clip.kit_sentence and not clip.flips]
    for name, splits in (
        ("train and val", ("train", "val")),
        ("test", ("test", "test_repetition")),
    ):
        clips = [clip for clip in told if clip.split in splits]
        events, spent, seconds = [], 0.0, 0.0
        for motion in (pack.motion(clip.name) for clip in clips):
            begin = time.process_time()
            events.append(caption(motion).events)
            spent, seconds = spent + time.process_time() - begin, seconds + motion.seconds
        print(f"\n{name}: {len(clips)} clips, captions at {seconds / spent:.0f} x real time\n")
        print_table(clips, events)


def print_table(clips: Sequence[CmuClip], events: Sequence[Sequence[Event]]) -> None:
    """Print a line for every kind of mention that there is."""
    print("| mention | sentences | recall | 95 % interval | precision | floor |")
    print("|---|---|---|---|---|---|")
    for name, (words, test) in (PARTS | CAPTIONS).items():
        said = [bool(re.search(words, (clip.kit_sentence or "").lower())) for clip in clips]
        found = [test(each) for each in events]
        both = sum(s and f for s, f in zip(said, found, strict=True))
        if named := sum(said):
            others = sum(f and not s for s, f in zip(said, found, strict=True))
            low, high = wilson_interval(both, named)
            print(
                f"| {name} | {named} | {both / named:.2f} | {low:.2f}–{high:.2f} | "
                f"{both / max(1, both + others):.2f} | {others / max(1, len(clips) - named):.2f} |"
            )


if __name__ == "__main__":
    main()
