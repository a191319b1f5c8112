"""Written: part texts that a small network writes from a sentence."""

from importlib import resources
from typing import final

from marey.reasoning.clauses import phases
from marey.reasoning.reasoner import Seconds, filled, names_right_first
from marey.reasoning.templates import in_sequence
from marey.reasoning.vote import told_over
from marey.reasoning.writer_file import Writer, load_writer
from marey.skeleton.parts import PARTS
from marey.text import (
    MiniLMEncoder,
    TextEncoder,
    TextScript,
    TextStates,
    mirror_text,
    mirrored_texts,
)
from marey.text.encoder import require_same_encoder
from marey.text.event_wording import IDLE


@final
class WrittenReasoner:
    """Part texts that a network trained on annotated motions writes.

    Each of several things that happen one after the other is written by itself, and the texts are
    joined in that order; what the sentence says outright of a part stands as it says it.
    """

    name = "writer"

    def __init__(
        self,
        writer: Writer | None = None,
        encoder: TextEncoder | None = None,
    ) -> None:
        """Take a writer (default: the bundled one) and the encoder of its sentences.

        Raises InvalidInputError for another encoder or version than the writer's.
        """
        self._writer = writer or bundled_writer()
        self._encoder = encoder or MiniLMEncoder()
        fix = "Train one with this encoder: marey reason train."
        require_same_encoder(self._encoder, self._writer.encoder, of="the writer", fix=fix)

    def reason(self, script: TextScript, seconds: Seconds | None = None) -> TextScript:
        """See `Reasoner`; the texts do not depend on the length of the clip."""
        del seconds
        return filled(script, self._texts)

    def _texts(self, sentence: str) -> dict[str, str]:
        found = phases(sentence)
        # The network has never seen a sentence that names the right side first.
        mirrored = [names_right_first(each.text) for each in found]
        read = [mirror_text(p.text) if m else p.text for p, m in zip(found, mirrored, strict=True)]
        written = [self._written(states) for states in self._encoder.encode(read)]
        guessed = [mirrored_texts(w) if m else w for w, m in zip(written, mirrored, strict=True)]
        return in_sequence(
            [told_over(phase, texts) for phase, texts in zip(found, guessed, strict=True)]
        )

    def _written(self, sentence: TextStates) -> dict[str, str]:
        """Return what the network writes; pairs of which it writes nothing are left out."""
        texts = self._writer.network.write(sentence.states)
        said = {slot: text for slot, text in texts.items() if text}
        return dict.fromkeys(PARTS, IDLE) | said


def bundled_writer() -> Writer:
    """Return the writer that comes with the package, trained on CMU's motions."""
    with resources.as_file(resources.files("marey.reasoning") / "data/writer.safetensors") as path:
        return load_writer(path)
