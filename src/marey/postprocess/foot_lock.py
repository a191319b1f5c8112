"""Foot lock: planted heels and toes stay where they stand, and nothing sinks into the floor."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.linalg import solveh_banded
from torch import Tensor

from marey.motion import ContactLimits
from marey.postprocess.spreading import spread
from marey.postprocess.stance import at_distance, length_of, stretches

_INERTIA = 0.02
"""How much a root's own change counts beside a planted foot's."""
_BEND = 0.5
"""Seconds over which the root's correction may bend."""
_GLIDE = 0.1
"""Slower drift of a planted foot, in metres per second, is left to the legs: feet that land and
push off are labelled as standing a little too long, which is no glide of the body."""
_HASTE = 0.7
"""Metres per second by which the body may become faster where it follows its feet."""
_RELEASE = 0.2
"""Seconds over which a foot leaves its lock and comes into the next (see ``spread``)."""
_CLEAR = 0.01
"""How far above the height of contacts, in metres, a foot is lifted that is told not to touch."""
_LIFT_SPEED = 0.4
"""Least speed of lifting it, metres per second, and of contacts' speed limit the multiple."""
_LIFT_FACTOR = 2.5


def follow_feet(
    feet: Float[Tensor, "frames 4 3"],
    contacts: Bool[Tensor, "frames 4"],
    pinned: Bool[Tensor, " frames"],
    fps: float,
    *,
    share: Float[Tensor, " frames"] | None = None,
) -> Float[Tensor, "frames 2"]:
    """Return the shift of the body over the ground that lets planted feet drift least.

    A body that glides over its own steps is slowed down, or sped up, to the pace of the feet. In
    ``pinned`` frames the shift is zero. Minimises the drift of planted joints from frame to
    frame, as far as it is fast, with a little inertia and a penalty on bending. A ``share`` of
    less than 1 takes only that much of the drift away.
    """
    frames = len(feet)
    if frames < 3:
        return torch.zeros(frames, 2).to(feet)
    drift = feet[:, :, [0, 2]].double().diff(dim=0)
    if share is not None:
        drift = drift * share[:-1, None, None]
    way = drift.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    drift = drift * (1 - _GLIDE / fps / way).clamp(min=0)
    planted = contacts[:-1].double()[..., None]
    steps = planted.sum(1).numpy()[:, 0] + _INERTIA
    wanted = -(drift * planted).sum(1).numpy()
    bend = (_BEND * fps) ** 2 * _INERTIA
    bands = np.zeros((3, frames))
    bands[0] += 1e-9
    bands[0, :-1] += steps
    bands[0, 1:] += steps
    bands[1, :-1] -= steps
    for i, a in enumerate((1.0, -2.0, 1.0)):
        for j, b in enumerate((1.0, -2.0, 1.0)[: i + 1]):
            bands[i - j, j : j + frames - 2] += bend * a * b
    pull = np.zeros((frames, 2))
    pull[1:] += wanted
    pull[:-1] -= wanted
    stiff = np.where(pinned.numpy(), 1e9, 0.0)
    bands[0] += stiff
    if not stiff.any():
        bands[0, 0] += 1e9  # the start stays
    shift = solveh_banded(bands, pull, lower=True, check_finite=False)
    return torch.from_numpy(shift).to(feet)


def share_without_haste(
    shift: Float[Tensor, "frames 2"],
    path: Float[Tensor, "frames 2"],
    pinned: Bool[Tensor, " frames"],
    fps: float,
) -> Float[Tensor, " frames"]:
    """Return which share of a shift of its path a body can take without having to hurry.

    Between two ``pinned`` frames, what is held back has to be made good. The share is below 1
    throughout a stretch in which that makes the body faster by more than ``_HASTE``.
    """
    before, after = (each.diff(dim=0).norm(dim=-1) * fps for each in (path, path + shift))
    gain = torch.nn.functional.pad(after - before, (1, 0))
    share = torch.ones(len(path)).to(path)
    for start, end in stretches(~pinned):
        most = float(gain[start : end + 1].max())
        share[start:end] = min(1.0, _HASTE / max(most, 1e-9))
    return share


def foot_targets(
    feet: Float[Tensor, "frames 4 3"],
    target: Float[Tensor, "frames 4 3"],
    kept: Bool[Tensor, "frames 4"],
    fps: float,
    *,
    ground: Float[Tensor, "frames 4"],
) -> Float[Tensor, "frames 4 3"]:
    """Return where heels and toes should be in every frame.

    Where ``kept`` they should be at their ``target``; the way there dies out smoothly before and
    after. Heel and toe are ends of one bone: where only one of them is kept, the other goes as far
    with it, lest the foot turns round when both are free. Elsewhere they stay above the ground.
    """
    offset = (target - feet) * kept[..., None]
    other = [1, 0, 3, 2]
    offset = torch.where(kept[..., None], offset, offset[:, other])
    known = kept | kept[:, other]
    smooth = [spread(offset[:, c], known[:, c], fps=fps, seconds=_RELEASE) for c in range(4)]
    wanted = feet + torch.stack(smooth, dim=1)
    wanted[..., 1] = torch.where(kept, wanted[..., 1], torch.maximum(wanted[..., 1], ground))
    return wanted


