"""Closing a loop: what differs between its end and its beginning is spread over both sides of the
seam, in the pose and in the steps of the track on the ground.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from marey import rotations
from marey.motion.motion import Motion
from marey.motion.root_motion import RootMotion


@dataclass(frozen=True, kw_only=True)
class Displacement:
    """What a round covers, as seen from its first frame: metres, and radians to the left."""

    left: float
    forward: float
    turn: float


# --- pose --------------------------------------------------------------------------------------


def closed_motion(motion: Motion, start: int, end: int, spread: int) -> Motion:
    """Return the frames of a round, bent such that its end and its beginning meet."""
    share, pace = _shares(torch.arange(end - start, dtype=torch.float64), end - start, spread)
    root, local = motion.root_positions.double(), motion.local_rotations.double()
    last = len(root) - 1

    def moved(frame: int) -> tuple[Tensor, Tensor]:
        """Return the root's and the joints' change per frame around a frame."""
        low, high = max(frame - 1, 0), min(frame + 1, last)
        step, turn = root[high] - root[low], _turn(local[low], local[high])
        return step / (high - low), turn / (high - low)

    (here, turning), (there, other) = moved(start), moved(end)
    offset = share[:, None] * (root[start] - root[end]) + pace[:, None] * (here - there)
    turn = share[:, None, None] * _turn(local[end], local[start])
    turn = turn + pace[:, None, None] * (turning - other)
    cut = motion.crop(start, end)
    return replace(
        cut,
        root_positions=(root[start:end] + offset).float(),
        local_rotations=(rotations.rotation_vector_to_matrix(turn) @ local[start:end]).float(),
    )


def _turn(
    start: Float[Tensor, "joints 3 3"], end: Float[Tensor, "joints 3 3"]
) -> Float[Tensor, "joints 3"]:
    """Return the turn from one pose to another, in the parents' frames."""
    return rotations.matrix_to_rotation_vector(end @ start.transpose(-1, -2))


def _shares(
    times: Float[Tensor, " frames"], length: int, spread: int
) -> tuple[Float[Tensor, " frames"], Float[Tensor, " frames"]]:
    """Return how much of a difference at the seam, in place and in pace, each time takes on.

    The end goes half the way towards the beginning and the beginning the other half towards the
    end; both are polynomials of degree five that leave speed and acceleration alone where they
    fade out.
    """
    early, late = (times / spread).clamp(max=1), ((length - times) / spread).clamp(max=1)
    share = (_place_fade(late) - _place_fade(early)) / 2
    return share, -spread * (_pace_fade(late) + _pace_fade(early)) / 2


def _place_fade(s: Float[Tensor, " frames"]) -> Float[Tensor, " frames"]:
    """From 1 to 0, flat at both ends."""
    return 1 - s**3 * (10 - 15 * s + 6 * s**2)


def _pace_fade(s: Float[Tensor, " frames"]) -> Float[Tensor, " frames"]:
    """From 0 to 0, with slope 1 at the beginning and flat at the end."""
    return s - s**3 * (6 - 8 * s + 3 * s**2)


# --- track -------------------------------------------------------------------------------------


def track_steps(root: RootMotion) -> Float[Tensor, "frames 3"]:
    """Return steps to the left, forward and round to the next frame; the last repeats the one
    before."""
    headings = root.headings.double()
    moved = seen_from(root.positions.double().diff(dim=0), headings[:-1])
    steps = torch.cat((moved, headings.diff()[:, None]), dim=-1)
    return torch.cat((steps, steps[-1:])).float()


def closed_steps(
    steps: Float[Tensor, "frames 3"], start: int, end: int, spread: int
) -> Float[Tensor, "_ 3"]:
    """Return the steps of a round, whose speed at its end is that of its beginning."""
    halfway = torch.arange(end - start, dtype=torch.float64) + 0.5
    share, _ = _shares(halfway, end - start, spread)
    here = steps[[max(start - 1, 0), start]].mean(0)
    there = steps[[end - 1, end]].mean(0)
    return steps[start:end] + share.float()[:, None] * (here - there)


def track_of(
    steps: Float[Tensor, "frames 3"], place: Float[Tensor, "2"], heading: Float[Tensor, ""]
) -> tuple[RootMotion, Displacement]:
    """Return the track of some steps, and where it leads one step after its last frame."""
    steps = steps.double()
    headings = torch.cat((heading.double()[None], steps[:, 2])).cumsum(0)
    moved = led(steps[:, :2], headings[:-1])
    places = torch.cat((place.double()[None], moved)).cumsum(0)
    left, forward = seen_from(places[-1] - places[0], headings[0]).tolist()
    way = Displacement(left=left, forward=forward, turn=float(headings[-1] - headings[0]))
    return RootMotion(positions=places[:-1].float(), headings=headings[:-1].float()), way


def led(
    moved: Float[Tensor, "*batch 2"], heading: Float[Tensor, "*#batch"]
) -> Float[Tensor, "*batch 2"]:
    """Return metres to the left and forward as x and z in the world."""
    cos, sin = heading.cos(), heading.sin()
    left, forward = moved.unbind(-1)
    return torch.stack((left * cos + forward * sin, forward * cos - left * sin), dim=-1)


def seen_from(
    moved: Float[Tensor, "*batch 2"], heading: Float[Tensor, "*#batch"]
) -> Float[Tensor, "*batch 2"]:
    """Return x and z in the world as metres to the left and forward."""
    return led(moved, -heading)
