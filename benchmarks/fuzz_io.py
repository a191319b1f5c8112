"""Damage valid BVH and NPZ files at random: each must give a clear error or a valid motion.

    .venv/bin/python benchmarks/fuzz_io.py --count 2000

Prints a Markdown table of the outcomes and ends with status 1 if any file gave another exception,
a value that is not finite, or took longer than ten seconds. The test suite runs 300 of the same.
"""

import argparse
import io
import random
import sys
import tempfile
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from marey import rotations
from marey.errors import FileFormatError
from marey.io import load_motion, write_bvh, write_npz
from marey.motion import Motion
from marey.skeleton import BODY22

SLOW_SECONDS = 10.0
ODD_NUMBERS = (b"nan", b"-inf", b"1e999", b"1e30", b"-1", b"0", b"99999999999", b"", b"1,5", b"x")

NO_ZIP = (
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError),
    *(RuntimeError, ValueError, KeyError, IndexError),
)
"""What zipfile raises for damaged zips."""

Mutation = Callable[[bytes, random.Random], bytes]


def truncate(content: bytes, draw: random.Random) -> bytes:
    """Cut the end off."""
    return content[: draw.randrange(len(content))]


def flip_bytes(content: bytes, draw: random.Random) -> bytes:
    """Flip one bit each of a few bytes."""
    damaged = bytearray(content)
    for _ in range(draw.choice((1, 2, 8, 64))):
        damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
    return bytes(damaged)


def insert_garbage(content: bytes, draw: random.Random) -> bytes:
    """Insert random bytes."""
    at = draw.randrange(len(content))
    return content[:at] + draw.randbytes(draw.choice((1, 10, 500))) + content[at:]


def swap_words(content: bytes, draw: random.Random) -> bytes:
    """Exchange two words."""
    words = content.split(b" ")
    i, j = draw.randrange(len(words)), draw.randrange(len(words))
    words[i], words[j] = words[j], words[i]
    return b" ".join(words)


def odd_number(content: bytes, draw: random.Random) -> bytes:
    """Replace a number by one that should not be there."""
    words = content.split(b" ")
    digits = [i for i, word in enumerate(words) if word[-1:].isdigit()] or [0]
    words[draw.choice(digits)] = draw.choice(ODD_NUMBERS)
    return b" ".join(words)


def delete_lines(content: bytes, draw: random.Random) -> bytes:
    """Delete one or three lines."""
    lines = content.split(b"\n")
    at = draw.randrange(len(lines))
    del lines[at : at + draw.choice((1, 1, 1, 3))]
    return b"\n".join(lines)


def repeat_line(content: bytes, draw: random.Random) -> bytes:
    """Repeat a line somewhere else."""
    lines = content.split(b"\n")
    lines.insert(draw.randrange(len(lines)), draw.choice(lines))
    return b"\n".join(lines)


def huge_count(content: bytes, draw: random.Random) -> bytes:
    """Ask for absurdly many frames, or for more channels than there are."""
    count = str(10 ** draw.randrange(2, 30)).encode()
    return content.replace(b"Frames: 6", b"Frames: " + count).replace(b"CHANNELS 6", b"CHANNELS 9")


def inside(mutation: Mutation) -> Mutation:
    """Damage one member of a zip and pack it again, so that its checksum is right."""

    def mutate(content: bytes, draw: random.Random) -> bytes:
        members = unzipped(content)
        name = draw.choice(list(members))
        # Half of the damage goes to the headers, which payload would crowd out by its size.
        end = 128 if draw.random() < 0.5 else len(members[name])
        members[name] = mutation(members[name][:end], draw) + members[name][end:]
        return zipped(members)

    return mutate


def drop_member(content: bytes, draw: random.Random) -> bytes:
    """Leave one array out."""
    members = unzipped(content)
    del members[draw.choice(list(members))]
    return zipped(members)


def other_shape(content: bytes, draw: random.Random) -> bytes:
    """State another number of frames in one array or in all."""
    members = unzipped(content)
    shape = str(draw.choice((0, 1, 5, 7, 10**9, 10**14))).encode()
    for name in members if draw.random() < 0.5 else [draw.choice(list(members))]:
        members[name] = members[name].replace(b"(6,", b"(" + shape + b",", 1)
    return zipped(members)