def onto_legs(
    wanted: Float[Tensor, "frames 4 3"],
    hips: Float[Tensor, "frames 2 3"],
    reach: Float[Tensor, "frames 2"],
    lengths: Float[Tensor, "frames 2"],
    kept: Bool[Tensor, "frames 4"],
    *,
    ground: Float[Tensor, "frames 4"],
) -> Float[Tensor, "frames 4 3"]:
    """Move heels and toes to where legs and feet of given lengths can put them.

    A heel that is not ``kept`` gives way to a toe that is; otherwise the toe gives way. A heel out
    of reach comes as near as it can, and takes the toe along.
    """
    aims, stays, low = wanted.numpy(), kept.numpy(), ground.numpy()
    placed = aims.copy()
    for side in range(2):
        hip, far, length = (each.numpy()[:, side] for each in (hips, reach, lengths))
        heel, toe = aims[:, 2 * side], aims[:, 2 * side + 1]
        on_toe = at_distance(heel, toe, length, floor=low[:, 2 * side])
        on_toe = _swung(on_toe, toe, length, hip, far)
        yields = stays[:, 2 * side + 1] & ~stays[:, 2 * side]
        heel = np.where(yields[:, None], on_toe, heel)
        way = length_of(heel - hip)
        near = hip + (heel - hip) * (far / np.maximum(way, 1e-6))[:, None]
        placed[:, 2 * side] = np.where((way > far + 1e-6)[:, None], near, heel)
        placed[:, 2 * side + 1] = at_distance(
            toe, placed[:, 2 * side], length, floor=low[:, 2 * side + 1]
        )
    return torch.from_numpy(placed)


def _swung(
    heel: Float[np.ndarray, "frames 3"],
    toe: Float[np.ndarray, "frames 3"],
    length: Float[np.ndarray, " frames"],
    hip: Float[np.ndarray, "frames 3"],
    reach: Float[np.ndarray, " frames"],
) -> Float[np.ndarray, "frames 3"]:
    """Swing heels that are out of reach about the toe towards the hip, until they are in reach."""
    beyond = length_of(heel - hip) > reach + 1e-6
    if not beyond.any():
        return heel
    way = np.maximum(length_of(hip - toe), 1e-6)
    along = (hip - toe) / way[:, None]
    rest = heel - toe
    across = rest - (rest * along).sum(-1, keepdims=True) * along
    across = across / np.maximum(length_of(across), 1e-6)[:, None]
    share = np.minimum((length**2 + way**2 - reach**2) / (2 * way), length)
    height = np.sqrt(np.maximum(length**2 - share**2, 0))
    swung = toe + along * share[:, None] + across * height[:, None]
    return np.where(beyond[:, None], swung, heel)


def lift_heights(
    heights: Float[Tensor, "frames 4"],
    touching: Bool[Tensor, "frames 4"],
    forbidden: Bool[Tensor, "frames 4"],
    kept: Bool[Tensor, "frames 4"],
    fps: float,
    *,
    limits: ContactLimits,
) -> Float[Tensor, "frames 4"]:
    """Return the least height of each heel and toe that keeps it from touching where forbidden.

    A stretch in which some frame is low and still (``touching``) is to be above what counts as
    low. Next to a frame in which the joint is ``kept`` where it is, it goes there in steps faster
    than a contact may move. Minus infinity where nothing is asked.
    """
    least = torch.full_like(heights, -torch.inf)
    slowest = max(_LIFT_SPEED, _LIFT_FACTOR * limits.speed) / fps
    for channel in range(4):
        top = (limits.heel, limits.toe)[channel % 2] + _CLEAR
        for start, end in stretches(forbidden[:, channel]):
            if bool(touching[start:end, channel].any()):
                count = torch.arange(1, end - start + 1, dtype=heights.dtype)
                base = float(heights[start:end, channel].min())
                steps = max(1, int((top - base) / slowest))
                highest = torch.full_like(count, steps)
                up = count if start > 0 and bool(kept[start - 1, channel]) else highest
                down = highest
                if end < len(heights) and bool(kept[end, channel]):
                    down = count.flip(0) - 0.5  # never level with the way up
                rise = torch.minimum(torch.minimum(up, down), highest)
                least[start:end, channel] = base + max(0.0, top - base) / steps * rise
    return least
