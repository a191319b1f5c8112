"""Lines of a text file that a user hands in, with its faults told as such."""

from pathlib import Path

from marey.errors import FileFormatError

MAX_BYTES = 512 * 2**20
"""Larger files are refused before they are read."""


def read_bytes(path: Path, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Return a file's content. Raises FileFormatError if it is missing, unreadable or too large."""
    try:
        if not path.is_file():
            got = "a folder" if path.is_dir() else "no such file"
            raise FileFormatError(path, "file", expected="a file", got=got, fix="Check the path.")
        size = path.stat().st_size
        if size > max_bytes:
            raise FileFormatError(
                path,
                "file",
                expected=f"at most {max_bytes // 2**20} MiB",
                got=f"{size // 2**20} MiB",
                fix="Split it into shorter motions.",
            )
        return path.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(
            path, "file", expected="a readable file", got=str(error), fix="Check its permissions."
        ) from error


def read_lines(path: Path) -> list[str]:
    """Return the lines of a UTF-8 file, with any line ends, without a byte-order mark.

    Raises FileFormatError if the file cannot be read, is empty, too large, or no UTF-8 text.
    """
    content = read_bytes(path)
    if not content.strip():
        raise FileFormatError(
            path, "file", expected="text", got="an empty file", fix="Export it again."
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FileFormatError(
            path,
            f"line {line}",
            expected="UTF-8 text",
            got=f"byte 0x{content[error.start]:02x}",
            fix="If it is a text file, save it as UTF-8; else it is another format or damaged.",
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
