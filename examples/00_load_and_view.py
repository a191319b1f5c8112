"""A motion file: read it, ask what is in it, draw it.

    python examples/00_load_and_view.py
    python examples/00_load_and_view.py --file MY_CLIP.bvh --out out/view

Without a file the example writes one first: a figure that raises both arms and lowers them.
A motion is root positions (frames, 3) in metres and local rotations (frames, joints, 3, 3); joint
positions are computed from them. +Y is up, +Z is ahead of a body of heading 0, +X is its left.
"""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import torch

from marey.io import load_motion, save_motion
from marey.metrics import foot_skate_from_height, path_length
from marey.motion import Motion
from marey.rotations import axis_rotation
from marey.skeleton import BODY22


def raise_both_arms(frames: int = 40) -> Motion:
    """Build two seconds of motion by hand: identity rotations are the T-pose."""
    time = torch.linspace(0, 2, frames)
    lift = (math.pi / 3) * torch.sin(math.pi * time)  # up, down, and up again
    local = torch.eye(3).repeat(frames, BODY22.num_joints, 1, 1)
    for side, sign in (("left", 1), ("right", -1)):
        local[:, BODY22.index(f"{side}_shoulder")] = axis_rotation("Z", sign * lift)
    return Motion(
        root_positions=torch.tensor([0.0, 0.9, 0.0]).repeat(frames, 1),
        local_rotations=local,
        fps=20.0,
        skeleton=BODY22,
        metadata={"text": "a person raises both arms"},
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Read, describe, draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--file", type=Path, help="a .bvh or .npz file")
    parser.add_argument("--out", type=Path, default=Path("out/view"))
    chosen = parser.parse_args(argv)
    file = chosen.file
    if file is None:
        file = chosen.out / "arms.bvh"
        save_motion(raise_both_arms(), file, force=True)

    motion = load_motion(file)
    body = motion.skeleton
    print(f"{file}: {motion.num_frames} frames at {motion.fps:g} fps, {body.num_joints} joints")
    print(f"the root moves {path_length(motion.root_positions[:, [0, 2]]):.2f} m over the ground")
    if body.roles.left_hand is not None:
        hand = motion.joint_positions[:, body.role("left_hand"), 1]
        print(f"the left hand is between {hand.min():.2f} and {hand.max():.2f} m high")
        skate = foot_skate_from_height(motion.joint_positions, body, motion.fps)
        print(f"low toes move at {100 * skate.mean:.1f} cm/s on average")

    # The suffix decides: .png is a contact sheet; .webp, .gif and .mp4 are films.
    for name in ("sheet.png", "film.webp"):
        save_motion(motion, chosen.out / name, force=True)
        print(chosen.out / name)


if __name__ == "__main__":
    main()
