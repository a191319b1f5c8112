"""Refine: what the user pins is what the user gets, on feet that stand."""

from collections.abc import Sequence
from dataclasses import replace

from marey.constraints import Goal
from marey.errors import InvalidInputError
from marey.motion import KIMODO_LIMITS, ContactLimits, Motion, foot_contacts
from marey.postprocess.draft import Draft
from marey.postprocess.planting import let_root_follow, plant
from marey.postprocess.pose_pins import meet_pins
from marey.postprocess.root_correction import correct_root
from marey.postprocess.stance import steady_contacts

_ROUNDS = 2
"""Rounds of root, pins and feet where there are goals: each disturbs the others a little."""


def refine(
    motions: Sequence[Motion],
    goals: Sequence[Sequence[Goal]] | None = None,
    *,
    floor: float = 0.0,
    contact_limits: ContactLimits = KIMODO_LIMITS,
) -> list[Motion]:
    """Return the motions with planted feet, nothing below the floor, and all goals met.

    ``goals`` holds those of each motion (see ``constraints.goals_on``). Corrections are spread
    smoothly over time, bone lengths are kept, and a goal out of reach is met as far as the bones
    allow. Contacts are the motion's own, or found from heights and speeds under
    ``contact_limits``, without flicker. A second run changes nothing but rounding. The motions
    share one skeleton with feet and hips named in its roles; they may differ in length.

    Raises InvalidInputError if skeletons differ or there are not as many lists of goals.
    """
    if not motions:
        return []
    if goals is not None and len(goals) != len(motions):
        raise InvalidInputError(
            f"refine needs a list of goals for each of the {len(motions)} motions, got "
            f"{len(goals)}."
        )
    if any(motion.skeleton != motions[0].skeleton for motion in motions):
        raise InvalidInputError("Motions that are refined together must share their skeleton.")
    drafts = [
        _draft(motion, own, contact_limits)
        for motion, own in zip(motions, goals or [()] * len(motions), strict=True)
    ]
    for draft in drafts:
        let_root_follow(draft)
    for _ in range(_ROUNDS if any(draft.goals for draft in drafts) else 1):
        for draft in drafts:
            correct_root(draft)
        meet_pins(drafts, follow=True)
        plant(drafts, floor=floor)
    meet_pins(drafts, follow=False)
    return [
        replace(
            motion,
            root_positions=draft.root,
            local_rotations=draft.local,
            contacts=draft.contacts,
        )
        for motion, draft in zip(motions, drafts, strict=True)
    ]


def _draft(motion: Motion, goals: Sequence[Goal], limits: ContactLimits) -> Draft:
    contacts = motion.contacts
    if contacts is None:
        contacts = foot_contacts(motion.joint_positions, motion.skeleton, motion.fps, limits=limits)
    contacts = steady_contacts(contacts, motion.fps)
    for goal in goals:
        if goal.kind == "contact":
            contacts[goal.frames, goal.joint] = goal.target > 0.5
    return Draft(
        root=motion.root_positions,
        local=motion.local_rotations,
        contacts=contacts,
        goals=tuple(goals),
        fps=motion.fps,
        skeleton=motion.skeleton,
    )
