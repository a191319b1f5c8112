"""Windows of real motion to be labelled by eye: chooses them, and draws the pages to look at.

    python benchmarks/label_windows.py choose --pack ../shared/data/cmu
    python benchmarks/label_windows.py draw --pack ../shared/data/cmu --out out/label_windows

``choose`` prints the windows of ``benchmarks/labels/windows.json`` without their labels: 3 to 4 s
of test clips, some for a cue in the pack's facts or captions, the others at random. ``draw`` draws
each as sixteen poses and a map, on pages that show a number and neither texts nor measurements.
"""

import argparse
import json
import math
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from marey.io.cmu_pack import CmuPack, CmuSegment
from marey.io.render import contact_sheet
from marey.motion import Motion

LABELS = Path(__file__).parent / "labels" / "windows.json"
SPLITS = ("test", "test_repetition")
SEED = 4
SECONDS = (3.0, 4.0)
PER_CUE, AT_RANDOM = 11, 42
PER_CLIP, PER_CLIP_AND_CUE = 3, 2
MORE_PER_CUE, MORE_PER_CLIP = 10, 6
POSES, ROW = 16, 8
POSE_SIZE = (116, 172)
PER_PAGE = 4
INK, PALE = (52, 58, 70), (226, 229, 233)
SIDES = (("left", (66, 133, 214)), ("right", (236, 126, 62)))
JUMPING = re.compile(r"\b(jump|hop|leap)")


@dataclass(frozen=True, kw_only=True)
class Window:
    """A stretch of a clip, in frames of the clip."""

    clip: str
    start: int
    end: int
    cue: str
    """Why it was chosen; no label."""

    def overlaps(self, other: "Window") -> bool:
        """Whether both share a frame."""
        return self.clip == other.clip and self.start < other.end and other.start < self.end


Cue = Callable[[CmuSegment, Sequence[str]], bool]
"""Whether seconds of a segment, as the pack's facts tell them, promise something."""


def amount(words: str) -> Callable[[Sequence[str]], float]:
    """Return what adds up the numbers that follow some words."""
    number = re.compile(words + r" (-?[\d.]+)")
    return lambda lines: sum(float(n) for line in lines for n in number.findall(line))


def at_least(words: str, least: float) -> Cue:
    """Return the cue that those numbers add up to ``least``."""
    return lambda _, lines: amount(words)(lines) >= least


def says(words: str) -> Cue:
    """Return the cue that a second has those words."""
    return lambda _, lines: any(words in line for line in lines)


def jumping(segment: CmuSegment, lines: Sequence[str]) -> bool:
    """Whether a caption jumps and a second is airborne."""
    told = any(JUMPING.search(caption) for caption in segment.captions)
    return told and any("airborne" in line for line in lines)


def mostly(way: str, metres: float) -> Cue:
    """Return the cue that so many metres lead that way, and less than half as many another."""
    others = [
        amount(f"moves {other}") for other in ("fwd", "back", "left", "right") if other != way
    ]
    return lambda _, lines: (
        amount(f"moves {way}")(lines) >= max(metres, 2 * max(other(lines) for other in others))
    )


CUES: Mapping[str, Cue] = {  # rarest first
    "right": at_least("moves right", 0.5),
    "left": at_least("moves left", 0.5),
    "backward": at_least("moves back", 0.6),
    "jump": jumping,
    "left hand": says("L hand above head"),
    "right hand": says("R hand above head"),
    "turn right": at_least("turns right", 60),
    "turn left": at_least("turns left", 60),
    "forward": at_least("moves fwd", 1.0),
}


MORE: Mapping[str, Cue] = {
    "mostly right": mostly("right", 0.8),
    "mostly left": mostly("left", 0.8),
    "mostly backward": mostly("back", 1.0),
    "jump": jumping,
}
"""A second round, for what the first showed too rarely."""


