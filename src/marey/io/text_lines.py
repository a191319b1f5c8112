"""Lines of a text file that a user hands in, with its faults told as such."""

from pathlib import Path

from marey.errors import FileFormatError

MAX_BYTES = 512 * 2**20
"""Larger files are refused before they are read."""


def check_file(
    path: Path, *, max_bytes: int = MAX_BYTES, fix: str = "Split it into shorter motions."
) -> None:
    """Raise FileFormatError if a file is missing, a folder, or larger; ``fix`` says what then."""
    try:
        is_file, is_folder = path.is_file(), path.is_dir()
        size = path.stat().st_size if is_file else 0
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if not is_file:
        got = "a folder" if is_folder else "no such file"
        raise FileFormatError(path, "file", expected="a file", got=got, fix="Check the path.")
    if size > max_bytes:
        raise FileFormatError(
            path,
            "file",
            expected=f"at most {max_bytes // 2**20} MiB",
            got=f"{size / 2**20:.1f} MiB",
            fix=fix,
        )


def _unreadable(path: Path, error: Exception) -> FileFormatError:
    return FileFormatError(
        path, "file", expected="a readable file", got=str(error), fix="Check its permissions."
    )


def read_lines(path: Path) -> list[str]:
    """Return the lines of a UTF-8 file, with any line ends, without a byte-order mark.

    Raises FileFormatError if the file cannot be read, is empty, too large, or no UTF-8 text.
    """
    text = read_text(path)
    if not text.strip():
        raise FileFormatError(
            path, "file", expected="text", got="an empty file", fix="Export it again."
        )
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def read_text(
    path: Path, *, max_bytes: int = MAX_BYTES, fix: str = "Split it into shorter motions."
) -> str:
    """Return a UTF-8 file without a byte-order mark; ``fix`` says what to do if it is too large.

    Raises FileFormatError if the file cannot be read, is too large, or no UTF-8 text.
    """
    check_file(path, max_bytes=max_bytes, fix=fix)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FileFormatError(
            path,
            f"line {line}",
            expected="UTF-8 text",
            got=f"byte 0x{content[error.start]:02x}",
            fix="If it is a text file, save it as UTF-8; else it is another format or damaged.",
        ) from error
