"""Segments: the stretches of a motion that are drawn one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from marey.errors import InvalidInputError
from marey.representations import Observation, SmoothRoot
from marey.text import Statement, TextScript

OVERLAP_SECONDS = 0.25
"""How much of what comes before a segment is shown to the model, and blended."""


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One text over frames ``first`` to before ``end``."""

    script: TextScript
    first: int
    end: int


def overlap_frames(fps: float) -> int:
    """Return how many frames neighbouring segments share."""
    return max(2, round(OVERLAP_SECONDS * fps))


def segments_of(script: TextScript, *, frames: int, fps: float, longest: int) -> list[Segment]:
    """Cut a clip where the script's spans change, and further so that each piece can be drawn.

    Sentences with a span follow one another; what has none holds throughout, and between spans
    there is only that. ``longest`` is the most frames that a model draws. Raises InvalidInputError
    for spans that overlap, or that lie outside of the clip.
    """
    always = [each for each in script.statements if each.span is None]
    timed = [each for each in script.statements if each.span is not None]
    cuts, texts, reached = [0], [], 0
    for statement, (first, end) in sorted(_in_frames(timed, fps), key=lambda pair: pair[1]):
        if first < reached:
            raise InvalidInputError(
                f"script: {statement.text!r} begins at {first / fps:g} s, before the sentence "
                f"before it ends at {reached / fps:g} s; let sentences follow one another."
            )
        if end > frames:
            raise InvalidInputError(
                f"script: {statement.text!r} ends at {end / fps:g} s, after the motion, which "
                f"lasts {frames / fps:g} s."
            )
        if first > reached:
            cuts, texts = [*cuts, first], [*texts, always]
        own = replace(statement, start=None, end=None)
        cuts, texts, reached = [*cuts, end], [*texts, [own, *always]], end
    if reached < frames:
        cuts, texts = [*cuts, frames], [*texts, always]
    pieces = []
    for statements, first, end in zip(texts, cuts[:-1], cuts[1:], strict=True):
        pieces += _pieces(TextScript(tuple(statements)), first, end, longest=longest)
    return pieces


def _in_frames(
    statements: Sequence[Statement], fps: float
) -> list[tuple[Statement, tuple[int, int]]]:
    spans = [each.span for each in statements if each.span is not None]
    return [
        (each, (round(span[0] * fps), round(span[1] * fps)))
        for each, span in zip(statements, spans, strict=True)
    ]


def _pieces(script: TextScript, first: int, end: int, *, longest: int) -> list[Segment]:
    count = -(-(end - first) // longest)
    edges = [first + round(k * (end - first) / count) for k in range(count + 1)]
    return [Segment(script=script, first=a, end=b) for a, b in pairwise(edges)]


# --- features of neighbouring segments -----------------------------------------------------------


def ground_place(features: Tensor, representation: SmoothRoot) -> Float[Tensor, "3"]:
    """Where the root of the first frame stands over the ground; height 0."""
    root = features[0, representation.layout.slice("root_position")]
    return root * root.new_tensor([1.0, 0.0, 1.0])


def shown(frames: int, blocks: Sequence[tuple[int, Float[Tensor, "part feats"]]]) -> Observation:
    """Return the observation of features that are known from some frame on."""
    width = blocks[0][1].shape[1]
    values = torch.zeros(frames, width)
    mask = torch.zeros(frames, width, dtype=torch.bool)
    for first, part in blocks:
        values[first : first + len(part)] = part
        mask[first : first + len(part)] = True
    return Observation(values=values, mask=mask)


def joined(
    before: Float[Tensor, "frames feats"], after: Float[Tensor, "more feats"], overlap: int
) -> Float[Tensor, "all feats"]:
    """Put features one after the other; the frames that both have are blended.

    The blend is linear: in 6-D columns, made orthonormal when they are decoded, that is a
    rotation between two that are close.
    """
    weight = (torch.arange(1, overlap + 1) / (overlap + 1)).to(before)[:, None]
    blend = torch.lerp(before[len(before) - overlap :], after[:overlap], weight)
    return torch.cat((before[: len(before) - overlap], blend, after[overlap:]))