def choose(pack: CmuPack) -> list[Window]:
    """Choose the windows, in an order that tells nothing within each of two rounds."""
    draw = random.Random(SEED)
    chosen: list[Window] = []
    for cue, holds in CUES.items():
        take(candidates(pack, cue, holds, draw), PER_CUE, chosen)
    clips = [c.name for c in pack.clips if c.split in SPLITS]
    windows = [random_window(pack, name, draw) for name in draw.choices(clips, k=20 * AT_RANDOM)]
    take([w for w in windows if w is not None], AT_RANDOM, chosen)
    draw.shuffle(chosen)
    first = len(chosen)
    for cue, holds in MORE.items():
        # Few clips have these, so that each may give more.
        drawn = candidates(pack, cue, holds, draw)
        take(drawn, MORE_PER_CUE, chosen, per_clip=MORE_PER_CLIP, per_cue=MORE_PER_CLIP)
    more = chosen[first:]
    draw.shuffle(more)
    return chosen[:first] + more


def candidates(pack: CmuPack, cue: str, holds: Cue, draw: random.Random) -> list[Window]:
    """Return all windows that hold a cue, shuffled."""
    windows = [w for s in pack.segments for w in cued_windows(pack, s, cue, holds, draw)]
    draw.shuffle(windows)
    return windows


def take(
    candidates: Sequence[Window],
    count: int,
    chosen: list[Window],
    *,
    per_clip: int = PER_CLIP,
    per_cue: int = PER_CLIP_AND_CUE,
) -> None:
    """Add up to ``count`` candidates that overlap none and leave every clip few windows."""
    added = 0
    for window in candidates:
        same = [w for w in chosen if w.clip == window.clip]
        many = len(same) >= per_clip or sum(w.cue == window.cue for w in same) >= per_cue
        if added < count and not many and not any(window.overlaps(w) for w in same):
            chosen.append(window)
            added += 1


def cued_windows(
    pack: CmuPack, segment: CmuSegment, cue: str, holds: Cue, draw: random.Random
) -> list[Window]:
    """Return the windows of a segment, one per second, whose seconds hold the cue."""
    windows: list[Window] = []
    if segment.split not in SPLITS:
        return windows
    for second in range(len(segment.facts[2:]) - 2):
        lines = segment.facts[2 + second : 6 + second]
        window = cut(pack, segment.clip, segment.start + second, draw.uniform(*SECONDS), cue)
        if window is not None and holds(segment, lines):
            windows.append(window)
    return windows


def random_window(pack: CmuPack, name: str, draw: random.Random) -> Window | None:
    """Return a window anywhere in a clip, if it is long enough."""
    seconds, clip = draw.uniform(*SECONDS), pack.clip(name)
    start = draw.uniform(0, max(0.0, clip.frames / clip.fps - seconds))
    return cut(pack, name, start, seconds, "random")


def cut(pack: CmuPack, name: str, start: float, seconds: float, cue: str) -> Window | None:
    """Return a window, shortened to its clip; None if under 3 s or with a jumping joint."""
    clip = pack.clip(name)
    first = round(start * clip.fps)
    last = min(first + round(seconds * clip.fps), clip.frames)
    short = last - first < round(SECONDS[0] * clip.fps)
    if short or any(first <= frame < last for frame in clip.flips):
        return None
    return Window(clip=name, start=first, end=last, cue=cue)


def picture(motion: Motion, number: int) -> Image.Image:
    """Draw one window: two rows of poses seen from the front left of the first, and a map."""
    # The renderer scales poses to what it is given, so both rows are cut from one sheet.
    sheet = contact_sheet(motion, count=POSES, size=POSE_SIZE)
    width = (sheet.width + 4) // POSES
    rows = [
        sheet.crop((k * ROW * width, 0, (k + 1) * ROW * width - 4, sheet.height)) for k in (0, 1)
    ]
    side = 2 * sheet.height
    page = Image.new("RGB", (rows[0].width + side + 8, side + 8), "white")
    for k, row in enumerate(rows):
        page.paste(row, (0, k * sheet.height))
    page.paste(ground_map(motion, side), (rows[0].width + 8, 0))
    draw = ImageDraw.Draw(page)
    draw.text((6, 2), str(number), (190, 20, 20), ImageFont.load_default(26))
    draw.line((0, side + 4, page.width, side + 4), (120, 120, 120), 2)
    return page


