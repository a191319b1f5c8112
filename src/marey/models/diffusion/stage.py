"""Stage: one transformer of the denoiser."""

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from marey.models.diffusion.config import DenoiserConfig, StageConfig
from marey.models.diffusion.text_tokens import TextTokens
from marey.nn import Block, sinusoidal
from marey.text import TextCondition


class Stage(nn.Module):
    """Maps frames to frames, seeing text, registers, diffusion step and first heading as tokens.

    Sequence: text, registers, step, heading, motion [Rempe2026, §4.2]; pre-norm with normalised
    queries and keys instead of the original's post-norm, which was seen to collapse.
    """

    def __init__(
        self, config: DenoiserConfig, size: StageConfig, *, feats_in: int, feats_out: int
    ) -> None:
        super().__init__()
        width, self.per_token = size.width, config.frames_per_token
        self.width = width
        self.text = TextTokens(
            text_width=config.text_width,
            width=width,
            heads=size.heads,
            slots=config.slots,
            tokens_per_text=config.tokens_per_text,
        )
        self.registers = nn.Parameter(torch.randn(config.registers, width) * 0.02)
        self.step = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.heading = nn.Linear(2, width)
        self.embed = nn.Linear(feats_in * self.per_token, width)
        self.blocks = nn.ModuleList(
            Block(width=width, heads=size.heads, hidden=size.hidden, dropout=config.dropout)
            for _ in range(size.layers)
        )
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, feats_out * self.per_token)

    def forward(
        self,
        x: Float[Tensor, "batch frames channels"],
        mask: Bool[Tensor, "batch frames"],
        step: Int[Tensor, " batch"],
        heading: Float[Tensor, "batch 2"],
        text: TextCondition,
    ) -> Float[Tensor, "batch frames feats"]:
        """Return one vector a frame; frames outside ``mask`` neither matter nor mean anything."""
        batch, frames, _ = x.shape
        pad = -frames % self.per_token
        x = nn.functional.pad(x * mask[..., None], (0, 0, 0, pad))
        motion = self.embed(rearrange(x, "b (n p) c -> b n (p c)", p=self.per_token))
        real = nn.functional.pad(mask, (0, pad)).unflatten(1, (-1, self.per_token)).any(-1)
        position = torch.arange(motion.shape[1], device=x.device)
        motion = motion + sinusoidal(position, self.width).to(motion)
        words, words_mask = self.text(text)
        context = (
            self.registers.expand(batch, -1, -1),
            self.step(sinusoidal(step, self.width).to(motion))[:, None],
            self.heading(heading)[:, None],
        )
        sequence = torch.cat((words, *context, motion), dim=1)
        always = mask.new_ones(batch, len(self.registers) + 2)
        visible = torch.cat((words_mask, always, real), dim=1)
        for block in self.blocks:
            sequence = block(sequence, visible)
        out = self.out(self.norm(sequence[:, -motion.shape[1] :]))
        return rearrange(out, "b n (p c) -> b (n p) c", p=self.per_token)[:, :frames]
