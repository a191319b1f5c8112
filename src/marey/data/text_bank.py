"""TextBank: the token states of many texts in one tensor, looked up by text."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from marey.text import TextCondition, TextEncoder

Progress = Callable[[int, int], None]
CHUNK = 512


class TextBank:
    """Token states of distinct texts, half precision, laid end to end on one device."""

    def __init__(
        self,
        texts: Sequence[str],
        encoder: TextEncoder,
        *,
        device: torch.device | str = "cpu",
        progress: Progress | None = None,
    ) -> None:
        distinct = list(dict.fromkeys(texts))
        self._number = {text: i for i, text in enumerate(distinct)}
        self.width = encoder.width
        chunks, lengths = [], []
        for start in range(0, len(distinct), CHUNK):
            for each in encoder.encode(distinct[start : start + CHUNK]):
                chunks.append(each.states.half())
                lengths.append(len(each.states))
            if progress is not None:
                progress(min(start + CHUNK, len(distinct)), len(distinct))
        self._states = torch.cat(chunks).to(device)
        self._tokens = lengths
        self._lengths = torch.tensor(lengths, device=device)
        self._starts = self._lengths.cumsum(0) - self._lengths

    def __len__(self) -> int:
        return len(self._number)

    def number(self, text: str) -> int:
        """Return the number by which ``condition`` knows a text of the bank."""
        return self._number[text]

    def states(self, text: str) -> Float[Tensor, "tokens width"]:
        """Return the token states of a text of the bank."""
        number = self._number[text]
        first = int(self._starts[number])
        return self._states[first : first + self._tokens[number]].float()

    def tokens(self, number: int) -> int:
        """Return how many tokens a text has."""
        return self._tokens[number]

    def condition(self, numbers: Sequence[int]) -> TextCondition:
        """Return the condition of global texts by number; -1 stands for no text."""
        wanted = torch.tensor(numbers, device=self._states.device)
        lengths = torch.where(wanted >= 0, self._lengths[wanted], 0)
        position = torch.arange(int(lengths.max()), device=self._states.device)
        mask = position < lengths[:, None]
        rows: Tensor = torch.where(mask, self._starts[wanted][:, None] + position, 0)
        return TextCondition(
            states=self._states[rows].float() * mask[..., None],
            mask=mask,
            slots=torch.zeros_like(rows),
        )
