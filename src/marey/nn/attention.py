"""Self-attention and transformer blocks: pre-norm, with normalised queries and keys."""

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional


def attend(
    q: Float[Tensor, "batch heads queries width"],
    k: Float[Tensor, "batch heads tokens width"],
    v: Float[Tensor, "batch heads tokens width"],
    mask: Bool[Tensor, "batch tokens"],
) -> Float[Tensor, "batch heads queries width"]:
    """Mix the values of the tokens where ``mask`` is True, as queries and keys agree.

    Halved on a CPU it is computed in float32: torch's backward pass in bfloat16 is several times
    slower there.
    """
    seen = mask[:, None, None]
    if q.device.type != "cpu" or q.dtype != torch.bfloat16:
        return functional.scaled_dot_product_attention(q, k, v, attn_mask=seen)
    with torch.autocast("cpu", enabled=False):
        mixed = functional.scaled_dot_product_attention(
            q.float(), k.float(), v.float(), attn_mask=seen
        )
    return mixed.to(q.dtype)


class SelfAttention(nn.Module):
    """Multi-head attention with RMS-normalised queries and keys [Henry2020]."""

    def __init__(self, *, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.norm_query = nn.RMSNorm(width // heads)
        self.norm_key = nn.RMSNorm(width // heads)
        self.out = nn.Linear(width, width)

    def forward(
        self, x: Float[Tensor, "batch tokens width"], mask: Bool[Tensor, "batch tokens"]
    ) -> Float[Tensor, "batch tokens width"]:
        """Let every token look at the tokens where ``mask`` is True."""
        q, k, v = rearrange(self.qkv(x), "b t (n h w) -> n b h t w", n=3, h=self.heads)
        mixed = attend(_normed(q, self.norm_query), _normed(k, self.norm_key), v, mask)
        return self.out(rearrange(mixed, "b h t w -> b t (h w)"))


def _normed(x: Tensor, norm: nn.RMSNorm) -> Tensor:
    """Apply ``norm`` in the precision of ``x``; torch has no fused form for mixed ones."""
    return functional.rms_norm(x, list(norm.normalized_shape), norm.weight.to(x.dtype), norm.eps)


class Block(nn.Module):
    """One transformer layer: attention, then a two-layer perceptron, each on normed input."""

    def __init__(self, *, width: int, heads: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(width)
        self.attention = SelfAttention(width=width, heads=heads)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Float[Tensor, "batch tokens width"], mask: Bool[Tensor, "batch tokens"]
    ) -> Float[Tensor, "batch tokens width"]:
        x = x + self.dropout(self.attention(self.norm_attention(x), mask))
        return x + self.dropout(self.mlp(self.norm_mlp(x)))


class Resampler(nn.Module):
    """Reduces a set of tokens to a few: learned queries that look at the set once [Jaegle2021]."""

    def __init__(self, *, width: int, heads: int, queries: int) -> None:
        super().__init__()
        self.heads = heads
        self.queries = nn.Parameter(torch.randn(queries, width) * 0.02)
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(
        self, x: Float[Tensor, "sets tokens width"], mask: Bool[Tensor, "sets tokens"]
    ) -> Float[Tensor, "sets queries width"]:
        """Return the same number of tokens for every set; each set needs one real token."""
        q = rearrange(self.query(self.queries), "q (h w) -> 1 h q w", h=self.heads)
        k, v = rearrange(
            self.key_value(self.norm(x)), "s t (n h w) -> n s h t w", n=2, h=self.heads
        )
        mixed = attend(q.expand(len(x), -1, -1, -1), k, v, mask)
        return self.queries + self.out(rearrange(mixed, "s h q w -> s q (h w)"))
