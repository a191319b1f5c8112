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

from marey.errors import InvalidInputError
from marey.motion.loop_closing import (
    Displacement,
    closed_motion,
    closed_steps,
    led,
    seen_from,
    track_of,
    track_steps,
)
from marey.motion.motion import Motion
from marey.motion.root_motion import (
    RootMotion,
    SplitMotion,
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
_AS_GOOD = 1.15
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

    def closed(self) -> SplitMotion:
        """Return track and motion with the first frame of the next round at the end.

        Engines go from the last frame of a file to its first in no time: the two must be the same.
        """
        frames = [*range(self.in_place.num_frames), 0]
        places, headings, way = self.root.positions, self.root.headings, self.displacement
        moved = led(torch.tensor([way.left, way.forward]), headings[0])
        root = RootMotion(
            positions=torch.cat((places, (places[0] + moved)[None])),
            headings=torch.cat((headings, headings[:1] + way.turn)),
        )
        return SplitMotion(root=root, in_place=_with_frames(self.in_place, frames))


def make_loop(
    motion: Motion,
    *,
    seconds: tuple[float, float] = (SHORTEST, LONGEST),
    blend_seconds: float = BLEND_SECONDS,
    straight: bool = False,
) -> Loop:
    """Cut the best round out of a motion and close it.

    ``seconds`` bounds its length; of rounds about as good the shortest is taken. Pose, velocities
    of joints, speed and turning of the track agree at the seam; frames further than
    ``blend_seconds`` from it, or than half the round, stay as they are. ``straight`` takes out what
    a round turns the track by, at an even rate: the few degrees of a walk that is meant to go
    straight on. Contacts are those of the source. Raises InvalidInputError if the motion is too
    short for the shortest round, or if its skeleton names no hips.
    """
    least, most = _bounds(motion, seconds)
    split = split_root_motion(motion)
    seen = _Seen.of(split.in_place, split.root, motion.fps)
    start, end = _best_round(seen, least, most)
    spread = min(max(1, round(blend_seconds * motion.fps)), (end - start) // 2)
    in_place = closed_motion(split.in_place, start, end, spread)
    steps = closed_steps(seen.steps, start, end, spread)
    if straight:
        steps[:, 2] -= steps[:, 2].mean()
    root, displacement = track_of(steps, split.root.positions[start], split.root.headings[start])
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
    own = seen_from(places - places[0], headings[0])
    place, heading = places[0], headings[0]
    for _ in range(rounds - 1):
        place = place + led(way, heading)
        heading = heading + loop.displacement.turn
        found.append((place + led(own, heading), headings - headings[0] + heading))
    root = RootMotion(
        positions=torch.cat([row for row, _ in found]).float(),
        headings=torch.cat([row for _, row in found]).float(),
    )
    return join_root_motion(root, _with_frames(loop.in_place, [*range(count)] * rounds))


def _with_frames(motion: Motion, frames: list[int]) -> Motion:
    contacts = motion.contacts
    return replace(
        motion,
        root_positions=motion.root_positions[frames],
        local_rotations=motion.local_rotations[frames],
        contacts=None if contacts is None else contacts[frames],
    )


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
        return cls(places=in_place.joint_positions, steps=track_steps(root), fps=fps)

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
    before = torch.cat((seen.steps[:1], seen.steps[:-1]))
    speeds = torch.gradient(places, dim=0)[0], (before + seen.steps) / 2
    moved = torch.cat(speeds, dim=1) * (seen.fps * _SPEED_SECONDS)
    return torch.cat((places, moved), dim=1), places


def _movement(places: Float[Tensor, "frames coordinates"], length: int) -> Tensor:
    """Return how far joints lie from their mean in the ``length`` frames from each frame on."""
    sums = torch.nn.functional.pad(places.double().cumsum(0), (0, 0, 1, 0))
    squares = torch.nn.functional.pad(places.double().square().cumsum(0), (0, 0, 1, 0))
    mean = (sums[length:] - sums[:-length]) / length
    square = (squares[length:] - squares[:-length]) / length
    spread = (square - mean.square()).sum(-1).clamp(min=0).sqrt()
    return spread[:-1].float()  # a round ends before a frame that exists
