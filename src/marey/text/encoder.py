"""What marey asks of a text encoder: token states and one vector per sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from marey.errors import InvalidInputError


@dataclass(frozen=True, kw_only=True, eq=False)
class TextStates:
    """What an encoder makes of one sentence."""

    states: Float[Tensor, "tokens width"]
    """Last hidden state of every token, special tokens included; conditions the models."""

    vector: Float[Tensor, " width"]
    """One vector for the whole sentence, of unit length; serves search and measures."""


@runtime_checkable
class TextEncoder(Protocol):
    """Turns sentences into token states; the states of one sentence do not depend on the others."""

    @property
    def name(self) -> str:
        """Names the weights, for caches and checkpoints."""
        ...

    @property
    def version(self) -> str:
        """Changes whenever the same text would get other states."""
        ...

    @property
    def width(self) -> int:
        """Length of one state and of the sentence vector."""
        ...

    def encode(self, texts: Sequence[str]) -> list[TextStates]:
        """States of each text, in order; float32, free of autograd history."""
        ...


def encoder_label(encoder: TextEncoder) -> str:
    """Name and version of an encoder, as files of what was made with it hold them."""
    return f"{encoder.name} {encoder.version}"


def require_same_encoder(encoder: TextEncoder, label: str, *, of: str, fix: str) -> None:
    """Raise InvalidInputError, with a fix, for another encoder than that of something made."""
    if (found := encoder_label(encoder)) != label:
        raise InvalidInputError(f"expected the text encoder of {of}, {label}, got {found}. {fix}")


def group_by_length(lengths: Sequence[int], *, batch_size: int) -> list[list[int]]:
    """Indices in batches of one length each, so that no token of padding is computed."""
    groups: dict[int, list[int]] = {}
    for index, length in enumerate(lengths):
        groups.setdefault(length, []).append(index)
    return [
        members[at : at + batch_size]
        for _, members in sorted(groups.items())
        for at in range(0, len(members), batch_size)
    ]
