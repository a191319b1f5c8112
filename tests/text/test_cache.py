"""The disk cache: exact, shared by processes, and clear about files it cannot use."""

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import torch

from marey.errors import FileFormatError, InvalidInputError
from marey.text import CachedEncoder, TextEncoder, TextStates


class NoisyEncoder:
    """Gives different states on every call, so that a cached state is recognised."""

    name = "noisy"
    width = 4

    def __init__(self, version: str = "1") -> None:
        self.version = version
        self.encoded: list[str] = []
        self._generator = torch.Generator().manual_seed(0)

    def encode(self, texts: Sequence[str]) -> list[TextStates]:
        self.encoded += texts
        return [
            TextStates(
                states=torch.randn(len(text), 4, generator=self._generator),
                vector=torch.randn(4, generator=self._generator),
            )
            for text in texts
        ]


def _assert_equal(a: Sequence[TextStates], b: Sequence[TextStates]) -> None:
    for one, other in zip(a, b, strict=True):
        assert torch.equal(one.states, other.states)
        assert torch.equal(one.vector, other.vector)


def test_cached_states_equal_fresh_ones_bit_for_bit(tmp_path: Path) -> None:
    reference = NoisyEncoder().encode(["walk", "café"])
    cached = CachedEncoder(NoisyEncoder(), tmp_path / "new folder" / "text.sqlite")
    assert isinstance(cached, TextEncoder)
    _assert_equal(cached.encode(["walk", "café"]), reference)
    _assert_equal(cached.encode(["walk", "café"]), reference)


def test_each_text_is_encoded_once_also_by_a_later_process(tmp_path: Path) -> None:
    encoder, path = NoisyEncoder(), tmp_path / "text.sqlite"
    first = CachedEncoder(encoder, path).encode(["a", "bb", "a"])
    again = CachedEncoder(encoder, path).encode(["bb", "a", "ccc"])
    assert encoder.encoded == ["a", "bb", "ccc"]
    _assert_equal([first[1], first[0]], again[:2])
    _assert_equal(first[:1], first[2:])


def test_many_texts_take_several_queries(tmp_path: Path) -> None:
    encoder = NoisyEncoder()
    cached = CachedEncoder(encoder, tmp_path / "text.sqlite")
    texts = [f"{n}" for n in range(1200)]
    _assert_equal(cached.encode(texts), cached.encode(texts))
    assert len(encoder.encoded) == 1200


def test_versions_are_kept_apart(tmp_path: Path) -> None:
    old, new = NoisyEncoder("1"), NoisyEncoder("2")
    for encoder in (old, new):
        cached = CachedEncoder(encoder, tmp_path / "text.sqlite")
        cached.encode(["a"])
        assert (cached.name, cached.version, cached.width) == ("noisy", encoder.version, 4)
    assert old.encoded == new.encoded == ["a"]


def test_an_error_of_the_encoder_leaves_the_file_usable(tmp_path: Path) -> None:
    class Refusing(NoisyEncoder):
        def encode(self, texts: Sequence[str]) -> list[TextStates]:
            raise InvalidInputError("no")

    path = tmp_path / "text.sqlite"
    with pytest.raises(InvalidInputError, match="no"):
        CachedEncoder(Refusing(), path).encode(["a"])
    assert len(CachedEncoder(NoisyEncoder(), path).encode(["a"])) == 1


def _encode_many(path: Path) -> list[list[float]]:
    cached = CachedEncoder(NoisyEncoder(), path)
    return [cached.encode([f"{n}"])[0].vector.tolist() for n in range(30)]


def test_threads_agree_on_one_file(tmp_path: Path) -> None:
    path = tmp_path / "text.sqlite"
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(_encode_many, [path] * 4))
    assert all(result == results[0] for result in results)


PROCESS = """
import sys
import torch
from marey.text import CachedEncoder, TextStates

class Encoder:
    name, version, width = "noisy", "1", 4

    def encode(self, texts):
        vectors = torch.randn(len(texts), 4)  # drawn anew in every process
        return [TextStates(states=vector[None], vector=vector) for vector in vectors]

cached = CachedEncoder(Encoder(), sys.argv[1])
torch.seed()
print([cached.encode([f"{n}", f"{n + 1}"])[0].vector.tolist() for n in range(100)])
"""


def test_processes_that_write_at_once_agree_on_one_file(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROCESS, str(tmp_path / "text.sqlite")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert outputs[0] == outputs[1] != ""


@pytest.mark.parametrize("content", [b"no database at all, but long enough" * 100, b"short"])
def test_a_damaged_file_is_refused_with_the_fix(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "text.sqlite"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"text\.sqlite.*Delete the file"):
        CachedEncoder(NoisyEncoder(), path)
    assert path.read_bytes() == content


def test_damage_inside_the_file_is_found_when_read(tmp_path: Path) -> None:
    path = tmp_path / "text.sqlite"
    cached = CachedEncoder(NoisyEncoder(), path)
    texts = [f"text {n}" for n in range(200)]
    cached.encode(texts)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match="Delete the file"):
        cached.encode(texts)


def test_an_entry_of_the_wrong_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.sqlite"
    cached = CachedEncoder(NoisyEncoder(), path)
    cached.encode(["walk"])
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE states SET states = x'0102'")
    with pytest.raises(FileFormatError, match="2 and 16 bytes"):
        cached.encode(["walk"])


def test_another_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE precious (x)")
    with pytest.raises(FileFormatError, match="another kind"):
        CachedEncoder(NoisyEncoder(), path)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("precious",)]


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="Name a file in it"):
        CachedEncoder(NoisyEncoder(), tmp_path)
