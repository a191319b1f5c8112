"""GenerationResult: the motions of a request, and what was measured on them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch

from marey import rotations
from marey.constraints import Finding
from marey.generate.report import ConstraintReport
from marey.generate.request import GenerationRequest
from marey.metrics import (
    foot_skate_from_contacts,
    foot_skate_from_height,
    ground_penetration,
    jerk,
    path_length,
)
from marey.motion import Motion
from marey.motion.retarget import RetargetReport


@dataclass(frozen=True, kw_only=True)
class MotionReport:
    """What was measured on one generated motion as it is delivered."""

    seed: int
    sample: int
    frames: int
    seconds: float
    path_metres: float
    """Length of the root's way over the ground."""
    forward_metres: float
    """Displacement along the first heading."""
    left_metres: float
    """Displacement to the left of the first heading."""
    turn_degrees: float
    """Change of heading, positive to the left."""
    skate_height: float
    """Mean speed of low toes, m/s (``metrics.foot_skate_from_height``)."""
    skate_contacts: float
    """Mean speed of feet that the model says are planted, m/s."""
    penetration: float
    """Mean depth of the lowest joint below the ground, metres."""
    jerk: float
    """Mean over joints and frames, m/s³."""

    @classmethod
    def of(cls, motion: Motion, *, seed: int, sample: int) -> "MotionReport":
        """Measure a motion that a model made, which has contacts."""
        assert motion.contacts is not None
        positions, skeleton, fps = motion.joint_positions, motion.skeleton, motion.fps
        path, heading = motion.root_positions[:, [0, 2]], motion.heading
        sin, cos = heading[0].sin(), heading[0].cos()
        moved = path[-1] - path[0]
        skate = foot_skate_from_contacts(positions, motion.contacts, skeleton, fps)
        return cls(
            seed=seed,
            sample=sample,
            frames=motion.num_frames,
            seconds=motion.seconds,
            path_metres=path_length(path),
            forward_metres=float(moved @ torch.stack((sin, cos))),
            left_metres=float(moved @ torch.stack((cos, -sin))),
            turn_degrees=float(rotations.wrap_angle(heading.diff()).sum().rad2deg()),
            skate_height=foot_skate_from_height(positions, skeleton, fps).mean,
            skate_contacts=skate.mean,
            penetration=ground_penetration(positions).mean,
            jerk=jerk(positions, fps).mean,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class GenerationResult:
    """Motions in sample order, with what was measured."""

    request: GenerationRequest
    motions: tuple[Motion, ...]
    """On the skeleton and at the frame rate that were asked for."""
    reports: tuple[MotionReport, ...]
    """One for each motion."""
    constraints: tuple[tuple[ConstraintReport, ...], ...]
    """What became of each constraint, for each motion."""
    warnings: tuple[Finding, ...]
    """What was found wrong with the constraints before anything was drawn: they may be met only
    in part, or by a motion that no body makes."""
    timings: Mapping[str, float]
    """Seconds that the whole call spent on load, sampling and finishing.

    Requests that were generated together were worked on together: they share these.
    """
    retargeting: RetargetReport | None = None
    """What became of the joints, if a skeleton was asked for."""

    def to_json(self) -> dict[str, Any]:
        """Return everything but the motions themselves as a JSON object."""
        retargeting = None if self.retargeting is None else asdict(self.retargeting)
        motions = zip(self.reports, self.constraints, strict=True)
        return {
            "request": self.request.to_json(),
            "motions": [
                asdict(report) | {"constraints": [each.to_json() for each in own]}
                for report, own in motions
            ],
            "warnings": [each.to_json() for each in self.warnings],
            "timings": {name: round(value, 4) for name, value in self.timings.items()},
            "retargeting": retargeting,
        }
