"""Windows whose texts are measured: added to a store's captioned ones for training."""

from collections.abc import Sequence

from marey.data.measured import measured_windows
from marey.data.records import ClipRecord, WindowRecord, WindowText
from marey.motion import Motion


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
