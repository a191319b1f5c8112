"""Motion quality: feet, contacts, floor and smoothness of one motion; no text, no model."""

from collections.abc import Mapping
from dataclasses import dataclass

from marey.evaluation.report import Measure
from marey.metrics import (
    Summary,
    contact_accuracy,
    foot_skate_from_contacts,
    foot_skate_from_height,
    foot_skate_ratio,
    ground_penetration,
    jerk,
)
from marey.motion import ContactLimits, Motion, foot_contacts


@dataclass(frozen=True, kw_only=True)
class QualityMeasure:
    """A line of tables, and the factor from metres, seconds or shares to its unit."""

    measure: Measure
    factor: float


def _lines(*rows: tuple[str, str, float]) -> dict[str, QualityMeasure]:
    return {
        name: QualityMeasure(measure=Measure(name=name, unit=unit), factor=factor)
        for name, unit, factor in rows
    }


QUALITY: Mapping[str, QualityMeasure] = _lines(
    ("skate: low toes", "cm/s", 100.0),
    ("skate: feet in contact", "cm/s", 100.0),
    ("skate: share of low steps", "%", 100.0),
    ("contacts as heights and speeds say", "%", 100.0),
    ("depth below the floor", "cm", 100.0),
    ("jerk", "m/s³", 1.0),
)
"""By name. As in real motion is good: mocap skates and shakes, too."""


def motion_quality(motion: Motion, limits: ContactLimits) -> dict[str, Summary]:
    """Measure one motion, by the names of `QUALITY`, in metres, seconds and shares.

    Contacts that it does not state are those of its heights and speeds under ``limits``; there is
    then nothing that could agree with them.
    """
    positions, skeleton, fps = motion.joint_positions, motion.skeleton, motion.fps
    labels = foot_contacts(positions, skeleton, fps, limits=limits)
    stated = labels if motion.contacts is None else motion.contacts
    agreement = (
        Summary(mean=0.0, maximum=0.0, count=0)
        if motion.contacts is None
        else contact_accuracy(stated, labels)
    )
    values = (
        foot_skate_from_height(positions, skeleton, fps),
        foot_skate_from_contacts(positions, stated, skeleton, fps),
        foot_skate_ratio(positions, skeleton, fps),
        agreement,
        ground_penetration(positions),
        jerk(positions, fps),
    )
    return dict(zip(QUALITY, values, strict=True))
