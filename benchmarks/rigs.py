"""Motions on rigs of all namings: matching, feet and hands, as Markdown tables.

    OMP_NUM_THREADS=1 python benchmarks/rigs.py [--bvh RIG.bvh] [--pack CMU] [--sheet sheet.webp]

The walk is that of ``marey generate "a person walks forward" --seed 1``. The rigs are those of
rig_models.py, each written as BVH and read back; Mixamo's, Rigify's and Unreal's have bones along
axes of their own, so that only their first frame shows how they stand. ``--bvh`` adds the rig of a
file. With the CMU pack some of its clips are put on all rigs as well.
"""

import argparse
import statistics
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image
from rig_models import NAMINGS, rig, with_own_axes
from torch import Tensor

from marey.cli.main import main as marey
from marey.io import load_motion, read_bvh, save_motion
from marey.io.bvh_names import read_names
from marey.io.cmu_pack import CmuPack
from marey.io.render import contact_sheet, stacked
from marey.motion import Motion
from marey.rigs import RigResult, chosen_map, put_on_rig, standing_pose
from marey.rigs.bodies import ARMS, Body
from marey.rigs.standing import stance, stood_up
from marey.skeleton import Skeleton, local_rotations

OWN_AXES = {"mixamo": "Y", "rigify": "Y", "unreal": "X"}
CLIPS = {
    "walk": ("02_01", 0, 400),
    "run": ("09_01", 0, 400),
    "jump": ("13_11", 0, 400),
    "clap, flap": ("18_15", 0, 307),
    "crawl": ("107_08", 0, 165),
    "cartwheel": ("49_06", 0, 300),
    "breakdance": ("85_05", 0, 300),
}
MEETING, GROUNDED = 0.06, 0.08
"""Wrists nearer to each other meet, and lower ones lie on the ground, metres."""


@dataclass(frozen=True, kw_only=True)
class Rig:
    """A rig as its file shows it."""

    name: str
    motion: Motion
    rest: Tensor | None

    @classmethod
    def read(cls, name: str, path: Path) -> "Rig":
        motion = read_bvh(path)
        return cls(name=name, motion=motion, rest=standing_pose(motion))

    def put(self, motion: Motion, *, correct: bool = True) -> RigResult:
        return put_on_rig(motion, self.motion.skeleton, rest=self.rest, feet=correct, hands=correct)


def rigs(folder: Path, files: Iterable[Path]) -> list[Rig]:
    """Write all rigs as BVH, one frame of standing, and read them back."""
    found = []
    for name in NAMINGS:
        skeleton, rest = rig(name), torch.eye(3).repeat(rig(name).num_joints, 1, 1)
        if name in OWN_AXES:
            skeleton, rest = with_own_axes(skeleton, OWN_AXES[name])
        still = Motion(
            root_positions=torch.tensor([[0.0, 1.0, 0.0]]).repeat(2, 1),
            local_rotations=rest.repeat(2, 1, 1, 1),
            fps=30.0,
            skeleton=skeleton,
        )
        path = folder / f"{name}.bvh"
        save_motion(still, path)
        found.append(Rig.read(name, path))
    return found + [Rig.read(path.stem, path) for path in files]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def cm(value: float | None) -> str:
    """Write metres as centimetres."""
    return "–" if value is None else f"{100 * value:.2f}"


def matching_row(one: Rig) -> list[str]:
    """What matching finds, with presets and by words and shape alone."""
    skeleton = one.motion.skeleton
    standing = skeleton if one.rest is None else stood_up(skeleton, one.rest)
    found = chosen_map(standing)
    return [
        one.name,
        found.naming,
        str(skeleton.num_joints),
        f"{22 - len(found.missing)} of 22",
        f"{found.confidence:.2f}",
        "first frame" if one.rest is not None else "rest pose",
        "; ".join(found.warnings) or "none",
    ]


def walk_row(one: Rig, motion: Motion) -> list[str]:
    """How one motion fares on one rig."""
    result = one.put(motion)
    report = result.report
    back = put_on_rig(with_stance(result.motion, one), motion.skeleton).motion
    away = (back.joint_positions[-motion.num_frames :] - motion.joint_positions).norm(dim=-1)
    return [
        one.name,
        f"{report.retargeting.scale:.3f}",
        cm(report.skate_before),
        cm(report.skate_plain),
        cm(report.skate_after),
        cm(report.sunk_before),
        cm(report.sunk_after),
        cm(report.foot_correction),
        cm(report.foot_error),
        cm(report.hand_error),
        cm(report.hips_shift),
        f"{cm(float(away.mean()))} / {cm(float(away.max()))}",
    ]


def with_stance(motion: Motion, one: Rig) -> Motion:
    """Return the motion as files of rigs that are folded up begin: with the standing pose."""
    if one.rest is None:
        return motion
    return replace(
        motion,
        root_positions=torch.cat((motion.root_positions[:1], motion.root_positions)),
        local_rotations=torch.cat((one.rest[None], motion.local_rotations)),
        contacts=None,
    )


