"""PoseBook: whole poses by frame, for formats that know a hand or a foot only as part of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from marey import skeleton as kinematics
from marey.constraints.clip import Clip
from marey.constraints.keyframe import FullBodyKeyframe
from marey.constraints.times import MAX_TIME
from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.skeleton import Skeleton


@dataclass(frozen=True, kw_only=True, eq=False)
class PoseBook:
    """Poses of one skeleton: the rest pose, then those of each keyframe in its own order."""

    motion: Motion
    """One frame for each pose; not in the order of time."""
    frames: tuple[int, ...]
    """Frame of a clip at ``motion.fps`` in which each pose is; -1 for the rest pose."""
    paths: Float[Tensor, "poses 2"]
    """x and z of the smoothed root path in it, metres; the root joint's where it is not known."""
    rows: tuple[range, ...]
    """The poses of each keyframe."""

    @classmethod
    def of(
        cls, keyframes: Sequence[FullBodyKeyframe], skeleton: Skeleton, fps: float | int
    ) -> "PoseBook":
        """Return the poses of keyframes.

        Joints that a keyframe leaves out keep their rest pose relative to their parents. Raises
        InvalidInputError for joints that the skeleton does not have, or for keyframes without
        rotations or without the root joint.
        """
        clip = endless_clip(skeleton, fps)
        roots, paths = [torch.zeros(1, 3)], [torch.zeros(1, 2)]
        turned = [torch.eye(3).repeat(1, skeleton.num_joints, 1, 1)]
        frames, rows = [-1], []
        for keyframe in keyframes:
            root, global_rotations = _whole(keyframe, skeleton)
            rows.append(range(len(frames), len(frames) + len(root)))
            frames += keyframe.times.frame_numbers(clip).tolist()
            roots.append(root)
            turned.append(global_rotations)
            paths.append(root[:, [0, 2]] if keyframe.root_path is None else keyframe.root_path)
        local = kinematics.local_rotations(torch.cat(turned), skeleton)
        motion = Motion(
            root_positions=torch.cat(roots),
            local_rotations=local,
            fps=float(fps),
            skeleton=skeleton,
        )
        return cls(motion=motion, frames=tuple(frames), paths=torch.cat(paths), rows=tuple(rows))

    @cached_property
    def _in_frame(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for row, frame in enumerate(self.frames):
            found.setdefault(frame, []).append(row)
        return found

    def in_frame(self, frame: int) -> list[int]:
        """Return the poses in a frame."""
        return self._in_frame.get(frame, [])


def endless_clip(skeleton: Skeleton, fps: float | int) -> Clip:
    """Return a clip in which every time lies that a constraint can have."""
    return Clip(skeleton=skeleton, fps=fps, frames=MAX_TIME + 1)


def _whole(
    keyframe: FullBodyKeyframe, skeleton: Skeleton
) -> tuple[Float[Tensor, "keys 3"], Float[Tensor, "keys joints 3 3"]]:
    """Root positions and global rotations of all joints."""
    if keyframe.rotations is None:
        raise InvalidInputError(
            "rotations: expected those of a pose, got none: positions alone do not say how the "
            "limbs twist. Give FullBodyKeyframe.rotations."
        )
    named = {skeleton.index(name): row for row, name in enumerate(keyframe.joint_names)}
    if 0 not in named:
        raise InvalidInputError(
            f"joint_names: expected the root joint {skeleton.joint_names[0]!r} among them, got "
            f"{keyframe.joint_names!s:.100}."
        )
    rows: list[Tensor] = []
    for joint, parent in enumerate(skeleton.parents):
        given = joint in named
        rows.append(keyframe.rotations[:, named[joint]] if given else rows[parent])
    return keyframe.positions[:, named[0]], torch.stack(rows, dim=1)
