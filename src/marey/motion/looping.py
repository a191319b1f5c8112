"""Loops: one round of a walk, a run or another repeated motion, cut so that its end leads into its
beginning.

Seen from the track on the ground (see ``root_motion``), two frames a round apart look alike. The
best such pair is found; what still differs between them, in pose and in speed, is spread over both
sides of the seam. The track is treated the same way: its speed agrees at the seam, and what it
covers in a round is the loop's displacement.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from marey import rotations
from marey.errors import InvalidInputError
from marey.motion.motion import Motion
from marey.motion.root_motion import (
    RootMotion,
    join_root_motion,
    split_root_motion,
)

SHORTEST, LONGEST = 0.4, 2.5
"""Seconds of a round: from a fast run to a slow walk."""
BLEND_SECONDS = 0.25
"""How far what differs at the seam is spread on either side."""
_SPEED_SECONDS = 0.1
"""Seconds of motion that weigh as much as the pose when two frames are compared."""
_STILL = 0.01
"""Metres of movement that bodies make which stand still."""
_LIVELY = 0.5
"""Rounds move at least so much of what others of the motion do: a walk, not the pause after it."""
_AS_GOOD = 1.25
"""A shorter round is taken if it is at most so much worse than the best: one stride, not three."""


@dataclass(frozen=True, kw_only=True)
class SeamError:
    """How far the step over a seam differs from those beside it."""

    place: float
    """Metres by which a joint misses where its neighbours in time lead, at most; seen from the
    track."""
    speed: float
    """Change of a joint's velocity at the seam, at most, m/s; seen from the track."""
    root_speed: float
    """Change of the track's velocity at the seam, m/s."""
    turn_rate: float
    """Change of the track's turning at the seam, rad/s."""


@dataclass(frozen=True, kw_only=True)
class Displacement:
    """What a round covers, as seen from its first frame: metres, and radians to the left."""

    left: float
    forward: float
    turn: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Loop:
    """A motion whose last frame leads into its first, one frame later."""

    motion: Motion
    """One round in the world, on its way over the ground."""
    in_place: Motion
    """The same seen from its track."""
    root: RootMotion
    """The track; the next round begins where ``displacement`` leads from its first frame."""
    displacement: Displacement
    start: int
    """The source frame that became the first."""
    end: int
    """The source frame after the last, which looks like the first."""
    before: SeamError
    """At the seam of the frames as they were cut."""
    after: SeamError
    usual: SeamError
    """What 95 % of the source's own frames within the round stay below."""


