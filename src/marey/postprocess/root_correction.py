"""Root correction: the body as a whole is turned and moved to where goals want it."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey import rotations
from marey import skeleton as kinematics
from marey.constraints import Goal
from marey.motion import smooth_path
from marey.postprocess.draft import GROUND, Draft
from marey.postprocess.spreading import spread

_TURN_SECONDS = 0.3
_MOVE_SECONDS = 0.5
_LIFT_SECONDS = 0.3
"""How far in time a correction of heading, place and height reaches (see ``spread``)."""
_ROUNDS = 4
"""Moving the pelvis moves its smoothed path only nearly as much: repeat."""
_ENOUGH = 1e-4


def correct_root(draft: Draft) -> None:
    """Turn and move the body so that goals on heading, root path and height are met.

    Between goals a correction is continued smoothly and held beyond them: who is sent a metre
    further to the left stays there. Pinned places and turns of the root joint are met by the way.
    """
    _turn(draft)
    _move_root_joint(draft)
    _move_path(draft)
    _lift(draft)


def _turn(draft: Draft) -> None:
    heading = kinematics.heading_angle(draft.positions(), draft.skeleton)
    delta, known = _blank(draft, 1)
    for goal in draft.goals_of("joint_rotation"):
        if goal.joint == 0:
            rest = goal.target @ draft.local[goal.frames, 0].transpose(-1, -2)
            up = torch.tensor([0.0, 1.0, 0.0])
            _note(goal, rotations.twist_angle(rest, up)[:, None], delta, known)
    for goal in draft.goals_of("heading"):
        rest = rotations.wrap_angle(goal.target - heading[goal.frames])
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


def _move_path(draft: Draft) -> None:
    goals = draft.goals_of("root_path")
    if not goals:
        return
    own = draft.pelvis_pinned
    for _ in range(_ROUNDS):
        path = smooth_path(draft.root[:, GROUND])
        delta, known = _blank(draft, 2)
        for goal in goals:
            _note(goal, goal.target - path[goal.frames], delta, known)
        delta[own] = 0.0  # a pinned pelvis is stronger than the path it lies beside
        if float(delta.abs().max()) < _ENOUGH:
            return
        root = draft.root.clone()
        root[:, GROUND] += spread(
            delta, known | own, fps=draft.fps, seconds=_MOVE_SECONDS, hold=True
        )
        draft.root = root


def _lift(draft: Draft) -> None:
    delta, known = _blank(draft, 1)
    for goal in draft.goals_of("root_height"):
        _note(goal, (goal.target - draft.root[goal.frames, 1])[:, None], delta, known)
    if bool(known.any()):
        root = draft.root.clone()
        root[:, 1] += spread(delta, known, fps=draft.fps, seconds=_LIFT_SECONDS)[:, 0]
        draft.root = root


def _blank(
    draft: Draft, channels: int
) -> tuple[Float[Tensor, "frames channels"], Bool[Tensor, " frames"]]:
    frames = draft.num_frames
    return torch.zeros(frames, channels), torch.zeros(frames, dtype=torch.bool)


def _note(goal: Goal, rest: Tensor, delta: Tensor, known: Tensor) -> None:
    """Write down how far a goal is off; a later goal on the same quantity wins."""
    delta[goal.frames] = rest.to(delta)
    known[goal.frames] = True
