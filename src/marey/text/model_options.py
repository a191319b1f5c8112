"""What makes a text encoder of a language model: adapters, attention, wrapping and pooling."""

from dataclasses import dataclass
from pathlib import Path

from marey.errors import InvalidInputError


@dataclass(frozen=True, kw_only=True)
class TextModelOptions:
    """What makes an encoder of a text model; the defaults take the model as it is.

    Raises InvalidInputError for options that contradict themselves.
    """

    adapters: tuple[str | Path, ...] = ()
    """LoRA adapters, merged in this order: folders or hub names, ``name@revision`` to pin one."""

    bidirectional: bool = False
    """Whether every token of a decoder sees the whole text instead of what stands before it."""

    template: str | None = None
    """What surrounds a text, with ``{text}`` in its place; only the text's tokens are kept then.

    The text loses blanks at its ends. None means the text alone, and keeps special tokens too.
    """

    keeps_template_end: bool = False
    """Whether what follows the text in the template is kept with it, as LLM2Vec does."""

    pooled: bool = False
    """Whether the states are one row, the mean of the kept tokens, not yet of unit length."""

    max_tokens: int | None = None
    """The most tokens of one text, where that is to be less than the model allows."""

    def __post_init__(self) -> None:
        if isinstance(self.adapters, str):
            raise InvalidInputError(
                f"adapters: expected a tuple of names, got the text {self.adapters!r}. "
                "Write (name,) for a single one."
            )
        if self.template is not None and self.template.count("{text}") != 1:
            raise InvalidInputError(
                f"template: expected one {{text}}, got {self.template!r}. Mark the place of the "
                "text, for example 'Describe: {text}'."
            )
        if self.keeps_template_end and self.template is None:
            raise InvalidInputError(
                "keeps_template_end: expected a template to keep the end of, got none. "
                "Give a template, or leave the option out."
            )
        if self.max_tokens is not None and self.max_tokens < 1:
            raise InvalidInputError(
                f"max_tokens: expected at least 1, got {self.max_tokens}. Use None for no limit."
            )


LLM2VEC_LLAMA3 = TextModelOptions(
    adapters=(
        "McGill-NLP/LLM2Vec-Meta-Llama-3-8B-Instruct-mntp",
        "McGill-NLP/LLM2Vec-Meta-Llama-3-8B-Instruct-mntp-supervised",
    ),
    bidirectional=True,
    template="<|start_header_id|>user<|end_header_id|>\n\n{text}<|eot_id|>",
    keeps_template_end=True,
    max_tokens=512,
)
"""LLM2Vec for Llama-3-8B-Instruct [BehnamGhader2024]; longer texts are refused, not cut."""
