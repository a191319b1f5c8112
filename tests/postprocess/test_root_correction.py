"""Laws of the body's way: it meets its waypoints, and neither jerks nor sprints to do so."""

import torch

from marey.constraints import RootWaypoint, Times, goals_on
from marey.metrics import goal_errors
from marey.motion import Motion
from marey.postprocess import refine
from marey.skeleton import BODY22

FPS = 20.0


def sliding(speed: torch.Tensor, contacts: torch.Tensor) -> Motion:
    """A statue that slides ahead at some speed (metres per second) in each frame."""
    frames = len(speed)
    root = torch.zeros(frames, 3)
    root[1:, 2] = (speed[:-1] / FPS).cumsum(0)
    standing = Motion(
        root_positions=root,
        local_rotations=torch.eye(3).repeat(frames, BODY22.num_joints, 1, 1),
        fps=FPS,
        skeleton=BODY22,
        contacts=contacts,
    )
    return standing.translate(
        torch.tensor([0.0, -float(standing.joint_positions[..., 1].min()), 0])
    )


def accelerations(motion: Motion) -> torch.Tensor:
    return motion.root_positions[:, [0, 2]].diff(n=2, dim=0).norm(dim=-1) * FPS**2


def test_waypoints_up_to_the_last_frame_are_met_without_a_jerk() -> None:
    walk = sliding(torch.full((120,), 0.8), torch.zeros(120, 4, dtype=torch.bool))
    way = walk.root_positions[[0, 50, 119]][:, [0, 2]] + torch.tensor([[0, 0], [0.1, 0], [0, 0.1]])
    goals = goals_on((RootWaypoint(times=Times(frames=(0, 50, 119)), points=way),), walk)
    (fixed,) = refine([walk], [goals])
    assert max(float((goal_errors(fixed, g) / g.tolerance).max()) for g in goals) <= 1
    assert float(accelerations(fixed).max()) < 1.5


def test_a_body_that_glides_between_waypoints_does_not_sprint_to_catch_up() -> None:
    contacts = torch.zeros(100, 4, dtype=torch.bool)
    contacts[10:70] = True  # feet are said to stand while the body slides on
    glide = sliding(torch.full((100,), 1.5), contacts)
    way = glide.root_positions[[0, 99]][:, [0, 2]]
    goals = goals_on((RootWaypoint(times=Times(frames=(0, 99)), points=way),), glide)
    (fixed,) = refine([glide], [goals])
    speed = fixed.root_positions[:, [0, 2]].diff(dim=0).norm(dim=-1) * FPS
    assert float(speed.max()) < 1.5 + 0.9
