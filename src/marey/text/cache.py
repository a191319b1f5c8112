"""A disk cache in front of a text encoder: one SQLite file, shared by processes."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from marey.errors import FileFormatError, InvalidInputError
from marey.text.encoder import TextEncoder, TextStates

_APPLICATION_ID = 0x6D617279  # "mary": marks the file as ours
_FORMAT_VERSION = 1
_SECONDS_TO_WAIT = 60.0
_TEXTS_PER_QUERY = 500  # SQLite may allow no more than 999 parameters
_NUMBERS = np.dtype("<f4")

_CREATE_TABLE = """
CREATE TABLE IF NOT EXISTS states (
    encoder TEXT NOT NULL, version TEXT NOT NULL, text TEXT NOT NULL,
    states BLOB NOT NULL, vector BLOB NOT NULL,
    PRIMARY KEY (encoder, version, text)
)"""


@final
class CachedEncoder:
    """An encoder that computes each text once and then reads it from a file.

    States come back on the CPU, bit for bit as they were stored, also on the first call. Entries
    are kept apart by the encoder's name and version, so one file can serve several encoders.
    Processes and threads may share the file. ``path`` is created with its folder when missing.

    Raises FileFormatError for a file that is damaged or something else, and InvalidInputError
    where the file cannot be opened or written.
    """

    def __init__(self, encoder: TextEncoder, path: str | Path) -> None:
        self._encoder = encoder
        self._path = Path(path)
        if self._path.is_dir():
            raise InvalidInputError(
                f"expected the path of a cache file, got the folder {self._path}. "
                f"Name a file in it, for example {self._path / 'text.sqlite'}."
            )
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._database():
            pass  # a file that cannot serve is refused now, not at the first text

    @property
    def name(self) -> str:
        """Name of the wrapped encoder."""
        return self._encoder.name

    @property
    def version(self) -> str:
        """Version of the wrapped encoder."""
        return self._encoder.version

    @property
    def width(self) -> int:
        """Width of the wrapped encoder."""
        return self._encoder.width

    def encode(self, texts: Sequence[str]) -> list[TextStates]:
        """States of each text, computed only for texts that the file does not hold yet."""
        distinct = list(dict.fromkeys(texts))
        found = self._read(distinct)
        missing = [text for text in distinct if text not in found]
        if missing:
            fresh = self._encoder.encode(missing)
            self._write(dict(zip(missing, fresh, strict=True)))
            # Read back: another process may have been first, and its states are the ones that last.
            found |= self._read(missing)
        return [found[text] for text in texts]

    def _read(self, texts: Sequence[str]) -> dict[str, TextStates]:
        found: dict[str, TextStates] = {}
        with self._database() as database:
            for at in range(0, len(texts), _TEXTS_PER_QUERY):
                some = texts[at : at + _TEXTS_PER_QUERY]
                rows = database.execute(
                    "SELECT text, states, vector FROM states WHERE encoder = ? AND version = ? "
                    f"AND text IN ({', '.join('?' * len(some))})",
                    (self.name, self.version, *some),
                )
                found |= {text: self._unpacked(states, vector) for text, states, vector in rows}
        return found

    def _write(self, encoded: Mapping[str, TextStates]) -> None:
        rows = [
            (self.name, self.version, text, _packed(each.states), _packed(each.vector))
            for text, each in encoded.items()
        ]
        with self._database() as database, _transaction(database):
            database.executemany("INSERT OR IGNORE INTO states VALUES (?, ?, ?, ?, ?)", rows)

    def _unpacked(self, states: bytes, vector: bytes) -> TextStates:
        row_bytes = self.width * _NUMBERS.itemsize
        if len(states) % row_bytes or len(vector) != row_bytes:
            raise self._unusable(f"an entry of {len(states)} and {len(vector)} bytes")
        rows, single = (
            torch.from_numpy(np.frombuffer(blob, dtype=_NUMBERS).astype(np.float32))
            for blob in (states, vector)
        )
        return TextStates(states=rows.view(-1, self.width), vector=single)

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        """A connection of its own for every use, so that threads and forks share none."""
        try:
            with closing(sqlite3.connect(self._path, timeout=_SECONDS_TO_WAIT)) as database:
                database.isolation_level = None  # transactions begin where we say so
                self._prepare(database)
                yield database
        except sqlite3.OperationalError as error:
            raise InvalidInputError(
                f"expected a cache file that can be read and written, got {error} for "
                f"{self._path}. Check the disk and the rights, or choose another path."
            ) from error
        except sqlite3.DatabaseError as error:
            raise self._unusable(str(error)) from error

    def _prepare(self, database: sqlite3.Connection) -> None:
        if _marks(database) == (_APPLICATION_ID, _FORMAT_VERSION):
            return
        with _transaction(database):
            marks = _marks(database)  # another process may have prepared the file meanwhile
            if marks == (_APPLICATION_ID, _FORMAT_VERSION):
                return
            if marks != (0, 0) or database.execute("SELECT 1 FROM sqlite_master").fetchone():
                raise self._unusable("a database of another kind or version")
            database.execute(_CREATE_TABLE)
            database.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            database.execute(f"PRAGMA user_version = {_FORMAT_VERSION}")

    def _unusable(self, got: str) -> FileFormatError:
        return FileFormatError(
            self._path,
            "text cache",
            expected=f"a text cache of format {_FORMAT_VERSION}",
            got=got,
            fix="Delete the file if it is a cache (it fills itself again), or choose another path.",
        )


@contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    # IMMEDIATE waits for other writers at once; a later upgrade of a read lock could only fail.
    database.execute("BEGIN IMMEDIATE")
    with database:  # commits, or rolls back on an error
        yield


def _marks(database: sqlite3.Connection) -> tuple[Any, Any]:
    return tuple(
        database.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("application_id", "user_version")
    )


def _packed(values: Float[Tensor, "..."]) -> bytes:
    return values.detach().cpu().float().numpy().astype(_NUMBERS).tobytes()
