"""Kimodo's constraints on the skeleton and at the frame rate of a model."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from marey.constraints.clip import Clip
from marey.constraints.compile import constraint_name
from marey.constraints.constraint import Constraint, require_number
from marey.constraints.joint import JointTarget
from marey.constraints.keyframe import FullBodyKeyframe
from marey.constraints.kimodo import KimodoConstraints
from marey.constraints.pose_book import PoseBook, endless_clip
from marey.constraints.resampling import at_frame_rate
from marey.constraints.root import PelvisHeight, RootHeading, RootPath, RootWaypoint
from marey.constraints.times import Times
from marey.errors import InvalidInputError
from marey.motion import Motion, retarget
from marey.skeleton import Skeleton


@dataclass(frozen=True, kw_only=True)
class MappingReport:
    """What became of the constraints' joints, sizes and times."""

    joint_map: Mapping[str, str]
    """The model's joint that stands for each joint of the file that is pinned."""
    dropped: Mapping[str, str]
    """Joints of the file that are pinned but have no counterpart, with the reason."""
    scale: float
    """Ratio of the leg lengths, by which the pelvis height was scaled."""
    path_scale: float
    """Factor of everything's place on the ground; 1 leaves paths where they are."""
    sunk: float
    """How much lower the lowest joint of a pose lies on the model's body, at most, metres. Feet
    keep their height, but the hands of longer arms may end up in the ground."""
    merged: int
    """Times left out because they fall in one frame with a nearer one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelConstraints:
    """Constraints that a model can take, and how they came about."""

    constraints: tuple[Constraint, ...]
    report: MappingReport


def to_model(
    kimodo: KimodoConstraints,
    skeleton: Skeleton,
    *,
    fps: float | int,
    scale_path: bool = False,
    joint_map: Mapping[str, str] | None = None,
) -> ModelConstraints:
    """Return a file's constraints on another skeleton, for clips of another frame rate.

    Every pose is retargeted as ``retarget`` does, with its ``joint_map``; hands and feet take the
    place that their joint has in the retargeted pose. The root joint's place on the ground, paths
    and headings stay, so that waypoints mean what they say; ``scale_path`` scales paths and places
    with the legs instead, so that a foot which stays planted from keyframe to keyframe still
    does. In stretches of consecutive frames targets are interpolated at the clip's frames.
    Raises InvalidInputError for constraints of other types than Kimodo's files hold, and for a
    joint target or pelvis height in a frame without a pose.
    """
    require_number("fps", fps, positive=True)
    mapping = _Mapping.of(kimodo, skeleton, scale_path, joint_map)
    made: list[Constraint] = []
    merged = 0
    for number, each in enumerate(kimodo.constraints):
        try:
            moved = each if mapping is None else mapping.moved(each)
        except InvalidInputError as error:
            raise InvalidInputError(f"{constraint_name(each, number)}: {error}") from error
        if moved is not None:
            timed, left_out = at_frame_rate(moved, fps, spacing=1 / kimodo.fps)
            merged += left_out
            made.append(timed)
    return ModelConstraints(
        constraints=tuple(made), report=_report(kimodo, skeleton, mapping, merged)
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Mapping:
    """Two bodies, the file's poses on both, and how constraints pass from one to the other."""

    book: PoseBook
    clip: Clip
    posed: Motion
    """The poses of the book on the model's skeleton."""
    followers: Mapping[int, int]
    """The target joint that follows a source joint."""
    scale: float
    path_scale: float
    keyframes: tuple[FullBodyKeyframe, ...]

    @classmethod
    def of(
        cls,
        kimodo: KimodoConstraints,
        target: Skeleton,
        scale_path: bool,
        joint_map: Mapping[str, str] | None,
    ) -> "_Mapping | None":
        """Return the mapping; None if there is nothing to map."""
        source = kimodo.skeleton
        if source is None or source == target:
            return None
        keyframes = (
            *(each for each in kimodo.constraints if isinstance(each, FullBodyKeyframe)),
            *kimodo.poses,
        )
        book = PoseBook.of(keyframes, source, kimodo.fps)
        result = retarget(book.motion, target, joint_map=joint_map)
        path_scale = result.report.scale if scale_path else 1.0
        wanted = path_scale * book.motion.root_positions
        shift = (wanted - result.motion.root_positions) * torch.tensor([1.0, 0.0, 1.0])
        return cls(
            book=book,
            clip=endless_clip(source, kimodo.fps),
            posed=replace(result.motion, root_positions=result.motion.root_positions + shift),
            followers={
                source.index(followed): target.index(joint)
                for joint, followed in result.report.joint_map.items()
            },
            scale=result.report.scale,
            path_scale=path_scale,
            keyframes=keyframes,
        )

    @property
    def sunk(self) -> float:
        """See ``MappingReport``; the rest pose and joints without a counterpart do not count."""
        before = self.book.motion.joint_positions[1:, list(self.followers), 1].amin(1)
        after = self.posed.joint_positions[1:, list(self.followers.values()), 1].amin(1)
        return float((before - after).clamp(min=0).amax()) if len(before) else 0.0

    def moved(self, constraint: Constraint) -> Constraint | None:
        """Return the constraint for the target; None if the joint has no counterpart there."""
        factor = self.path_scale
        match constraint:
            case FullBodyKeyframe():
                return self._keyframe(constraint)
            case JointTarget():
                return self._joint(constraint)
            case PelvisHeight():
                return self._height(constraint)
            case RootWaypoint():
                return replace(constraint, points=factor * constraint.points)
            case RootPath():
                speed = None if constraint.speed is None else factor * constraint.speed
                return replace(constraint, points=factor * constraint.points, speed=speed)
            case RootHeading():
                return constraint
            case _:
                raise InvalidInputError("expected a constraint that a Kimodo file can hold.")

    def _keyframe(self, keyframe: FullBodyKeyframe) -> FullBodyKeyframe:
        rows = list(self.book.rows[self.keyframes.index(keyframe)])
        named = set(self.clip.skeleton.indices(keyframe.joint_names))
        joints = sorted(joint for followed, joint in self.followers.items() if followed in named)
        return replace(
            keyframe,
            joint_names=tuple(self.posed.skeleton.joint_names[joint] for joint in joints),
            positions=self.posed.joint_positions[rows][:, joints],
            rotations=self.posed.global_rotations[rows][:, joints],
            root_path=self._path(keyframe.root_path),
        )

    def _joint(self, target: JointTarget) -> JointTarget | None:
        joint = self.clip.skeleton.index(target.joint)
        follower = self.followers.get(joint)
        if follower is None:
            return None
        positions = rotations = None
        if target.positions is not None:
            there = self.book.motion.joint_positions[:, joint]
            rows = self._rows(target.times, target.positions, there)
            moved = target.positions - there[rows]
            positions = self.posed.joint_positions[rows, follower] + self.scale * moved
        if target.rotations is not None:  # the two rest poses differ by a constant turn
            rotations = target.rotations @ self.posed.global_rotations[0, follower]
        return replace(
            target,
            joint=self.posed.skeleton.joint_names[follower],
            positions=positions,
            rotations=rotations,
            root_path=self._path(target.root_path),
        )

    def _height(self, height: PelvisHeight) -> PelvisHeight:
        there = self.book.motion.root_positions[:, 1:2]
        rows = self._rows(height.times, height.heights[:, None], there)
        moved = height.heights - there[rows, 0]
        return replace(height, heights=self.posed.root_positions[rows, 1] + self.scale * moved)

    def _rows(
        self, times: Times, targets: Float[Tensor, "keys size"], there: Float[Tensor, "poses size"]
    ) -> list[int]:
        """Return, for each time, the pose in its frame that is nearest to the target."""
        found: list[int] = []
        frames = times.frame_numbers(self.clip).tolist()
        for frame, target in zip(frames, targets, strict=True):
            rows = self.book.in_frame(frame)
            if not rows:
                raise InvalidInputError(
                    f"expected a pose in frame {frame}, got none: it says where the joints of "
                    "another body are. Give KimodoConstraints.poses."
                )
            found.append(rows[int((there[rows] - target).norm(dim=-1).argmin())])
        return found

    def _path(self, path: Float[Tensor, "keys 2"] | None) -> Float[Tensor, "keys 2"] | None:
        return None if path is None else self.path_scale * path


def _report(
    kimodo: KimodoConstraints, target: Skeleton, mapping: _Mapping | None, merged: int
) -> MappingReport:
    pinned: dict[str, None] = {}
    for each in kimodo.constraints:
        names = each.joint_names if isinstance(each, FullBodyKeyframe) else ()
        pinned |= dict.fromkeys((each.joint,) if isinstance(each, JointTarget) else names)
    joints = {name: name for name in pinned}
    if mapping is not None:
        source, names = mapping.clip.skeleton, target.joint_names
        follows = {name: mapping.followers.get(source.index(name)) for name in pinned}
        joints = {name: names[joint] for name, joint in follows.items() if joint is not None}
    return MappingReport(
        joint_map=joints,
        dropped={
            name: f"no joint of {target.name!r} follows it" for name in pinned if name not in joints
        },
        scale=1.0 if mapping is None else mapping.scale,
        path_scale=1.0 if mapping is None else mapping.path_scale,
        sunk=0.0 if mapping is None else mapping.sunk,
        merged=merged,
    )
