"""CaptionBank: sentences about real motions, their vectors, and what the parts did in them."""

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from marey.errors import FileFormatError
from marey.io.tensor_file import read_tensors, write_tensors
from marey.skeleton.parts import PAIR_SLOTS, PARTS

FORMAT, VERSION = "marey-caption-bank", "1"
TOLD_SLOTS = (*PARTS, *PAIR_SLOTS)
"""Slots that a bank has texts for, in the order of its columns."""
_LEVELS = 127.0
_FIX = "Write it with `marey reason build`."


@dataclass(frozen=True, kw_only=True, eq=False)
class CaptionBank:
    """Captions of windows, and the texts of their parts and pairs."""

    captions: tuple[str, ...]
    vectors: Float[Tensor, "captions width"]
    """Sentence vectors of unit length."""
    window: Int[Tensor, " captions"]
    """Row of ``texts`` that belongs to each caption."""
    texts: tuple[tuple[str, ...], ...]
    """Texts by window, in the order of `TOLD_SLOTS`; "" for none."""
    encoder: str
    """Name and version of the encoder of the vectors."""
    source: str
    """Where captions and motions come from, and under which terms."""

    def save(self, path: Path, *, force: bool = False) -> None:
        """Write a file of safetensors: vectors in 8 bits, every distinct text once."""
        phrases = list(dict.fromkeys(text for row in self.texts for text in row))
        number = {text: i for i, text in enumerate(phrases)}
        scale = self.vectors.abs().amax(dim=1, keepdim=True)
        tensors = {
            "vectors": (self.vectors / scale * _LEVELS).round().to(torch.int8),
            "window": self.window.to(torch.int16),
            "texts": torch.tensor([[number[t] for t in row] for row in self.texts]).int(),
        }
        notes = {
            "encoder": self.encoder,
            "source": self.source,
            "slots": json.dumps(TOLD_SLOTS),
            "captions": json.dumps(self.captions, ensure_ascii=False),
            "phrases": json.dumps(phrases, ensure_ascii=False),
        }
        write_tensors(path, tensors, notes, kind=FORMAT, version=VERSION, force=force)

    @classmethod
    def load(cls, path: Path) -> "CaptionBank":
        """Read a bank. Raises FileFormatError for a file that is none of this version."""
        tensors, notes = read_tensors(path, kind=FORMAT, version=VERSION, fix=_FIX)
        try:
            phrases = json.loads(notes["phrases"])
            rows = tensors["texts"].tolist()
            return cls(
                captions=tuple(json.loads(notes["captions"])),
                vectors=F.normalize(tensors["vectors"].float(), dim=1),
                window=tensors["window"].long(),
                texts=tuple(tuple(phrases[i] for i in row) for row in rows),
                encoder=notes["encoder"],
                source=notes["source"],
            )
        except (KeyError, IndexError, ValueError) as error:
            raise FileFormatError(
                path, "content", expected="all fields of a bank", got=str(error), fix=_FIX
            ) from error

    def of_window(self, row: int) -> dict[str, str]:
        """Return the texts of a window by slot, without the empty ones."""
        return {s: t for s, t in zip(TOLD_SLOTS, self.texts[row], strict=True) if t}


def bundled_bank() -> CaptionBank:
    """Return the bank that comes with the package: machine-written captions of CMU's motions."""
    with resources.as_file(resources.files("marey.reasoning") / "data/cmu.safetensors") as path:
        return CaptionBank.load(path)
