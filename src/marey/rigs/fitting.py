"""Putting a motion on a rig: rotations as ``motion.retarget`` carries them, then feet and hands."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from marey import skeleton as kinematics
from marey.motion import BODY22_LIMITS, Motion, RetargetReport, foot_contacts, retarget
from marey.motion.joint_matching import match_joints
from marey.rigs.bodies import LEGS, Body
from marey.rigs.foot_goals import heel_goals, hips_into_reach, sole_lift
from marey.rigs.hand_goals import anchors_of, hand_goals
from marey.rigs.limb_reach import reach
from marey.rigs.matching import match_rig, with_roles
from marey.rigs.rig_map import RigMap
from marey.rigs.standing import stance, stood_up, upright
from marey.skeleton import BODY22, Skeleton

MISSED = 0.01
"""A foot or hand that ends further from its goal, in metres, misses it."""


@dataclass(frozen=True, kw_only=True)
class FitReport:
    """What fitting did, in metres and metres per second; None where a rig has no such limbs."""

    retargeting: RetargetReport
    skate_before: float | None
    """Mean speed of the source's heels and toes over the frames in which they are in contact."""
    skate_plain: float | None
    """The same of the rig's before its limbs are corrected."""
    skate_after: float | None
    """The same of the rig's in the end."""
    sunk_before: float | None
    """How deep the source's toe joints, or its heels' ends of the sole, get below the ground."""
    sunk_after: float | None
    foot_correction: float | None
    """Furthest that a heel was moved from where the rotations alone put it."""
    hand_correction: float | None
    foot_error: float | None
    """Furthest that a heel is from its goal in the end."""
    hand_error: float | None
    feet_missed: int
    """Frames in which some heel misses its goal by more than ``MISSED``."""
    hands_missed: int
    hips_shift: float
    """Furthest that the body was moved so that its legs reach."""


@dataclass(frozen=True, kw_only=True)
class RigResult:
    """A motion on its rig, the map that was used, and how well it came there."""

    motion: Motion
    rig_map: RigMap
    report: FitReport


def put_on_rig(
    motion: Motion,
    skeleton: Skeleton,
    *,
    rig_map: RigMap | None = None,
    rest: Float[Tensor, "joints 3 3"] | None = None,
    feet: bool = True,
    hands: bool = True,
) -> RigResult:
    """Return ``motion`` on a rig, with its feet planted and its hands where they belong.

    ``rig_map`` says which joint follows which; without it joints are matched (``match_rig``).
    ``rest`` are the local rotations with which the rig stands in T- or A-pose, for rigs whose
    identity rotations do not (``standing_pose``); those of a source are found. Without ``feet`` or
    ``hands`` these limbs point as the source's do and end where that takes them. Frame rate,
    contacts and metadata stay.
    Raises InvalidInputError if the map names joints that the rig lacks, or if nothing matches.
    """
    if motion.skeleton.joint_names != BODY22.joint_names:
        motion = upright(motion)
    standing = skeleton if rest is None else stood_up(skeleton, rest)
    found = match_rig(standing) if rig_map is None else rig_map
    target = with_roles(standing, found)
    joint_map = _joint_map(motion.skeleton, found)
    plain = retarget(motion, target, joint_map=joint_map)
    source = Body(
        skeleton=motion.skeleton, root=motion.root_positions, turned=motion.global_rotations
    )
    body = Body(
        skeleton=target, root=plain.motion.root_positions, turned=plain.motion.global_rotations
    )
    fitted = _Fit(source=source, plain=body, retargeting=plain.report, fps=motion.fps)
    if feet and source.has_feet and body.has_feet:
        fitted.plant_feet()
    if hands:
        fitted.place_hands(joint_map)
    turned = fitted.body.turned if rest is None else fitted.body.turned @ stance(skeleton, rest)
    moved = replace(
        plain.motion,
        root_positions=fitted.body.root,
        local_rotations=kinematics.local_rotations(turned, skeleton),
        skeleton=replace(skeleton, roles=target.roles),
    )
    return RigResult(motion=moved, rig_map=found, report=fitted.report(motion))


def _joint_map(source: Skeleton, rig_map: RigMap) -> dict[str, str]:
    """Return the source's joint by the rig's, by way of ``body22``."""
    names = {
        BODY22.joint_names[own]: source.joint_names[followed]
        for own, followed in match_joints(source, BODY22).items()
    }
    return {joint: names[f] for joint, f in rig_map.joint_map.items() if f in names}


