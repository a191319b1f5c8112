"""Windows whose texts are measured: added to a store's captioned ones for training."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from marey.data.measured import measured_windows
from marey.data.records import ClipRecord, WindowRecord, WindowText
from marey.motion import Motion

SHARE = 0.4
"""Share of training draws that measured windows take together."""
MAX_REPETITION = 12.0
"""No measured window is drawn more often than so many mean windows."""


def measured_records(
    motion: Motion, clip: ClipRecord, windows: Sequence[WindowRecord]
) -> list[WindowRecord]:
    """Return the measured windows of a clip, without those that hold flips or leave the floor."""
    airborne = [w for w in windows if w.off_floor]
    records = []
    for found in measured_windows(motion):
        start, end = found.start_frame, found.end_frame
        flips = any(start <= flip < end for flip in clip.flips)
        if flips or any(w.start < end and start < w.end for w in airborne):
            continue
        records.append(
            WindowRecord(
                clip_id=clip.clip_id,
                start=start,
                end=end,
                split=clip.split,
                texts=tuple(WindowText(text=t, source="measured") for t in found.texts),
                coarse=clip.source_fps < motion.fps,
                action=found.action,
            )
        )
    return records


def weigh_measured(
    measured: Sequence[WindowRecord], *, captioned_mass: float
) -> list[WindowRecord]:
    """Give every action the same mass, left and right together, and all of them ``SHARE``."""
    if not measured or captioned_mass <= 0:
        return list(measured)
    counts = Counter(_without_side(w.action) for w in measured)
    total = captioned_mass * SHARE / (1 - SHARE)
    mean = (total + captioned_mass) / (len(measured) + captioned_mass)
    return [
        replace(
            window,
            weight=round(
                min(
                    total / len(counts) / counts[_without_side(window.action)],
                    MAX_REPETITION * mean,
                ),
                6,
            )
            * (0.5 if window.coarse else 1.0),
        )
        for window in measured
    ]


def _without_side(action: str | None) -> str:
    return (action or "").replace("_left", "").replace("_right", "")
