"""The HIERARCHY block of a BVH file, read into records that know their lines."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from marey.errors import FileFormatError

MAX_JOINTS = 2000
"""A hierarchy with more joints is refused: no body has them, damaged files do."""

_DAMAGED = "The file is damaged or was cut off: export it again."
_CHANNELS = {
    f"{axis}{kind}".lower(): axis + kind for axis in "XYZ" for kind in ("position", "rotation")
}
_BRACES = re.compile(r"([{}])")

Vector = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class BvhJoint:
    """One joint as it stands in the file: lengths in the file's unit."""

    name: str
    parent: int
    line: int
    offset: Vector
    channels: tuple[str, ...]
    """Names as in ``"Xposition"``, in the order of the motion block's columns."""
    tips: tuple[Vector, ...]
    """Offsets of its end sites."""


@dataclass
class _Node:
    """A joint or end site that is being read."""

    name: str
    parent: int
    line: int
    is_tip: bool
    index: int
    offset: Vector | None = None
    channels: tuple[str, ...] | None = None
    tips: list[Vector] = field(default_factory=list)


def read_hierarchy(path: Path, lines: Sequence[str]) -> tuple[list[BvhJoint], int]:
    """Return the joints, parents first, and the number of lines up to and with ``MOTION``.

    Raises FileFormatError that names the line.
    """
    reader = _HierarchyReader(path)
    for number, piece in _pieces(lines):
        if piece.upper() == "MOTION":
            return reader.finish(number), number
        reader.read(number, piece)
    raise FileFormatError(
        path,
        f"line {len(lines)}",
        expected="a line 'MOTION' after the hierarchy",
        got="the end of the file",
        fix=_DAMAGED,
    )


