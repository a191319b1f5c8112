"""SlotTexts: the texts of a batch by slot, each distinct text held once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from marey.nn import padded
from marey.skeleton.parts import GLOBAL_SLOT, SLOTS
from marey.text import shortened

NO_TEXT = -1


def texts_read(texts: Mapping[str, str]) -> dict[str, str]:
    """Return what alignment models read: of texts about parts and pairs the first events."""
    return {slot: t if slot == GLOBAL_SLOT else shortened(t) for slot, t in texts.items()}


@dataclass(frozen=True, kw_only=True, eq=False)
class SlotTexts:
    """Token states of distinct texts, and which of them each sample says of which slot."""

    states: Float[Tensor, "texts tokens text_width"]
    mask: Bool[Tensor, "texts tokens"]
    number: Int[Tensor, "batch slots"]
    """Row of ``states`` by slot, in the order of `SLOTS`; -1 where nothing is said."""

    def __len__(self) -> int:
        return len(self.number)

    @classmethod
    def of(
        cls,
        scripts: Sequence[Mapping[str, str]],
        states_of: Callable[[str], Float[Tensor, "_ text_width"]],
        *,
        text_width: int,
    ) -> "SlotTexts":
        """Return the texts by slot of several samples; ``states_of`` encodes a text."""
        said = list(dict.fromkeys(text for script in scripts for text in script.values() if text))
        row = {text: i for i, text in enumerate(said)}
        number = [[row.get(script.get(slot, ""), NO_TEXT) for slot in SLOTS] for script in scripts]
        states, mask = padded([states_of(t) for t in said] or [torch.zeros(1, text_width)])
        return cls(states=states, mask=mask, number=torch.tensor(number, device=states.device))

    def rows(
        self, rows: Int[Tensor, " rows"]
    ) -> tuple[Float[Tensor, "rows tokens text_width"], Bool[Tensor, "rows tokens"]]:
        """Return states and mask of some texts, as long as the longest of them."""
        longest = int(self.mask[rows].sum(1).max())
        return self.states[rows, :longest], self.mask[rows, :longest]

    def without(self, dropped: Bool[Tensor, "batch slots"]) -> "SlotTexts":
        """Return the same with some texts left out."""
        return replace(self, number=self.number.masked_fill(dropped, NO_TEXT))

    def said_of(self, slots: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Return the distinct (text, slot) pairs said of some slots, and the samples' rows of them.

        The pairs are (pairs, 2) with the text's row and the slot's place in ``slots``; the rows
        are (batch, slots), -1 where nothing is said.
        """
        number = self.number[:, list(slots)]
        place = torch.arange(len(slots), device=number.device).expand_as(number)
        said = number != NO_TEXT
        pairs, inverse = torch.unique(
            torch.stack((number[said], place[said]), dim=1), dim=0, return_inverse=True
        )
        rows = torch.full_like(number, NO_TEXT)
        rows[said] = inverse
        return pairs, rows