def other_text(content: bytes, draw: random.Random) -> bytes:
    """Exchange a character of the JSON texts, which numpy keeps as UTF-32."""
    members = {name: bytearray(member) for name, member in unzipped(content).items()}
    text = members[draw.choice(("skeleton.npy", "metadata.npy"))]
    at = 128 + 4 * draw.randrange((len(text) - 128) // 4)
    text[at : at + 4] = draw.choice('0129-.e[]{},:"x\0\ud800').encode("utf-32-le", "surrogatepass")
    return zipped({name: bytes(member) for name, member in members.items()})


def unzipped(content: bytes) -> dict[str, bytes]:
    """Return the files in a zip."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(members: dict[str, bytes]) -> bytes:
    """Pack files into a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


TEXT: tuple[Mutation, ...] = (
    *(truncate, flip_bytes, insert_garbage, swap_words),
    *(odd_number, delete_lines, repeat_line, huge_count),
)
ZIP: tuple[Mutation, ...] = (
    *(truncate, flip_bytes, insert_garbage, drop_member, other_shape, other_text),
    *(inside(truncate), inside(flip_bytes), inside(insert_garbage)),
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What reading one damaged file gave."""

    suffix: str
    index: int
    verdict: str
    """"motion", "error", or what went wrong."""
    seconds: float
    message: str = ""

    @property
    def is_good(self) -> bool:
        return self.verdict in ("motion", "error") and self.seconds < SLOW_SECONDS


def valid_files(folder: Path) -> list[Path]:
    """Write the files that are then damaged."""
    generator = torch.Generator().manual_seed(0)
    vectors = 0.5 * torch.randn(6, BODY22.num_joints, 3, generator=generator)
    motion = Motion(
        root_positions=torch.randn(6, 3, generator=generator),
        local_rotations=rotations.rotation_vector_to_matrix(vectors),
        fps=30.0,
        skeleton=BODY22,
        contacts=torch.zeros(6, 4, dtype=torch.bool),
        metadata={"text": "a person walks", "seed": 1},
    )
    names = ("valid.bvh", "valid.npz", "six_channels.bvh", "valid.npz")
    files = [folder / name for name in names]
    write_bvh(motion, files[0])
    write_npz(motion, files[1])
    head, rows = files[0].read_text().split("MOTION\n")
    frames, seconds, *values = rows.splitlines()
    head = head.replace("CHANNELS 3 ", "CHANNELS 6 Xposition Yposition Zposition ")
    wide = [widened(row.split()) for row in values]
    files[2].write_text("\n".join((f"{head}MOTION", frames, seconds, *wide, "")))
    return files


def widened(words: list[str]) -> str:
    """Put a constant position before each joint's three angles, but for the root's."""
    angles = [words[i : i + 3] for i in range(3, len(words), 3)]
    return " ".join([*words[:3], *angles[0], *(w for a in angles[1:] for w in ["0.0"] * 3 + a)])


def read_damaged(path: Path, index: int) -> Outcome:
    """Read one file and judge what happened."""
    start = time.perf_counter()
    message = ""
    try:
        motion = load_motion(path)
        finite = motion.joint_positions.isfinite().all() and motion.root_positions.isfinite().all()
        verdict = "motion" if finite else "not finite"
    except FileFormatError as error:
        message = str(error)
        verdict = "error" if "expected" in message and "got" in message else "unclear error"
    except Exception as error:  # noqa: BLE001 (any other exception is what this program looks for)
        verdict, message = "another exception", repr(error)
    seconds = time.perf_counter() - start
    return Outcome(
        suffix=path.suffix, index=index, verdict=verdict, seconds=seconds, message=message
    )


def fuzz(folder: Path, *, count: int, seed: int = 0) -> list[Outcome]:
    """Damage and read ``count`` files; each draws from its own (seed, index)."""
    sources = [(path, path.read_bytes()) for path in valid_files(folder)]
    outcomes = []
    for index in range(count):
        draw = random.Random(f"{seed}:{index}")
        path, content = sources[index % len(sources)]
        mutations = TEXT if path.suffix == ".bvh" else ZIP
        for _ in range(draw.choice((1, 1, 1, 2))):
            try:
                content = draw.choice(mutations)(content or b"\n", draw)
            except NO_ZIP:
                break  # a first mutation left no zip for the second to open
        damaged = folder / f"damaged{path.suffix}"
        damaged.write_bytes(content)
        outcomes.append(read_damaged(damaged, index))
    return outcomes


def main() -> int:
    """Run and print; the status is 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcomes = fuzz(Path(folder), count=arguments.count, seed=arguments.seed)
    print("| file | outcome | count | slowest |")
    print("|---|---|---|---|")
    for (suffix, verdict), number in sorted(
        Counter((o.suffix, o.verdict) for o in outcomes).items()
    ):
        slowest = max(o.seconds for o in outcomes if (o.suffix, o.verdict) == (suffix, verdict))
        print(f"| {suffix} | {verdict} | {number} | {slowest * 1000:.0f} ms |")
    bad = [outcome for outcome in outcomes if not outcome.is_good]
    for outcome in bad:
        print(outcome)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