def hand_errors(source: Motion, result: RigResult, one: Rig) -> tuple[list[float], list[float]]:
    """Errors of hands that meet (their distance) and that lie on the ground (their place)."""
    there = Body(
        skeleton=source.skeleton, root=source.root_positions, turned=source.global_rotations
    )
    moved, roles = result.motion, result.motion.skeleton.roles
    hands = moved.skeleton.indices((roles.left_hand, roles.right_hand))
    own = moved.joint_positions[:, hands]
    theirs = there.places[:, [there.limbs[arm].end for arm in ARMS]]
    scale = result.report.retargeting.scale
    standing = moved.skeleton if one.rest is None else stood_up(moved.skeleton, one.rest)
    still = Body(
        skeleton=standing,
        root=torch.zeros(1, 3),
        turned=torch.eye(3).repeat(1, standing.num_joints, 1, 1),
    )
    ratio = still.limbs[ARMS[0]].length / there.limbs[ARMS[0]].length
    apart = [(each[:, 0] - each[:, 1]).norm(dim=-1) for each in (theirs, own)]
    meeting = (apart[1] - ratio * apart[0]).abs()[apart[0] < MEETING]
    grounded = (own - scale * theirs).norm(dim=-1)[theirs[..., 1] < GROUNDED]
    return meeting.tolist(), grounded.tolist()


def clip_row(name: str, motion: Motion, all_rigs: Sequence[Rig]) -> list[str]:
    """Means over all rigs: skate, and hands with rotations alone and corrected."""
    skates: dict[str, list[float]] = {"before": [], "plain": [], "after": []}
    worst, hands = 0.0, {False: ([], []), True: ([], [])}
    for one in all_rigs:
        for correct in (False, True):
            result = one.put(motion, correct=correct)
            for pool, errors in zip(hands[correct], hand_errors(motion, result, one), strict=True):
                pool.extend(errors)
        report = result.report
        for key, pool in skates.items():
            if (value := getattr(report, f"skate_{key}")) is not None:
                pool.append(value)
        worst = max(worst, skates["after"][-1] - skates["before"][-1])
    cells = [cm(_mean(pool)) for pool in skates.values()]
    for kind in (0, 1):
        cells += [cm(_mean(hands[correct][kind])) for correct in (False, True)]
    return [name, *cells[:3], cm(worst), *cells[3:]]


def _mean(values: Sequence[float]) -> float | None:
    return statistics.fmean(values) if values else None


def bare(result: RigResult, one: Rig) -> Motion:
    """Return the motion of the joints that follow something, without twist, IK and hair bones."""
    moved, skeleton = result.motion, result.motion.skeleton
    turned = moved.global_rotations
    if one.rest is not None:
        turned = turned @ stance(skeleton, one.rest).transpose(-1, -2)
    kept = sorted(skeleton.indices(tuple(result.rig_map.joint_map)))
    parents = [next((kept.index(j) for j in way(skeleton, own) if j in kept), -1) for own in kept]
    places = moved.joint_positions[0, kept]
    above = turned[0, [kept[max(parent, 0)] for parent in parents]]
    offsets = (above.transpose(-1, -2) @ (places - places[parents])[..., None])[..., 0]
    names = [skeleton.joint_names[joint] for joint in kept]
    structure = read_names(names, parents)
    body = Skeleton(
        name=one.name,
        joint_names=tuple(names),
        parents=tuple(parents),
        rest_offsets=offsets,
        mirror=structure.mirror,
        parts=structure.parts,
        roles=result.rig_map.roles,
    )
    return Motion(
        root_positions=moved.joint_positions[:, kept[0]],
        local_rotations=local_rotations(turned[:, kept], body),
        fps=moved.fps,
        skeleton=body,
    )


def way(skeleton: Skeleton, joint: int) -> list[int]:
    """Return the joints above a joint, the nearest first."""
    found = []
    while (joint := skeleton.parents[joint]) >= 0:
        found.append(joint)
    return found


def sheet(motion: Motion, results: Mapping[str, Motion], path: Path) -> None:
    """Write contact sheets of the source and of all rigs, in two columns."""
    shown = {"body22, as generated": motion, **results}
    strips = [
        contact_sheet(each, count=6, size=(84, 120), caption=name) for name, each in shown.items()
    ]
    half = (len(strips) + 1) // 2
    columns = [stacked(strips[:half]), stacked(strips[half:])]
    width = sum(column.width for column in columns) + 16
    page = Image.new("RGB", (width, max(column.height for column in columns)), "white")
    left = 0
    for column in columns:
        page.paste(column, (left, 0))
        left += column.width + 16
    page.save(path, quality=80, method=6)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bvh", type=Path, action="append", default=[], help="another rig")
    parser.add_argument("--pack", type=Path, help="folder of the CMU pack")
    parser.add_argument("--sheet", type=Path, help="picture to write")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "walk.npz"
        marey(["generate", "a person walks forward", "--seed", "1", "-o", str(path)])
        walk = load_motion(path)
        found = rigs(Path(folder), options.bvh)
    head = ["rig", "naming", "joints", "matched", "confidence", "stands in", "warnings"]
    print("\nMatching\n\n" + table(head, map(matching_row, found)))
    head = ["rig", "scale", "skate before", "rotations only", "after", "sunk before", "sunk after"]
    head += ["feet moved", "foot error", "hand error", "hips moved", "there and back"]
    print("\nThe walk (cm, cm/s)\n\n" + table(head, (walk_row(one, walk) for one in found)))
    if options.pack:
        pack = CmuPack.open(options.pack)
        head = ["clip", "skate before", "rotations only", "after", "worst increase"]
        head += ["meeting hands: rotations only", "corrected"]
        head += ["hands on the ground: rotations only", "corrected"]
        rows = []
        for name, (clip, start, end) in CLIPS.items():
            motion = pack.motion(clip)
            motion = motion.crop(start, min(end, motion.num_frames))
            rows.append(clip_row(f"{name} ({clip})", motion, found))
        print(f"\nCMU clips, means over {len(found)} rigs (cm, cm/s)\n\n" + table(head, rows))
    if options.sheet:
        sheet(walk, {one.name: bare(one.put(walk), one) for one in found}, options.sheet)


if __name__ == "__main__":
    main()
