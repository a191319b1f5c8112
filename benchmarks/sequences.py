"""Seams of long motions: 60 s from eight prompts along waypoints, beside real motion.

    python benchmarks/sequences.py --data stores/cmu --seeds 3 --out out/sequences.json

A sentence every 7.5 s, a waypoint every 2.5 s. Around each seam the largest value of speeds,
accelerations and turns within half a second to either side is taken, and so it is inside of
segments, away from seams, and in real windows of the test split. A seam is in the range of real
motion if it stays below the 99th percentile of the real windows. Runs at the model's frame rate,
which the store must have, too: peaks depend on it.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from marey import rotations
from marey.constraints import RootWaypoint, Times
from marey.data import MotionStore
from marey.generate import GenerationRequest, GenerationResult, generate_many
from marey.models import load_diffusion_model
from marey.motion import Motion
from marey.text import Statement, TextScript

SEGMENT_SECONDS = 7.5
WAYPOINT_SECONDS = 2.5
REACH_SECONDS = 0.5
"""How far a window reaches to either side of its middle."""
RANGE = 99
"""Percentile of real windows that bounds their range."""
PERCENTILES = (50, 90, 95, RANGE, 100)


@dataclass(frozen=True)
class Act:
    """A sentence and the way that goes with it."""

    text: str
    speed: float = 0.0
    """Metres per second."""
    turn: float = 0.0
    """Degrees to the left over the whole segment."""


ACTS = (
    Act("a person walks forward", 0.9),
    Act("a person walks in a curve to the left", 0.8, 90),
    Act("a person stands and waves with the right hand"),
    Act("a person runs forward", 1.8),
    Act("a person walks in a curve to the right", 0.8, -90),
    Act("a person jumps", 0.1),
    Act("a person walks forward", 0.9),
    Act("a person stands still"),
)
MEASURES = {
    "root speed": "m/s",
    "root acceleration": "m/s²",
    "mean joint speed": "m/s",
    "mean joint acceleration": "m/s²",
    "largest joint acceleration": "m/s²",
    "largest joint turn": "°/s",
}


def script() -> TextScript:
    """Return the sentences one after the other."""
    edges = [k * SEGMENT_SECONDS for k in range(len(ACTS) + 1)]
    spans = zip(ACTS, edges[:-1], edges[1:], strict=True)
    return TextScript(tuple(Statement(act.text, start=a, end=b) for act, a, b in spans))


def waypoints(fps: float) -> RootWaypoint:
    """Return points of the way that the sentences tell, each with its time."""
    steps = round(SEGMENT_SECONDS * fps)
    speed = np.repeat([act.speed for act in ACTS], steps) / fps
    turn = np.repeat([np.radians(act.turn) / steps for act in ACTS], steps)
    heading = np.cumsum(turn)
    way = np.cumsum(np.stack((speed * np.sin(heading), speed * np.cos(heading)), axis=1), axis=0)
    every = round(WAYPOINT_SECONDS * fps)
    frames = [0, *range(every - 1, len(way), every)]
    points = torch.from_numpy(way[frames] - way[0]).float()
    return RootWaypoint(times=Times(frames=tuple(frames)), points=points)


def curves(motion: Motion) -> dict[str, np.ndarray]:
    """Return the measures of each step of a motion."""
    fps, joints = motion.fps, motion.joint_positions.double()
    root = motion.root_positions.double()
    turns = motion.local_rotations[:-1].transpose(-1, -2) @ motion.local_rotations[1:]
    angle = rotations.matrix_to_rotation_vector(turns.double()).norm(dim=-1)
    bends = joints.diff(n=2, dim=0).norm(dim=-1) * fps**2
    values = (
        root.diff(dim=0).norm(dim=-1) * fps,
        root.diff(n=2, dim=0).norm(dim=-1) * fps**2,
        joints.diff(dim=0).norm(dim=-1).mean(1) * fps,
        bends.mean(1),
        bends.amax(1),
        angle.amax(1).rad2deg() * fps,
    )
    return {name: each.numpy() for name, each in zip(MEASURES, values, strict=True)}


def peaks(motion: Motion, middles: Iterable[int]) -> dict[str, list[float]]:
    """Return the largest values around some frames."""
    reach = round(REACH_SECONDS * motion.fps)
    found = curves(motion)
    spans = [slice(max(0, middle - reach), middle + reach) for middle in middles]
    return {name: [float(found[name][span].max()) for span in spans] for name in MEASURES}


def pooled(parts: Sequence[Mapping[str, Sequence[float]]]) -> dict[str, np.ndarray]:
    """Put the windows of several motions together."""
    return {name: np.array([v for part in parts for v in part[name]]) for name in MEASURES}


def seams_of(motion: Motion) -> list[int]:
    """Return the first frame of each segment but the first."""
    return [round(k * SEGMENT_SECONDS * motion.fps) for k in range(1, len(ACTS))]


def inside_of(motion: Motion) -> list[int]:
    """Return middles of windows that touch neither a seam nor the window around one."""
    reach = round(REACH_SECONDS * motion.fps)
    far = [f for f in range(reach, motion.num_frames - reach, reach)]
    return [f for f in far if all(abs(f - seam) >= 2 * reach for seam in seams_of(motion))]


def real_peaks(store: MotionStore, split: str) -> dict[str, np.ndarray]:
    """Return the windows of real motions, one after the other."""
    parts = []
    for window in store.windows_of(split):
        if not (window.flip or window.off_floor or window.coarse):
            motion = store.window_motion(window)
            reach = round(REACH_SECONDS * motion.fps)
            parts.append(peaks(motion, range(reach, motion.num_frames - reach, reach)))
    return pooled(parts)


def generated(options: argparse.Namespace, fps: float) -> list[GenerationResult]:
    """Generate the sequence with every seed."""
    requests = [
        GenerationRequest(
            script=script(),
            seconds=SEGMENT_SECONDS * len(ACTS),
            seed=seed,
            model=options.model,
            steps=options.steps,
            constraints=() if options.no_path else (waypoints(fps),),
            postprocess=not options.no_postprocess,
        )
        for seed in range(options.seeds)
    ]
    return generate_many(requests, progress=show)


def show(done: int, total: int) -> None:
    """Write progress to the error stream."""
    end = "\n" if done == total else ""
    print(f"\r{done} of {total} network steps", end=end, file=sys.stderr, flush=True)


def markdown(
    seams: Mapping[str, np.ndarray],
    inside: Mapping[str, np.ndarray],
    real: Mapping[str, np.ndarray],
) -> str:
    """Write the table: a measure a line."""
    kinds = {"seams": seams, "inside": inside, "real": real}
    heads = [f"{kind} ({len(next(iter(values.values())))})" for kind, values in kinds.items()]
    lines = [
        f"| largest in a window | {' | '.join(f'{h}: median, {RANGE} %' for h in heads)} "
        f"| seams below real {RANGE} % |",
        "|---" * (len(kinds) + 2) + "|",
    ]
    for name, unit in MEASURES.items():
        cells = [
            f"{np.median(values[name]):.3g}, {np.percentile(values[name], RANGE):.3g}"
            for values in kinds.values()
        ]
        below = in_range(seams[name], real[name])
        lines.append(f"| {name}, {unit} | {' | '.join(cells)} | {below} of {len(seams[name])} |")
    return "\n".join(lines)


def in_range(seams: np.ndarray, real: np.ndarray) -> int:
    """Count the seams that stay in the range of real motion."""
    return int((seams < np.percentile(real, RANGE)).sum())


def waypoint_errors(results: Sequence[GenerationResult]) -> dict[str, list[float]]:
    """Return how far the way is from its waypoints, cm."""
    pins = [pin for r in results for report in r.constraints[0] for pin in report.pins]
    return {
        "before post-processing": [pin.error_before for pin in pins],
        "as delivered": [pin.error_after for pin in pins],
    }


def summarised(values: Mapping[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """Return percentiles of every measure."""
    return {
        name: {f"{share} %": round(float(np.percentile(own, share)), 4) for share in PERCENTILES}
        for name, own in values.items()
    }


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of a store")
    parser.add_argument("--split", default="test")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--model", default="small")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--no-path", action="store_true", help="leave the waypoints out")
    parser.add_argument("--no-postprocess", action="store_true")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    return parser.parse_args()


def main() -> None:
    """Generate, measure, print, write."""
    options = arguments()
    store, model = MotionStore.open(options.data), load_diffusion_model(options.model)
    if store.fps != model.fps:
        sys.exit(f"the store has {store.fps:g} fps, the model {model.fps:g}")
    results = generated(options, model.fps)
    motions = [result.motions[0] for result in results]
    seams = pooled([peaks(motion, seams_of(motion)) for motion in motions])
    inside = pooled([peaks(motion, inside_of(motion)) for motion in motions])
    real = real_peaks(store, options.split)
    errors = waypoint_errors(results)
    print(f"{len(motions)} motions of {motions[0].seconds:g} s, store {store.fingerprint}\n")
    print(markdown(seams, inside, real) + "\n")
    for when, own in errors.items():
        if own:
            print(f"Waypoints {when}: mean {np.mean(own):.3g} cm, worst {max(own):.3g} cm.")
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "store": store.fingerprint,
            "seconds": motions[0].seconds,
            "seeds": options.seeds,
            "waypoint_errors_cm": errors,
            "in_range": {name: in_range(seams[name], real[name]) for name in MEASURES},
            "seams": {name: np.round(own, 4).tolist() for name, own in seams.items()},
            "inside": summarised(inside),
            "real": summarised(real),
        }
        options.out.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
