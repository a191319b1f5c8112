"""Root correction: the body as a whole is turned and moved to where goals want it."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey import rotations
from marey import skeleton as kinematics
from marey.constraints import Goal
from marey.motion.path_smoothing import DEFAULT_MARGIN, smooth_paths, solve_smooth_path
from marey.postprocess.draft import GROUND, Draft
from marey.postprocess.reach import shift_into_reach
from marey.postprocess.spreading import spread

_TURN_SECONDS = 0.3
_MOVE_SECONDS = 0.5
_LIFT_SECONDS = 0.3
"""How far in time a correction of heading, place and height reaches (see ``spread``)."""
_ARM = 0.25
"""Furthest that a joint may be from its place without the body going there, metres."""
_SWAY_SECONDS = 0.4
_FINE, _MET, _CLOSE = 0.9, 0.2, 0.8
"""Shares of its tolerance within which a path is left as it is: at first, after shifts of the body
and when these are used up. The last is less than the first, so that what was met once is not moved
again."""
_SHIFTS, _SHIFTS_AT_LENGTH = 12, 2
"""Most shifts of the body towards single points of its path, and towards a path at length."""
_LEAST = 1e-3
"""Smallest tolerance of a path goal that is aimed for, metres."""


def correct_roots(drafts: Sequence[Draft]) -> None:
    """Turn and move bodies so that goals on heading, root path and height are met.

    Between goals a correction is continued smoothly and held beyond them: who is sent a metre
    further to the left stays there. Pinned places and turns of the root joint are met by the way.
    """
    for draft in drafts:
        _turn(draft)
        _move_root_joint(draft)
    _move_paths([draft for draft in drafts if draft.goals_of("root_path")])
    for draft in drafts:
        _lift(draft)
        _approach(draft)


def _turn(draft: Draft) -> None:
    delta, known = _blank(draft, 1)
    for goal in draft.goals_of("joint_rotation"):
        if goal.joint == 0:
            rest = goal.target @ draft.local[goal.frames, 0].transpose(-1, -2)
            up = torch.tensor([0.0, 1.0, 0.0])
            _note(goal, rotations.twist_angle(rest, up)[:, None], delta, known)
    for goal in draft.goals_of("heading"):
        heading = kinematics.heading_angle(draft.positions()[goal.frames], draft.skeleton)
        rest = rotations.wrap_angle(goal.target - heading)
        _note(goal, rest[:, None], delta, known)
    if bool(known.any()):
        delta[known, 0] = rotations.unwrap_angle(delta[known, 0])
        angle = spread(delta, known, fps=draft.fps, seconds=_TURN_SECONDS, hold=True)[:, 0]
        local = draft.local.clone()
        local[:, 0] = rotations.yaw_matrix(angle) @ local[:, 0]
        draft.local = local


def _move_root_joint(draft: Draft) -> None:
    delta, known = _blank(draft, 3)
    for goal in draft.goals_of("joint_position"):
        if goal.joint == 0:
            _note(goal, goal.target - draft.root[goal.frames], delta, known)
    if bool(known.any()):
        over = spread(delta, known, fps=draft.fps, seconds=_MOVE_SECONDS, hold=True)
        up = spread(delta, known, fps=draft.fps, seconds=_LIFT_SECONDS)
        draft.root = draft.root + torch.stack((over[:, 0], up[:, 1], over[:, 2]), dim=-1)


def _move_paths(drafts: Sequence[Draft]) -> None:
    """Move bodies so that their smoothed paths go where goals want them.

    A path is not touched if it is near enough. A shift of the body shifts its path nearly as
    much, or less where the path has some play, so that single points on the way take a few
    shifts. A path pinned at length is met by making the body sway about it, see ``_sway_about``.
    """
    enough = _FINE
    for done in range(_SHIFTS + 1):
        paths = smooth_paths([draft.root[:, GROUND] for draft in drafts])
        pairs = list(zip(drafts, paths, strict=True))
        drafts = [draft for draft, path in pairs if _shifted(draft, path, enough, done)]
        enough = _MET


def _shifted(draft: Draft, path: Float[Tensor, "frames 2"], enough: float, done: int) -> bool:
    """Move a body by how far its path is off, or let it sway after that was ``done`` often enough.

    Return whether its path is to be looked at again.
    """
    goals = draft.goals_of("root_path")
    tolerance = max(_LEAST, min(goal.tolerance for goal in goals))
    own = draft.pelvis_pinned  # a pinned pelvis is stronger than the path it lies beside
    delta, known = _blank(draft, 2)
    for goal in goals:
        _note(goal, goal.target - path[goal.frames], delta, known)
    delta[own] = 0.0
    at_length = bool((known[1:] & known[:-1]).any())
    last = done == (_SHIFTS_AT_LENGTH if at_length else _SHIFTS)
    if float(delta.norm(dim=-1).max()) < (_CLOSE if last else enough) * tolerance:
        return False
    draft.root = draft.root.clone()
    if last:
        draft.root[:, GROUND] = _sway_about(draft, path + delta, path, _CLOSE * tolerance)
    else:
        held = known | own
        shift = spread(delta, held, fps=draft.fps, seconds=_MOVE_SECONDS, hold=True)
        draft.root[:, GROUND] += shift
    return not last


def _sway_about(
    draft: Draft,
    target: Float[Tensor, "frames 2"],
    path: Float[Tensor, "frames 2"],
    margin: float,
) -> Float[Tensor, "frames 2"]:
    """Return a way of the body whose smoothed path is within ``margin`` of ``target``.

    A path is the smoothest within a distance of the body if it is pulled, in the sense of the
    gradient of ``½ Σ ‖x″‖²``, only where it is at that distance and only straight towards the
    body. So smooth the target within ``margin``, and where the result is pulled let the body be
    ``DEFAULT_MARGIN`` away in that direction. Elsewhere it may sway as it did.
    """
    solved = solve_smooth_path(target.double().numpy(), margin=margin).positions
    smooth = torch.from_numpy(solved).to(target)
    pull = target - smooth
    size = pull.norm(dim=-1, keepdim=True)
    forced = size[:, 0] > 0.999 * margin
    sway = draft.root[:, GROUND] - path
    wanted = pull * (DEFAULT_MARGIN / size.clamp(min=1e-9))
    own = draft.pelvis_pinned
    wanted[own] = (draft.root[:, GROUND] - smooth)[own]
    delta = (wanted - sway) * (forced | own)[:, None]
    sway = sway + spread(delta, forced | own, fps=draft.fps, seconds=_SWAY_SECONDS)
    inside = sway * (DEFAULT_MARGIN / sway.norm(dim=-1, keepdim=True).clamp(min=DEFAULT_MARGIN))
    return smooth + torch.where(own[:, None], sway, inside)


def _lift(draft: Draft) -> None:
    delta, known = _blank(draft, 1)
    for goal in draft.goals_of("root_height"):
        _note(goal, (goal.target - draft.root[goal.frames, 1])[:, None], delta, known)
    if bool(known.any()):
        root = draft.root.clone()
        root[:, 1] += spread(delta, known, fps=draft.fps, seconds=_LIFT_SECONDS)[:, 0]
        draft.root = root


def _approach(draft: Draft) -> None:
    """Move the body to within an arm's length of the places of its joints."""
    goals = [goal for goal in draft.goals_of("joint_position") if goal.joint != 0]
    joints = sorted({goal.joint for goal in goals})
    if not joints:
        return
    places = draft.positions()[:, joints]
    targets, lengths = places.clone(), torch.full(places.shape[:2], torch.inf)
    for goal in goals:
        targets[goal.frames, joints.index(goal.joint)] = goal.target.to(targets)
        lengths[goal.frames, joints.index(goal.joint)] = _ARM
    lengths[draft.pelvis_pinned] = torch.inf
    over = draft.path_pinned | draft.pelvis_pinned
    up = draft.height_pinned | draft.pelvis_pinned
    draft.root = draft.root + shift_into_reach(
        places,
        targets,
        lengths,
        torch.full((draft.num_frames,), -torch.inf),
        torch.stack((over, up, over), dim=-1),
        draft.fps,
        seconds=_MOVE_SECONDS,
        hold=True,
    )


def _blank(
    draft: Draft, channels: int
) -> tuple[Float[Tensor, "frames channels"], Bool[Tensor, " frames"]]:
    frames = draft.num_frames
    return torch.zeros(frames, channels), torch.zeros(frames, dtype=torch.bool)


def _note(goal: Goal, rest: Tensor, delta: Tensor, known: Tensor) -> None:
    """Write down how far a goal is off; a later goal on the same quantity wins."""
    delta[goal.frames] = rest.to(delta)
    known[goal.frames] = True