def ground_map(motion: Motion, size: int) -> Image.Image:
    """Draw the body from above, turned so that its first heading is up: hips, feet and path.

    Squares are half a metre; a short line points from the hips' middle to their front; the poses
    are those of the picture, numbered from 0, pale to dark.
    """
    shown = motion.canonicalise()
    places, joints = shown.joint_positions.numpy(), motion.skeleton
    frames = np.unique(np.linspace(0, motion.num_frames - 1, POSES).round().astype(int))
    seen = places[:, :, [0, 2]].reshape(-1, 2)
    centre = (seen.max(0) + seen.min(0)) / 2
    half = max(0.8, float((seen.max(0) - seen.min(0)).max()) / 2 + 0.1)

    def at(x: float, z: float) -> tuple[float, float]:
        # +X is to the left of a body that looks up the page.
        return (centre[0] - x) * size / 2 / half + size / 2, (
            centre[1] - z
        ) * size / 2 / half + size / 2

    image = Image.new("RGB", (size, size), "white")
    draw = ImageDraw.Draw(image)
    for line in np.arange(-40, 41) / 2:
        draw.line((*at(line, -99), *at(line, 99)), PALE)
        draw.line((*at(-99, line), *at(99, line)), PALE)
    draw.line([at(x, z) for x, _, z in places[:, 0]], (150, 156, 166), 2)
    for k, frame in enumerate(frames):
        mix = 0.35 + 0.65 * k / max(1, len(frames) - 1)
        spot, heading = places[frame], float(shown.heading[frame])
        x, _, z = spot[joints.role("left_hip")] / 2 + spot[joints.role("right_hip")] / 2
        for side, color in SIDES:
            paint = tuple(round(255 + (c - 255) * mix) for c in color)
            foot = [spot[joints.role(f"{side}_{end}")] for end in ("heel", "toe")]
            draw.line([at(p[0], p[2]) for p in foot], paint, 3)
            hip = spot[joints.role(f"{side}_hip")]
            draw.line((*at(x, z), *at(hip[0], hip[2])), paint, 5)
        ink = tuple(round(255 + (c - 255) * mix) for c in INK)
        front = (x + 0.16 * math.sin(heading), z + 0.16 * math.cos(heading))
        draw.line((*at(x, z), *at(*front)), ink, 2)
        if k % 3 == 0:
            draw.text(at(*front), str(k), INK, ImageFont.load_default(12))
    draw.rectangle((0, 0, size - 1, size - 1), outline=INK)
    return image


def motion_of(pack: CmuPack, window: Mapping[str, Any]) -> Motion:
    """Read the motion of a window."""
    return pack.motion(window["clip"]).crop(window["start"], window["end"])


def draw_pages(
    pack: CmuPack, windows: Sequence[Mapping[str, Any]], numbers: Sequence[int], folder: Path
) -> None:
    """Write ``page_00.png`` and so on, four of the numbered windows each."""
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(numbers), PER_PAGE):
        part = numbers[start : start + PER_PAGE]
        images = [picture(motion_of(pack, windows[number]), number) for number in part]
        page = Image.new("RGB", (images[0].width, sum(i.height for i in images)), "white")
        for k, image in enumerate(images):
            page.paste(image, (0, k * images[0].height))
        page.save(folder / f"page_{start // PER_PAGE:02d}.png")
        print(f"{start + len(part)} of {len(numbers)} windows", flush=True)


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("choose", "draw"))
    parser.add_argument("--pack", type=Path, required=True, help="folder of the CMU pack")
    parser.add_argument("--windows", type=Path, default=LABELS, help="which windows to draw")
    parser.add_argument("--only", type=int, nargs="+", help="numbers of the windows to draw")
    parser.add_argument("--out", type=Path, default=Path("out/label_windows"))
    options = parser.parse_args()
    pack = CmuPack.open(options.pack)
    if options.what == "choose":
        windows = choose(pack)
        print(json.dumps({"windows": [vars(w) for w in windows]}))
        return
    rows = json.loads(options.windows.read_text(encoding="utf-8"))["windows"]
    draw_pages(pack, rows, options.only or range(len(rows)), options.out)


if __name__ == "__main__":
    main()