class _Fit:
    """A rig's body while its limbs are corrected, beside the source and the uncorrected one."""

    def __init__(
        self, *, source: Body, plain: Body, retargeting: RetargetReport, fps: float
    ) -> None:
        self.source, self.plain, self.body = source, plain, plain
        self.retargeting, self.fps = retargeting, fps
        self.goals: dict[str, Tensor] = {}

    def plant_feet(self) -> None:
        """Bring heels to their goals, after the hips into reach of them."""
        scale = self.retargeting.scale
        goals = heel_goals(self.source, self.body, scale)
        root = self.body.root.clone()
        root[:, 1] += sole_lift(self.source, self.body, scale)
        self.body = replace(self.body, root=root)
        root = root + hips_into_reach(self.body, goals, self.fps)
        self.body = replace(self.body, root=root)
        self._reach(dict(zip(LEGS, goals.unbind(1), strict=True)))

    def place_hands(self, joint_map: Mapping[str, str]) -> None:
        """Bring hands to their goals."""
        source, target = self.source.skeleton, self.body.skeleton
        names = match_joints(source, BODY22)
        first = {other: joint for joint, other in reversed(list(joint_map.items()))}
        joints = {
            BODY22.joint_names[own]: (followed, target.index(first[source.joint_names[followed]]))
            for own, followed in names.items()
            if source.joint_names[followed] in first
        }
        anchors = anchors_of(self.source, self.body, joints)
        self._reach(hand_goals(self.source, self.body, anchors, self.retargeting.scale))

    def _reach(self, goals: Mapping[str, Tensor]) -> None:
        for name, goal in goals.items():
            limb = self.body.limbs[name]
            turned = reach(limb, goal, self.body.turned, self.body.places, self.body.skeleton)
            self.body = replace(self.body, turned=turned)
        self.goals |= goals

    def report(self, motion: Motion) -> FitReport:
        skates = [self._skate(motion, body) for body in (self.source, self.plain, self.body)]
        missed = {end: self._missed(end) for end in ("leg", "arm")}
        shift = self.body.root - self.plain.root
        return FitReport(
            retargeting=self.retargeting,
            skate_before=skates[0],
            skate_plain=skates[1],
            skate_after=skates[2],
            sunk_before=_sunk(self.source),
            sunk_after=_sunk(self.body),
            foot_correction=self._correction("leg"),
            hand_correction=self._correction("arm"),
            foot_error=_most(missed["leg"]),
            hand_error=_most(missed["arm"]),
            feet_missed=_count(missed["leg"]),
            hands_missed=_count(missed["arm"]),
            hips_shift=float(shift.norm(dim=-1).max()),
        )

    def _skate(self, motion: Motion, body: Body) -> float | None:
        """Mean speed of the feet where the source's are in contact, as in ``metrics``.

        The end of the sole stands for a toe joint that there is not.
        """
        if not (self.source.has_feet and body.has_feet):
            return None
        contacts, roles = motion.contacts, motion.skeleton.roles
        if contacts is None and not (roles.left_toe and roles.right_toe):
            return None
        if contacts is None:
            contacts = foot_contacts(
                self.source.places, motion.skeleton, motion.fps, limits=BODY22_LIMITS
            )
        speeds = body.feet().diff(dim=0).norm(dim=-1) * motion.fps
        standing = contacts[:-1]
        return float(speeds[standing].mean()) if bool(standing.any()) else None

    def _missed(self, part: str) -> Tensor | None:
        """Return the distances of limbs' ends from their goals, by frame, metres."""
        ways = [
            (self.body.places[:, self.body.limbs[name].end] - goal).norm(dim=-1)
            for name, goal in self.goals.items()
            if name.endswith(part)
        ]
        return torch.stack(ways).amax(0) if ways else None

    def _correction(self, part: str) -> float | None:
        ends = [limb.end for name, limb in self.body.limbs.items() if name.endswith(part)]
        if not ends:
            return None
        moved = self.body.places[:, ends] - self.plain.places[:, ends]
        return float(moved.norm(dim=-1).max())


def _most(missed: Tensor | None) -> float | None:
    return None if missed is None else float(missed.max())


def _count(missed: Tensor | None) -> int:
    return 0 if missed is None else int((missed > MISSED).sum())


def _sunk(body: Body) -> float | None:
    """How deep the joints at the soles get below the ground y = 0, metres."""
    if not body.has_feet:
        return None
    return max(0.0, -float(body.sole_height().min()))
