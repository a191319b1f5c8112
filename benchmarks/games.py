"""Loops cut out of captured walks and runs, and what keyframe reduction leaves.

    .venv/bin/python benchmarks/games.py --data ../shared/data

Loops: clips of the CMU pack at 24 frames per second, of at least a second and a half. "walk" and
"run" are all those whose recorders say just that (or "run/jog"), of any split, since nothing is
learned; "walks of all sorts" those of the splits ``test`` and ``test_repetition`` whose description
has the word, with turns, starts, stops and obstacles. The seam is measured as ``SeamError`` says,
seen from the track on the ground; "usual" is what 95 % of the clip's own frames within the round
stay below. Skate is the mean speed of low toes, in the frames of the round as captured and in three
rounds of the loop. Every cell is the median, and in brackets the 95th percentile.

Keyframes: the walks, the BVH files at 120 frames per second and Kimodo's bundled motions.
Sizes are those of GLB files, which hold a body to be seen of 30 to 60 kB as well. Prints Markdown.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from marey.io import read_bvh
from marey.io.cmu_pack import CmuPack
from marey.io.glb import glb_bytes
from marey.io.kimodo import read_kimodo
from marey.metrics import foot_skate_from_height
from marey.motion import Loop, Motion, make_loop, reduce_keyframes, repeat_loop

GAITS = {"walk": "walk", "run": "run", "run/jog": "run"}
ALL_SORTS = "walks of all sorts"
LEAST_SECONDS = 1.5
TOLERANCES = (0.002, 0.005, 0.01)


def captured(folder: Path) -> dict[str, dict[str, Motion]]:
    """Return the clips by what their recorders call them."""
    pack = CmuPack.open(folder)
    found: dict[str, dict[str, Motion]] = {"walk": {}, "run": {}, ALL_SORTS: {}}
    for clip in pack.clips:
        said = (clip.trial_text or "").lower().strip()
        if clip.fps < 24 or clip.frames < LEAST_SECONDS * clip.fps:
            continue
        kind = GAITS.get(said, ALL_SORTS)
        if kind != ALL_SORTS or ("walk" in said and clip.split.startswith("test")):
            found[kind][clip.name] = pack.motion(clip.name)
    return found


def loop_rows(clips: dict[str, dict[str, Motion]]) -> Iterator[str]:
    """Yield a row of medians and 95th percentiles for every kind of clip."""
    yield (
        "| clips | number | round | seam, place before | after | usual | seam, speed before | "
        "after | usual | track's speed before | after | skate captured | looped |"
    )
    yield "|---" * 13 + "|"
    for kind, motions in clips.items():
        rows = [loop_figures(motion, make_loop(motion)) for motion in motions.values()]
        columns = torch.tensor(rows, dtype=torch.float64)
        middle, high = columns.quantile(0.5, dim=0), columns.quantile(0.95, dim=0)
        figures = " | ".join(
            f"{low:.{digits}f} ({top:.{digits}f}){unit}"
            for low, top, (digits, unit) in zip(middle.tolist(), high.tolist(), UNITS, strict=True)
        )
        yield f"| {kind} | {len(rows)} | {figures} |"


UNITS = (
    (2, " s"),
    *((1, " cm"),) * 3,
    *((2, " m/s"),) * 3,
    *((2, " m/s"),) * 2,
    *((1, " cm/s"),) * 2,
)


def loop_figures(motion: Motion, loop: Loop) -> list[float]:
    """Return seconds, centimetres and metres per second of one loop, in the order of UNITS."""
    round_ = motion.crop(loop.start, loop.end)
    errors = (loop.before, loop.after, loop.usual)
    return [
        loop.in_place.seconds,
        *(100 * error.place for error in errors),
        *(error.speed for error in errors),
        *(error.root_speed for error in errors[:2]),
        *(100 * skate(each) for each in (round_, repeat_loop(loop, 3))),
    ]


def skate(motion: Motion) -> float:
    """Return the mean speed of low toes, m/s."""
    return foot_skate_from_height(motion.joint_positions, motion.skeleton, motion.fps).mean


def key_rows(groups: dict[str, Sequence[Motion]]) -> Iterator[str]:
    """Yield a row for every group of motions and tolerance; sizes are means over files."""
    yield "| motions | tolerance | keys kept | file, every frame | keys only | largest error |"
    yield "|---" * 6 + "|"
    for name, motions in groups.items():
        whole = sum(len(glb_bytes(motion)) for motion in motions) / len(motions)
        for tolerance in TOLERANCES:
            reduced = [reduce_keyframes(motion, tolerance=tolerance) for motion in motions]
            kept = sum(each.keys for each in reduced) / sum(each.most_keys for each in reduced)
            size = sum(len(glb_bytes(each)) for each in reduced) / len(reduced)
            worst = max(played_error(each.motion, each.interpolated()) for each in reduced)
            yield (
                f"| {name} ({len(reduced)}) | {1000 * tolerance:g} mm | {100 * kept:.0f} % | "
                f"{whole / 1000:.0f} kB | {size / 1000:.0f} kB | {1000 * worst:.2f} mm |"
            )


def played_error(motion: Motion, played: Motion) -> float:
    """Return how far a joint is off, at most, metres."""
    return float((played.joint_positions - motion.joint_positions).norm(dim=-1).max())


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    clips = captured(data / "cmu")
    print(*loop_rows(clips), sep="\n")
    kimodo = [read_kimodo(file) for file in sorted(data.glob("kimodo_examples/*/*/motion.npz"))]
    bvh = [read_bvh(file) for file in sorted(data.glob("bvh_cmu/*.bvh"))]
    walks = list(clips["walk"].values())
    groups = {"CMU walk, 24 fps": walks, "CMU BVH, 120 fps": bvh, "Kimodo, 30 fps": kimodo}
    print("", *key_rows(groups), sep="\n")


if __name__ == "__main__":
    main()
