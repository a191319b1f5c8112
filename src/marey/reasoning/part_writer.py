"""PartWriter: a small transformer that writes part texts, word by word, from a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from marey.errors import InvalidInputError

START, END = 0, 1
"""Numbers of the tokens before and after a text; words follow."""


@dataclass(frozen=True, kw_only=True)
class WriterConfig:
    """Everything that fixes the writer's parameters."""

    words: tuple[str, ...]
    """Words that it may write; commas are words."""
    slots: tuple[str, ...]
    """Slots that it writes texts for, in this order."""
    text_width: int
    width: int = 160
    layers: int = 3
    heads: int = 5
    longest: int = 48
    """Words of one text at most."""
    dropout: float = 0.0

    def __post_init__(self) -> None:
        """Raise InvalidInputError for what no network can be made of."""
        sizes = {n: getattr(self, n) for n in ("text_width", "width", "layers", "heads", "longest")}
        wrong = [f"{name} = {size}" for name, size in sizes.items() if size < 1]
        wrong += [f"no {name}" for name in ("words", "slots") if not getattr(self, name)]
        if not wrong and self.width % self.heads:
            wrong = [f"width = {self.width}, which is no multiple of heads = {self.heads}"]
        if not 0 <= self.dropout <= 1:
            wrong.append(f"dropout = {self.dropout:g}")
        if wrong:
            raise InvalidInputError(
                "expected a writer with words and slots, sizes of at least 1, a width that its "
                f"heads divide, and dropout in [0, 1], got {', '.join(wrong)}."
            )


class PartWriter(nn.Module):
    """Texts of all slots as one sequence, so that each is written in the light of those before."""

    def __init__(self, config: WriterConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.read = nn.Sequential(
            nn.LayerNorm(config.text_width), nn.Linear(config.text_width, width)
        )
        self.word = nn.Embedding(len(config.words) + 2, width)
        self.slot = nn.Embedding(len(config.slots), width)
        self.place = nn.Embedding(config.longest + 1, width)
        self.layers = nn.ModuleList(_Layer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, len(config.words) + 2)
        self.dropout = nn.Dropout(config.dropout)
        for table in (self.word, self.slot, self.place):
            nn.init.normal_(table.weight, std=0.05)

    @property
    def _stack(self) -> "list[_Layer]":
        return cast("list[_Layer]", list(self.layers))

    def forward(
        self,
        states: Float[Tensor, "batch tokens text_width"],
        mask: Bool[Tensor, "batch tokens"],
        words: Int[Tensor, "batch places"],
        slots: Int[Tensor, "batch places"],
        places: Int[Tensor, "batch places"],
    ) -> Float[Tensor, "batch places words"]:
        """Return the score of every word to come next, after each of the given ones.

        ``slots`` and ``places`` say whose text a word belongs to, and where in it it stands.
        """
        memory = self.dropout(self.read(states))
        x = self.dropout(self.word(words) + self.slot(slots) + self.place(places))
        for layer in self._stack:
            x = layer(x, layer.remember(memory), mask)
        return self.out(self.norm(x))

    @torch.inference_mode()
    def write(self, states: Float[Tensor, "tokens text_width"]) -> dict[str, str]:
        """Return texts by slot for one sentence's states, always with the likeliest next word."""
        remembered = [layer.remember(self.read(states[None])) for layer in self._stack]
        mask = torch.ones(1, len(states), dtype=torch.bool, device=states.device)
        caches = [_Cache(self.config, states) for _ in self._stack]
        return {
            slot: joined(self._text(number, remembered, mask, caches))
            for number, slot in enumerate(self.config.slots)
        }

    def _text(
        self,
        slot: int,
        remembered: list[tuple[Tensor, Tensor]],
        mask: Bool[Tensor, "1 tokens"],
        caches: "list[_Cache]",
    ) -> list[str]:
        """Return the words said of a slot after what the caches hold."""
        written: list[int] = []
        word = START
        for place in range(self.config.longest + 1):
            here = self.slot.weight[slot] + self.place.weight[place]
            x = (self.word.weight[word] + here)[None, None]
            for layer, known, cache in zip(self._stack, remembered, caches, strict=True):
                x = layer(x, known, mask, cache)
            scores = self.out(self.norm(x))[0, 0]
            scores[START] = -torch.inf
            word = int(scores.argmax())
            if word == END:
                break
            written.append(word)
        return [self.config.words[number - 2] for number in written[: self.config.longest]]


class _Layer(nn.Module):
    """Attention to what is written, attention to the sentence, perceptron; each on normed input."""

    def __init__(self, config: WriterConfig) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.qkv, self.mix = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.query, self.key_value = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.dropout = nn.Dropout(config.dropout)

    def remember(self, memory: Float[Tensor, "sentences tokens width"]) -> tuple[Tensor, Tensor]:
        """Return keys and values of the sentences' tokens."""
        both = self.key_value(memory)
        keys, values = rearrange(both, "b t (n h w) -> n b h t w", n=2, h=self.heads)
        return keys, values

    def forward(
        self,
        x: Float[Tensor, "batch places width"],
        remembered: tuple[Tensor, Tensor],
        mask: Bool[Tensor, "sentences tokens"],
        cache: "_Cache | None" = None,
    ) -> Float[Tensor, "batch places width"]:
        """Return the layer's output; with a cache, of the one place after those in the cache."""
        heads = "b t (n h w) -> n b h t w"
        q, k, v = rearrange(self.qkv(self.norms[0](x)), heads, n=3, h=self.heads)
        if cache is not None:
            k, v = cache.with_next(k, v)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=cache is None)
        x = x + self.dropout(self.mix(rearrange(mixed, "b h t w -> b t (h w)")))
        (asked,) = rearrange(self.query(self.norms[1](x)), heads, n=1, h=self.heads)
        found = F.scaled_dot_product_attention(asked, *remembered, attn_mask=mask[:, None, None])
        x = x + self.dropout(self.out(rearrange(found, "b h t w -> b t (h w)")))
        return x + self.dropout(self.mlp(self.norms[2](x)))


class _Cache:
    """Keys and values of what is written so far, in one layer."""

    def __init__(self, config: WriterConfig, like: Tensor) -> None:
        most = len(config.slots) * (config.longest + 1)
        size = (2, 1, config.heads, most, config.width // config.heads)
        self._both, self._filled = like.new_empty(size), 0

    def with_next(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Add those of one place and return all."""
        self._both[0, :, :, self._filled] = key[:, :, 0]
        self._both[1, :, :, self._filled] = value[:, :, 0]
        self._filled += 1
        return self._both[0, :, :, : self._filled], self._both[1, :, :, : self._filled]


def split(text: str) -> list[str]:
    """Return the words of a text; commas are words."""
    return text.replace(",", " ,").split()


def joined(words: Sequence[str]) -> str:
    """Return the text of words that `split` returned."""
    return " ".join(words).replace(" ,", ",")
