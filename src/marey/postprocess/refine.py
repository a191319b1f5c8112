"""Refine: what the user pins is what the user gets, on feet that stand."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from marey.constraints import Goal
from marey.constraints.goal import merged
from marey.errors import InvalidInputError
from marey.motion import KIMODO_LIMITS, ContactLimits, Motion, foot_contacts
from marey.postprocess.draft import Draft, unsettled
from marey.postprocess.foot_plan import let_root_follow
from marey.postprocess.joint_limits import Hinges, JointLimit
from marey.postprocess.planting import plant
from marey.postprocess.pose_pins import meet_pins
from marey.postprocess.root_correction import correct_roots
from marey.postprocess.stance import steady_contacts

_ROUNDS = 3
"""Most rounds of root, pins and feet: each disturbs the others a little."""


def refine(
    motions: Sequence[Motion],
    goals: Sequence[Sequence[Goal]] | None = None,
    *,
    limits: Mapping[str, JointLimit] | None = None,
    floor: float = 0.0,
    contact_limits: ContactLimits = KIMODO_LIMITS,
) -> list[Motion]:
    """Return the motions with planted feet, nothing below the floor, and all goals met.

    ``goals`` holds those of each motion (see ``constraints.goals_on``). Corrections are spread
    smoothly over time, bone lengths are kept, and a goal out of reach is met as far as the bones
    allow. Joints with ``limits`` are hinges that keep to them in every frame. Contacts are the
    motion's own, or found from heights and speeds under ``contact_limits``, without flicker; they
    end between pins of a foot in different places. A second run changes nothing but rounding.

    The motions share one skeleton and may differ in length. Feet are locked where its roles name
    hips, heels and toes; without them contacts stay as they are and all else is done. Raises
    InvalidInputError if skeletons differ, if there are not as many lists of goals, for a goal on
    a frame, joint or role that there is not, or for a limit on a joint that there is not.
    """
    if not motions:
        return []
    skeleton = motions[0].skeleton
    if goals is not None and len(goals) != len(motions):
        raise InvalidInputError(
            f"refine needs a list of goals for each of the {len(motions)} motions, got "
            f"{len(goals)}."
        )
    if any(motion.skeleton != skeleton for motion in motions):
        raise InvalidInputError("Motions that are refined together must share their skeleton.")
    hinges = Hinges(limits or {}, skeleton)
    drafts = [
        _draft(motion, own, contact_limits, hinges)
        for motion, own in zip(motions, goals or [()] * len(motions), strict=True)
    ]
    for draft in drafts:
        if draft.has_feet:
            let_root_follow(draft)
    open_ = drafts
    for _ in range(_ROUNDS):
        correct_roots(open_)
        meet_pins(open_, hinges, follow=True, floor=floor)
        plant(open_, hinges, floor=floor)
        if not (open_ := unsettled(open_)):
            break
    meet_pins(drafts, hinges, follow=False)
    return [_refined(motion, draft) for motion, draft in zip(motions, drafts, strict=True)]


def _draft(motion: Motion, goals: Sequence[Goal], limits: ContactLimits, hinges: Hinges) -> Draft:
    _check(motion, goals)
    draft = Draft(
        root=motion.root_positions,
        local=hinges.clamped(motion.local_rotations),
        contacts=torch.zeros(motion.num_frames, 4, dtype=torch.bool),
        goals=merged(goals),
        fps=motion.fps,
        skeleton=motion.skeleton,
        limits=limits,
    )
    if draft.has_feet:
        labels = motion.contacts
        if labels is None:
            labels = foot_contacts(draft.positions(), motion.skeleton, motion.fps, limits=limits)
        draft.contacts = draft.as_told(steady_contacts(labels, motion.fps))
    return draft


def _refined(motion: Motion, draft: Draft) -> Motion:
    contacts = draft.contacts if draft.has_feet else motion.contacts
    return replace(
        motion, root_positions=draft.root, local_rotations=draft.local, contacts=contacts
    )


def _check(motion: Motion, goals: Sequence[Goal]) -> None:
    """Raise InvalidInputError for a goal that the motion has no frame, joint or role for."""
    for number, goal in enumerate(goals):
        joints = 4 if goal.kind == "contact" else motion.skeleton.num_joints
        if int(goal.frames[-1]) >= motion.num_frames or not 0 <= goal.joint < joints:
            raise InvalidInputError(
                f"goals[{number}] ({goal.kind}): expected frames in [0, {motion.num_frames - 1}] "
                f"and a joint in [0, {joints - 1}], got frame {int(goal.frames[-1])} and joint "
                f"{goal.joint}. Make the goals on this motion (constraints.goals_on)."
            )
        roles = {"heading": _HIPS, "contact": (*_HIPS, *_FEET)}.get(goal.kind, ())
        for role in roles:
            motion.skeleton.role(role)


_HIPS = ("left_hip", "right_hip")
_FEET = ("left_heel", "left_toe", "right_heel", "right_toe")
