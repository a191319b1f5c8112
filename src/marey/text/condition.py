"""What a model sees of the text: token states, and what and when each token speaks of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from marey.errors import InvalidInputError
from marey.skeleton.parts import SLOTS
from marey.text.encoder import TextEncoder, TextStates
from marey.text.script import TextScript

WHOLE_CLIP = -1.0
"""Both ends of the span of a token that speaks of the whole clip, and of padding."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TextCondition:
    """Token states of a batch of scripts, padded at the end."""

    states: Float[Tensor, "batch tokens width"]
    """States of the text encoder; zero where padded."""

    mask: Bool[Tensor, "batch tokens"]
    """True for a real token."""

    slots: Int[Tensor, "batch tokens"]
    """Index into `SLOTS`: 0 global, 1-6 parts, 7-21 pairs; 0 where padded."""

    spans: Float[Tensor, "batch tokens 2"] | None = None
    """First frame and frame after the last, fractional; (-1, -1) for the whole clip.

    None where no token of the batch has a span.
    """

    def __len__(self) -> int:
        return len(self.states)

    @property
    def width(self) -> int:
        """Length of one token state."""
        return self.states.shape[-1]

    @classmethod
    def unconditional(
        cls, batch: int, width: int, *, device: torch.device | str | None = None
    ) -> "TextCondition":
        """The condition that says nothing, with no tokens at all."""
        return cls(
            states=torch.zeros(batch, 0, width, device=device),
            mask=torch.zeros(batch, 0, dtype=torch.bool, device=device),
            slots=torch.zeros(batch, 0, dtype=torch.long, device=device),
        )

    def to(
        self, device: torch.device | str | None = None, *, dtype: torch.dtype | None = None
    ) -> "TextCondition":
        """The same condition on a device; ``dtype`` applies to the states alone."""
        return replace(
            self,
            states=self.states.to(device=device, dtype=dtype),
            mask=self.mask.to(device=device),
            slots=self.slots.to(device=device),
            spans=None if self.spans is None else self.spans.to(device=device),
        )

    def select(self, indices: Sequence[int] | Int[Tensor, " selected"]) -> "TextCondition":
        """The rows of these batch indices, in that order; an index may repeat."""
        rows = torch.as_tensor(indices, dtype=torch.long, device=self.states.device)
        return replace(
            self,
            states=self.states[rows],
            mask=self.mask[rows],
            slots=self.slots[rows],
            spans=None if self.spans is None else self.spans[rows],
        )


def collate_conditions(conditions: list[TextCondition]) -> TextCondition:
    """All rows of the conditions in one batch, padded to the longest.

    Raises InvalidInputError for an empty list or conditions of different widths.
    """
    widths = {each.width for each in conditions}
    if len(widths) != 1:
        raise InvalidInputError(
            f"expected conditions of one width, got {sorted(widths)}. "
            "Encode all texts with the same encoder."
        )
    tokens = max(each.states.shape[1] for each in conditions)
    spans = None
    if any(each.spans is not None for each in conditions):
        spans = torch.cat(
            [_padded(_explicit_spans(c), tokens, fill=WHOLE_CLIP) for c in conditions]
        )
    return TextCondition(
        states=torch.cat([_padded(each.states, tokens) for each in conditions]),
        mask=torch.cat([_padded(each.mask, tokens) for each in conditions]),
        slots=torch.cat([_padded(each.slots, tokens) for each in conditions]),
        spans=spans,
    )


def condition_from_scripts(
    scripts: Sequence[TextScript], encoder: TextEncoder, fps: float | int
) -> TextCondition:
    """What a model sees of the scripts: all token states of all statements, in order.

    ``fps`` turns the seconds of a span into frames. Each distinct text is encoded once. A batch
    without any statement lies on the CPU. Raises InvalidInputError for no scripts or fps <= 0.
    """
    if not fps > 0 or len(scripts) == 0:
        raise InvalidInputError(
            f"expected at least one script and fps > 0, got {len(scripts)} scripts and fps={fps}. "
            "Use TextScript() for a motion without text."
        )
    texts = list(dict.fromkeys(s.text for script in scripts for s in script.statements))
    encoded = dict(zip(texts, encoder.encode(texts), strict=True)) if texts else {}
    return collate_conditions(
        [_script_condition(script, encoded, fps=fps, width=encoder.width) for script in scripts]
    ).to(encoded[texts[0]].states.device if texts else None)


def _script_condition(
    script: TextScript, encoded: dict[str, TextStates], *, fps: float | int, width: int
) -> TextCondition:
    if not script.statements:
        device = next(iter(encoded.values())).states.device if encoded else None
        return TextCondition.unconditional(1, width, device=device)
    states = [encoded[each.text].states for each in script.statements]
    counts = torch.tensor([len(each) for each in states])
    slots = torch.tensor([SLOTS.index(each.slot) for each in script.statements])
    spans = torch.tensor([each.span or (WHOLE_CLIP, WHOLE_CLIP) for each in script.statements])
    frames = torch.where(spans == WHOLE_CLIP, spans, spans * fps)
    joined = torch.cat(states)
    return TextCondition(
        states=joined[None],
        mask=torch.ones(1, len(joined), dtype=torch.bool, device=joined.device),
        slots=slots.repeat_interleave(counts)[None].to(joined.device),
        spans=frames.repeat_interleave(counts, dim=0)[None].to(joined.device)
        if any(each.span for each in script.statements)
        else None,
    )


def _explicit_spans(condition: TextCondition) -> Float[Tensor, "batch tokens 2"]:
    if condition.spans is not None:
        return condition.spans
    states = condition.states
    return torch.full((*states.shape[:2], 2), WHOLE_CLIP, device=states.device)


def _padded(values: Tensor, tokens: int, *, fill: float = 0.0) -> Tensor:
    padding = values.new_full((len(values), tokens - values.shape[1], *values.shape[2:]), fill)
    return torch.cat([values, padding], dim=1)