def _pieces(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield the line number and text of each statement; braces may share a line with others."""
    for number, line in enumerate(lines, start=1):
        for piece in _BRACES.split(line):
            if text := piece.strip():
                yield number, text


class _HierarchyReader:
    """Takes one statement after the other and keeps the nodes that are open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.started = False
        self.nodes: list[_Node] = []
        self.open: list[_Node] = []
        self.pending: _Node | None = None

    def fail(self, line: int, *, expected: str, got: str, fix: str = _DAMAGED) -> FileFormatError:
        return FileFormatError(self.path, f"line {line}", expected=expected, got=got, fix=fix)

    def read(self, line: int, text: str) -> None:
        word, _, rest = text.replace("\t", " ").partition(" ")
        keyword, rest = word.upper(), rest.strip()
        if not self.started:
            if text.upper() != "HIERARCHY":
                got = repr(text[:40])
                fix = "Check that this is a BVH file."
                raise self.fail(line, expected="'HIERARCHY' first in the file", got=got, fix=fix)
            self.started = True
        elif self.pending is not None and keyword != "{":
            raise self.fail(line, expected=f"'{{' after {self.pending.name!r}", got=repr(text[:40]))
        elif keyword in ("ROOT", "JOINT", "END"):
            self.begin(line, keyword, rest)
        elif keyword == "{":
            self.enter(line)
        elif keyword == "}":
            self.leave(line)
        elif keyword in ("OFFSET", "CHANNELS"):
            self.describe(line, keyword, rest)
        else:
            known = "ROOT, JOINT, End Site, OFFSET, CHANNELS, '{', '}' or MOTION"
            raise self.fail(line, expected=known, got=repr(text[:40]))

    def begin(self, line: int, keyword: str, name: str) -> None:
        if keyword == "ROOT" and self.nodes:
            fix = "marey reads one body per file: split the file, one ROOT in each."
            raise self.fail(line, expected="one ROOT", got=f"a second one, {name!r}", fix=fix)
        if keyword != "ROOT" and (not self.open or self.open[-1].is_tip):
            raise self.fail(line, expected=f"{keyword} inside a joint's braces", got="it outside")
        if keyword != "END":
            self.check_name(line, name)
        if len(self.nodes) >= MAX_JOINTS:
            raise self.fail(line, expected=f"at most {MAX_JOINTS} joints", got="more")
        parent = self.open[-1].index if self.open else -1
        is_tip = keyword == "END"
        index = -1 if is_tip else len(self.nodes)
        node = _Node("End Site" if is_tip else name, parent, line, is_tip, index)
        self.pending = node
        if not is_tip:
            self.nodes.append(node)

    def check_name(self, line: int, name: str) -> None:
        got = "no name" if not name else repr(name[:40])
        if name and any(node.name == name for node in self.nodes):
            got = f"{name!r} again"
        elif name and name.isprintable():
            return
        fix = "Rename the joint in the file."
        raise self.fail(line, expected="a printable joint name of its own", got=got, fix=fix)

    def enter(self, line: int) -> None:
        if self.pending is None:
            raise self.fail(line, expected="'{' only after ROOT, JOINT or End Site", got="'{'")
        self.open.append(self.pending)
        self.pending = None

    def leave(self, line: int) -> None:
        if not self.open:
            raise self.fail(line, expected="'}' only after '{'", got="one '}' too many")
        node = self.open.pop()
        place = f"{node.name!r} (line {node.line})"
        if node.offset is None:
            raise self.fail(line, expected=f"an OFFSET line in {place}", got="none")
        if node.is_tip:
            self.open[-1].tips.append(node.offset)
        elif node.channels is None:
            raise self.fail(line, expected=f"a CHANNELS line in {place}", got="none")

    def describe(self, line: int, keyword: str, rest: str) -> None:
        if not self.open:
            raise self.fail(line, expected=f"{keyword} inside a joint's braces", got="it outside")
        node = self.open[-1]
        attribute = keyword.lower()
        if getattr(node, attribute) is not None or (node.is_tip and keyword == "CHANNELS"):
            limit = "no CHANNELS in an end site" if node.is_tip else f"one {keyword} per joint"
            raise self.fail(line, expected=limit, got=f"{keyword} {rest[:40]}")
        value = self.offset(line, rest) if keyword == "OFFSET" else self.channels(line, rest)
        setattr(node, attribute, value)

    def offset(self, line: int, text: str) -> Vector:
        try:
            x, y, z = (float(word) for word in text.split())
        except ValueError:
            raise self.fail(
                line, expected="OFFSET and three numbers", got=repr(text[:40])
            ) from None
        if not (math.isfinite(x) and math.isfinite(y) and math.isfinite(z)):
            raise self.fail(line, expected="a finite OFFSET", got=repr(text[:40]))
        return (x, y, z)

    def channels(self, line: int, text: str) -> tuple[str, ...]:
        count, *words = text.split() or [""]
        if count != str(len(words)):
            fix = "Make the count and the names agree."
            expected = "CHANNELS, their count and as many names"
            raise self.fail(line, expected=expected, got=repr(text[:60]), fix=fix)
        unknown = [word for word in words if word.lower() not in _CHANNELS]
        if unknown:
            expected = "channels out of " + ", ".join(_CHANNELS.values())
            fix = "Rename the channel; scale channels cannot be read."
            raise self.fail(line, expected=expected, got=repr(unknown[0][:40]), fix=fix)
        names = tuple(_CHANNELS[word.lower()] for word in words)
        if len(set(names)) < len(names):
            raise self.fail(line, expected="each channel once per joint", got=repr(text[:60]))
        return names

    def finish(self, line: int) -> list[BvhJoint]:
        if not self.nodes:
            raise self.fail(line, expected="a ROOT joint before MOTION", got="none")
        if self.open or self.pending:
            node = self.pending or self.open[-1]
            got = f"MOTION while {node.name!r} (line {node.line}) is open"
            raise self.fail(line, expected="a '}' for every '{'", got=got)
        return [
            BvhJoint(
                name=node.name,
                parent=node.parent,
                line=node.line,
                offset=node.offset or (0.0, 0.0, 0.0),
                channels=node.channels or (),
                tips=tuple(node.tips),
            )
            for node in self.nodes
        ]
