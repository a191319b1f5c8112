"""Writer: a trained PartWriter with what is needed to use it, in one file of safetensors."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from marey.errors import FileFormatError, InvalidInputError
from marey.io.tensor_file import read_tensors, write_tensors
from marey.reasoning.clauses import phases
from marey.reasoning.part_writer import PartWriter, WriterConfig

FORMAT, VERSION = "marey-part-writer", "1"
_FIX = "Write it with `marey reason train`."


@dataclass(frozen=True, kw_only=True, eq=False)
class Writer:
    """A network, the encoder that it was trained with, and where its training texts come from."""

    network: PartWriter
    encoder: str
    """Name and version of the encoder of the sentences."""
    source: str
    """Where sentences and motions of the training come from, and under which terms."""
    validation: float
    """Cross entropy of a word of the annotations of ``val``, in nats."""


def plain_sentence(sentence: str) -> str:
    """Return a sentence as a writer reads it: lower case, in the order in which things happen."""
    return ", then ".join(each.text for each in phases(sentence))


def save_writer(writer: Writer, path: Path, *, force: bool = False) -> None:
    """Write the file, weights in half precision."""
    weights = {k: v.half() for k, v in writer.network.state_dict().items()}
    notes = {
        "config": json.dumps(asdict(writer.network.config)),
        "encoder": writer.encoder,
        "source": writer.source,
        "validation": repr(writer.validation),
    }
    write_tensors(path, weights, notes, kind=FORMAT, version=VERSION, force=force)


def load_writer(path: Path) -> Writer:
    """Read a writer. Raises FileFormatError for a file that is none of this version."""
    tensors, notes = read_tensors(path, kind=FORMAT, version=VERSION, fix=_FIX)
    try:
        fields = json.loads(notes["config"])
        lists = {name: tuple(fields[name]) for name in ("words", "slots")}
        with torch.device("meta"):
            network = PartWriter(WriterConfig(**{**fields, **lists}))
        network.load_state_dict({k: v.float() for k, v in tensors.items()}, assign=True)
        return Writer(
            network=network.eval().requires_grad_(False),
            encoder=notes["encoder"],
            source=notes["source"],
            validation=float(notes["validation"]),
        )
    except (InvalidInputError, KeyError, TypeError, ValueError, RuntimeError) as error:
        got = (str(error).splitlines() or [type(error).__name__])[0]
        raise FileFormatError(
            path, "content", expected="all fields of a writer", got=got, fix=_FIX
        ) from error
