"""Random damage to files: functions from the content of a valid file to that of a damaged one."""

import io
import random
import re
import struct
import zipfile
import zlib
from collections.abc import Callable

Mutation = Callable[[bytes, random.Random], bytes]

ODD_NUMBERS = (b"nan", b"-inf", b"1e999", b"1e30", b"-1", b"0", b"99999999999", b"", b"1,5", b"x")
ODD_FIELDS = tuple(
    struct.pack(kind, value)
    for kind, value in (
        *(("<I", number) for number in (0, 1, 0x7FFFFFFF, 0xFFFFFFFF)),
        *(("<f", number) for number in (float("nan"), float("inf"), -1e38, 0.0)),
        *(("<Q", number) for number in (0, 2**40, 2**64 - 1)),
        *(("<d", number) for number in (float("nan"), 1e300)),
    )
)
NUMBER = re.compile(rb"(?<![\w.])-?\d[\w.+-]*")
SEPARATOR = re.compile(rb"([ ,\n]+)")

NO_ZIP = (
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError),
    *(RuntimeError, ValueError, KeyError, IndexError),
)
"""What zipfile raises for damaged zips."""


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


def delete_block(content: bytes, draw: random.Random) -> bytes:
    """Delete a few bytes in the middle."""
    at = draw.randrange(len(content))
    return content[:at] + content[at + draw.choice((1, 4, 100)) :]


def odd_field(content: bytes, draw: random.Random) -> bytes:
    """Write a binary number that should not be there over what is there."""
    field = draw.choice(ODD_FIELDS)
    at = draw.randrange(max(1, len(content) - len(field)))
    return content[:at] + field + content[at + len(field) :]


def swap_words(content: bytes, draw: random.Random) -> bytes:
    """Exchange two words."""
    words = SEPARATOR.split(content)
    i, j = (2 * draw.randrange((len(words) + 1) // 2) for _ in range(2))
    words[i], words[j] = words[j], words[i]
    return b"".join(words)


def odd_number(content: bytes, draw: random.Random) -> bytes:
    """Replace a number by one that should not be there."""
    found = list(NUMBER.finditer(content))
    if not found:
        return draw.choice(ODD_NUMBERS)
    start, end = draw.choice(found).span()
    return content[:start] + draw.choice(ODD_NUMBERS) + content[end:]


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


def early(mutation: Mutation) -> Mutation:
    """Damage the first 256 bytes, where headers are; payload crowds them out by its size."""

    def mutate(content: bytes, draw: random.Random) -> bytes:
        return mutation(content[:256], draw) + content[256:]

    return mutate


def other_frames(content: bytes, draw: random.Random) -> bytes:
    """State another number of frames than 6 in an NPY header."""
    shape = str(draw.choice((0, 1, 5, 7, 10**9, 10**14))).encode()
    return content.replace(b"(6,", b"(" + shape + b",", 1)


# --- zip ---------------------------------------------------------------------------------------


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
    """State another number of frames than 6 in one array or in all."""
    members = unzipped(content)
    state = draw.getstate()
    for name in members if draw.random() < 0.5 else [draw.choice(list(members))]:
        draw.setstate(state)  # the same number in all
        members[name] = other_frames(members[name], draw)
    return zipped(members)


def other_text(content: bytes, draw: random.Random) -> bytes:
    """Exchange a character of a text, which numpy keeps as UTF-32."""
    members = unzipped(content)
    texts = [name for name, member in members.items() if b"'descr': '<U" in member[:128]]
    name = draw.choice(texts)
    text = bytearray(members[name])
    at = 128 + 4 * draw.randrange((len(text) - 128) // 4)
    text[at : at + 4] = draw.choice('0129-.e[]{},:"x\0\ud800').encode("utf-32-le", "surrogatepass")
    return zipped({**members, name: bytes(text)})


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
    *(odd_number, delete_lines, repeat_line),
)
BINARY: tuple[Mutation, ...] = (
    *(truncate, flip_bytes, insert_garbage, delete_block, odd_field),
    *(early(flip_bytes), early(insert_garbage), early(delete_block), early(odd_field)),
)
NPY: tuple[Mutation, ...] = (*BINARY, other_frames)
ZIP: tuple[Mutation, ...] = (
    *(truncate, flip_bytes, insert_garbage, drop_member, other_shape),
    *(inside(truncate), inside(flip_bytes), inside(insert_garbage), inside(odd_field)),
)
