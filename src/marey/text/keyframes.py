"""Keyframes: the frames at which a pose has become another one.

Two ways to tell, with the same rule: the first frame is a keyframe, and so is every frame that is
less like the last keyframe than a threshold allows, at the earliest `LEAST_GAP` after it.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float

from marey.errors import InvalidInputError
from marey.predicates import PoseFacts
from marey.text.encoder import TextEncoder

LEAST_GAP = 0.2
"""Seconds between keyframes, at least."""
SAME_FACTS = 0.8
"""Share of pose facts in the same bin, under which a pose is another one."""
SAME_SENTENCE = 0.9
"""Cosine of sentence vectors under which a pose is another one."""
TOLERANCE = 0.25
"""Seconds by which two keyframes may differ and still be the same."""
_LOOK_AHEAD = 1.0
"""Seconds of frames that are compared with a keyframe at once."""


def keyframes_from_facts(
    facts: PoseFacts, fps: float, *, threshold: float = SAME_FACTS
) -> tuple[int, ...]:
    """Frames at which fewer than ``threshold`` of the facts are in the last keyframe's bins.

    Raises InvalidInputError for a threshold outside (0, 1].
    """

    codes = facts.codes.numpy()

    def likeness(key: int, start: int, end: int) -> Float[np.ndarray, " frames"]:
        return (codes[start:end] == codes[key]).mean(-1)

    return _keyframes(likeness, facts.num_frames, fps, threshold)


def keyframes_from_sentences(
    sentences: Sequence[str],
    encoder: TextEncoder,
    threshold: float = SAME_SENTENCE,
    *,
    fps: float,
) -> tuple[int, ...]:
    """Frames whose sentence is less like the last keyframe's than ``threshold`` [Zhang2025, §3.2].

    ``sentences`` has one per frame. The paper compares neighbouring frames; at the frame rate of
    motion capture those hardly differ, so the last keyframe is what is compared with here.
    Raises InvalidInputError for a threshold outside (0, 1] or no sentences.
    """
    if not sentences:
        raise InvalidInputError("expected one sentence per frame, got none.")
    wordings = list(dict.fromkeys(sentences))
    vectors = torch.stack([text.vector for text in encoder.encode(wordings)]).numpy()
    place = {text: i for i, text in enumerate(wordings)}
    rows = np.array([place[text] for text in sentences])

    def likeness(key: int, start: int, end: int) -> Float[np.ndarray, " frames"]:
        return vectors[rows[start:end]] @ vectors[rows[key]]

    return _keyframes(likeness, len(sentences), fps, threshold)


def keyframe_agreement(first: Sequence[int], second: Sequence[int], fps: float) -> float:
    """F-score of two lists of ascending frames: the share of each that the other has, too.

    Frames match one to one, within `TOLERANCE` seconds, in order. 1 for two empty lists.
    """
    if not first and not second:
        return 1.0
    reach, matched, i, j = TOLERANCE * fps, 0, 0, 0
    while i < len(first) and j < len(second):
        apart = first[i] - second[j]
        if abs(apart) <= reach:
            matched, i, j = matched + 1, i + 1, j + 1
        elif apart < 0:
            i += 1
        else:
            j += 1
    return 2 * matched / (len(first) + len(second))


def _keyframes(
    likeness: Callable[[int, int, int], Float[np.ndarray, " frames"]],
    frames: int,
    fps: float,
    threshold: float,
) -> tuple[int, ...]:
    if not 0 < threshold <= 1:
        raise InvalidInputError(f"threshold must lie in (0, 1], got {threshold}.")
    gap, ahead = max(1, round(LEAST_GAP * fps)), max(1, round(_LOOK_AHEAD * fps))
    found, start = [0], gap
    while start < frames:
        unlike = likeness(found[-1], start, start + ahead) < threshold
        if unlike.any():
            found.append(start + int(unlike.argmax()))
            start = found[-1] + gap
        else:
            start += ahead
    return tuple(found)
