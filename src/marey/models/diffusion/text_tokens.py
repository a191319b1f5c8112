"""TextTokens: what a transformer reads of a TextCondition."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from marey.nn import Resampler, sinusoidal
from marey.text import TextCondition


class TextTokens(nn.Module):
    """Embeds text states: the global text keeps its tokens, each other text becomes a few."""

    def __init__(
        self, *, text_width: int, width: int, heads: int, slots: int, tokens_per_text: int
    ) -> None:
        super().__init__()
        self.width, self.slots = width, slots
        self.norm = nn.LayerNorm(text_width)
        self.project = nn.Linear(text_width, width)
        self.slot = nn.Embedding(slots, width)
        self.resampler = Resampler(width=width, heads=heads, queries=tokens_per_text)

    def forward(
        self, text: TextCondition
    ) -> tuple[Float[Tensor, "batch tokens width"], Bool[Tensor, "batch tokens"]]:
        """Return tokens and their mask."""
        x = self.project(self.norm(text.states))
        x = x + sinusoidal(_place_in_text(text), self.width).to(x)
        whole = text.mask & (text.slots == 0)
        rows, masks = [x + self.slot.weight[0]], [whole]
        others = text.mask & (text.slots > 0)
        if bool(others.any()):
            tokens, mask = self._other_texts(x, text.slots, others)
            rows.append(tokens)
            masks.append(mask)
        return torch.cat(rows, dim=1), torch.cat(masks, dim=1)

    def _other_texts(self, x: Tensor, slots: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
        present = torch.unique(slots[others])
        member = others[:, None] & (slots[:, None] == present[None, :, None])
        real = member.any(-1)
        batch, texts, tokens = member.shape
        # A text that is absent attends to every token; its result is masked out below.
        visible = (member | ~real[..., None]).reshape(batch * texts, tokens)
        sets = x[:, None].expand(-1, texts, -1, -1).reshape(batch * texts, tokens, -1)
        few = self.resampler(sets, visible).unflatten(0, (batch, texts))
        few = few + self.slot(present)[:, None]
        count = few.shape[2]
        return few.flatten(1, 2), real.repeat_interleave(count, dim=1)


def _place_in_text(text: TextCondition) -> Int[Tensor, "batch tokens"]:
    """Place of each token among the tokens of its slot, so that the order of slots is free."""
    tokens = text.slots.shape[1]
    same = (text.slots[:, :, None] == text.slots[:, None]) & text.mask[:, None]
    earlier = torch.ones(tokens, tokens, dtype=torch.bool, device=text.slots.device).tril(-1)
    return (same & earlier).sum(-1)