def make_loop(
    motion: Motion,
    *,
    seconds: tuple[float, float] = (SHORTEST, LONGEST),
    blend_seconds: float = BLEND_SECONDS,
) -> Loop:
    """Cut the best round out of a motion and close it.

    ``seconds`` bounds its length; of rounds about as good the shortest is taken. Pose, velocities
    of joints, speed and turning of the track agree at the seam; frames further than
    ``blend_seconds`` from it, or than half the round, stay as they are. Contacts are those of the
    source. Raises InvalidInputError if the motion is too short for the shortest round, or if its
    skeleton names no hips.
    """
    least, most = _bounds(motion, seconds)
    split = split_root_motion(motion)
    seen = _Seen.of(split.in_place, split.root, motion.fps)
    start, end = _best_round(seen, least, most)
    spread = min(max(1, round(blend_seconds * motion.fps)), (end - start) // 2)
    in_place = _closed(split.in_place, start, end, spread)
    steps = _closed_steps(seen.steps, start, end, spread)
    root, displacement = _track(steps, split.root.positions[start], split.root.headings[start])
    return Loop(
        motion=join_root_motion(root, in_place),
        in_place=in_place,
        root=root,
        displacement=displacement,
        start=start,
        end=end,
        before=seen.round(start, end).seam(),
        after=replace(seen, places=in_place.joint_positions, steps=steps).seam(),
        usual=seen.usual(start, end),
    )


def repeat_loop(loop: Loop, rounds: int) -> Motion:
    """Return so many rounds of a loop, each going on where the one before ends.

    Raises InvalidInputError for fewer than one.
    """
    if rounds < 1:
        raise InvalidInputError(f"rounds: expected at least 1, got {rounds}.")
    count = loop.in_place.num_frames
    places = loop.root.positions.double()
    headings = loop.root.headings.double()
    found: list[tuple[Tensor, Tensor]] = [(places, headings)]
    way = torch.tensor([loop.displacement.left, loop.displacement.forward], dtype=torch.float64)
    own = _seen_from(places - places[0], headings[0])
    place, heading = places[0], headings[0]
    for _ in range(rounds - 1):
        place = place + _led(way, heading)
        heading = heading + loop.displacement.turn
        found.append((place + _led(own, heading), headings - headings[0] + heading))
    root = RootMotion(
        positions=torch.cat([row for row, _ in found]).float(),
        headings=torch.cat([row for _, row in found]).float(),
    )
    frames = torch.arange(count).repeat(rounds)
    contacts = loop.in_place.contacts
    many = replace(
        loop.in_place,
        root_positions=loop.in_place.root_positions[frames],
        local_rotations=loop.in_place.local_rotations[frames],
        contacts=None if contacts is None else contacts[frames],
    )
    return join_root_motion(root, many)


# --- the best round ----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class _Seen:
    """Joints as seen from the track, and the track's own steps."""

    places: Float[Tensor, "frames joints 3"]
    steps: Float[Tensor, "frames 3"]
    """Metres to the left and forward, radians to the left, from a frame to the next."""
    fps: float

    @classmethod
    def of(cls, in_place: Motion, root: RootMotion, fps: float) -> "_Seen":
        return cls(places=in_place.joint_positions, steps=_steps(root), fps=fps)

    def round(self, start: int, end: int) -> "_Seen":
        return replace(self, places=self.places[start:end], steps=self.steps[start:end])

    def seam(self) -> SeamError:
        """Measure a round where its end meets its beginning."""
        ends = torch.arange(-2, 2)
        return self._error(self.places[ends], self.steps[ends[:3]])

    def usual(self, start: int, end: int) -> SeamError:
        """Measure the inside of a round the same way."""
        errors = [
            self._error(self.places[i - 2 : i + 2], self.steps[i - 2 : i + 1])
            for i in range(start + 2, end - 1)
        ]
        if not errors:
            return SeamError(place=0.0, speed=0.0, root_speed=0.0, turn_rate=0.0)
        columns = zip(*(vars(each).values() for each in errors), strict=True)
        high = [float(torch.tensor(column).quantile(0.95)) for column in columns]
        return SeamError(**dict(zip(vars(errors[0]), high, strict=True)))

    def _error(self, places: Float[Tensor, "4 joints 3"], steps: Float[Tensor, "3 3"]) -> SeamError:
        """Compare the step from the second to the third frame with those beside it."""
        moved = places.diff(dim=0)
        bends = moved.diff(dim=0).norm(dim=-1)
        miss = (moved[1] - (moved[0] + moved[2]) / 2).norm(dim=-1)
        changes = steps.diff(dim=0)
        return SeamError(
            place=float(miss.max()),
            speed=float(bends.max()) * self.fps,
            root_speed=float(changes[:, :2].norm(dim=-1).max()) * self.fps,
            turn_rate=float(changes[:, 2].abs().max()) * self.fps,
        )


def _bounds(motion: Motion, seconds: tuple[float, float]) -> tuple[int, int]:
    """Return the least and most frames of a round."""
    shortest, longest = seconds
    if not 0 < shortest <= longest:
        raise InvalidInputError(
            f"seconds: expected 0 < shortest <= longest, got {shortest} and {longest}."
        )
    least = max(4, round(shortest * motion.fps))
    most = min(round(longest * motion.fps), motion.num_frames - 2)
    if most < least:
        raise InvalidInputError(
            f"A loop of at least {least} frames needs a motion of {least + 2}, got "
            f"{motion.num_frames}. Give a longer motion, or allow shorter loops: seconds=."
        )
    return least, most


def _best_round(seen: _Seen, least: int, most: int) -> tuple[int, int]:
    """Return the frames of the best round: alike in pose and speed, and not just standing."""
    features, places = _features(seen)
    best = torch.full((most + 1,), torch.inf)
    at = torch.zeros(most + 1, dtype=torch.long)
    for length in range(least, most + 1):
        apart = (features[length:] - features[:-length]).norm(dim=-1)
        moved = _movement(places, length)
        lively = moved >= _LIVELY * moved.quantile(0.9)
        score = torch.where(lively, apart / (moved + _STILL), torch.inf)
        best[length], at[length] = score.min(0)
    length = _dip(best, least, most)
    return int(at[length]), int(at[length]) + length


def _dip(scores: Float[Tensor, " lengths"], least: int, most: int) -> int:
    """Return the shortest length at which frames are more alike than at its neighbours, and about
    as alike as at any such; the best of all if there is none."""
    inner = scores[least : most + 1]
    dips = [
        least + i
        for i in range(1, len(inner) - 1)
        if inner[i] <= min(float(inner[i - 1]), float(inner[i + 1]))
    ]
    if not dips:
        return least + int(inner.argmin())
    limit = _AS_GOOD * min(float(scores[length]) for length in dips)
    return next(length for length in dips if float(scores[length]) <= limit)


def _features(
    seen: _Seen,
) -> tuple[Float[Tensor, "frames features"], Float[Tensor, "frames coordinates"]]:
    """Return what makes frames alike, and the part of it that says where the joints are.

    Both in metres, such that the length of a difference is the root mean square over joints.
    """
    places = seen.places.flatten(1) / seen.places.shape[1] ** 0.5
    speeds = torch.cat((places.diff(dim=0), places[-1:] - places[-2:-1]))
    moved = torch.cat((speeds, seen.steps), dim=1) * (seen.fps * _SPEED_SECONDS)
    return torch.cat((places, moved), dim=1), places


def _movement(places: Float[Tensor, "frames coordinates"], length: int) -> Tensor:
    """Return how far joints lie from their mean in the ``length`` frames from each frame on."""
    sums = torch.nn.functional.pad(places.double().cumsum(0), (0, 0, 1, 0))
    squares = torch.nn.functional.pad(places.double().square().cumsum(0), (0, 0, 1, 0))
    mean = (sums[length:] - sums[:-length]) / length
    square = (squares[length:] - squares[:-length]) / length
    spread = (square - mean.square()).sum(-1).clamp(min=0).sqrt()
    return spread[:-1].float()  # a round ends before a frame that exists


# --- the seam ----------------------------------------------------------------------------------


def _closed(motion: Motion, start: int, end: int, spread: int) -> Motion:
    """Return the frames of a round, bent such that its end and its beginning meet."""
    share, pace = _shares(torch.arange(end - start, dtype=torch.float64), end - start, spread)
    root, local = motion.root_positions.double(), motion.local_rotations.double()
    last = len(root) - 1

    def moved(frame: int) -> tuple[Tensor, Tensor]:
        """Return the root's and the joints' change per frame around a frame."""
        low, high = max(frame - 1, 0), min(frame + 1, last)
        return (root[high] - root[low]) / (high - low), _turn(local[low], local[high]) / (
            high - low
        )

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


# --- the track ---------------------------------------------------------------------------------


def _steps(root: RootMotion) -> Float[Tensor, "frames 3"]:
    """Return steps to the left, forward and round to the next frame; the last repeats the one
    before."""
    headings = root.headings.double()
    moved = _seen_from(root.positions.double().diff(dim=0), headings[:-1])
    steps = torch.cat((moved, headings.diff()[:, None]), dim=-1)
    return torch.cat((steps, steps[-1:])).float()


def _closed_steps(
    steps: Float[Tensor, "frames 3"], start: int, end: int, spread: int
) -> Float[Tensor, "_ 3"]:
    """Return the steps of a round, whose speed at its end is that of its beginning."""
    halfway = torch.arange(end - start, dtype=torch.float64) + 0.5
    share, _ = _shares(halfway, end - start, spread)
    here = steps[[max(start - 1, 0), start]].mean(0)
    there = steps[[end - 1, end]].mean(0)
    return steps[start:end] + share.float()[:, None] * (here - there)


def _track(
    steps: Float[Tensor, "frames 3"], place: Float[Tensor, "2"], heading: Float[Tensor, ""]
) -> tuple[RootMotion, Displacement]:
    """Return the track of some steps, and where it leads one step after its last frame."""
    steps = steps.double()
    headings = torch.cat((heading.double()[None], steps[:, 2])).cumsum(0)
    moved = _led(steps[:, :2], headings[:-1])
    places = torch.cat((place.double()[None], moved)).cumsum(0)
    left, forward = _seen_from(places[-1] - places[0], headings[0]).tolist()
    way = Displacement(left=left, forward=forward, turn=float(headings[-1] - headings[0]))
    return RootMotion(positions=places[:-1].float(), headings=headings[:-1].float()), way


def _led(
    moved: Float[Tensor, "*batch 2"], heading: Float[Tensor, "*#batch"]
) -> Float[Tensor, "*batch 2"]:
    """Return metres to the left and forward as x and z in the world."""
    cos, sin = heading.cos(), heading.sin()
    left, forward = moved.unbind(-1)
    return torch.stack((left * cos + forward * sin, forward * cos - left * sin), dim=-1)


def _seen_from(
    moved: Float[Tensor, "*batch 2"], heading: Float[Tensor, "*#batch"]
) -> Float[Tensor, "*batch 2"]:
    """Return x and z in the world as metres to the left and forward."""
    return _led(moved, -heading)
