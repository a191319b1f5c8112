"""Which encoder a name means."""

from marey.text.encoder import TextEncoder
from marey.text.minilm import MiniLMEncoder


def load_encoder(name: str = MiniLMEncoder.name) -> TextEncoder:
    """Return the encoder of a name, as checkpoints keep it; all but MiniLM's are Hugging Face's.

    Errors as those of ``MiniLMEncoder`` and ``HuggingFaceEncoder``.
    """
    if name == MiniLMEncoder.name:
        return MiniLMEncoder()
    from marey.text.huggingface import HuggingFaceEncoder

    return HuggingFaceEncoder(name)
