"""The name nearest to one that was mistyped, as the end of an error message."""

import difflib
from collections.abc import Sequence

_SHOWN = 30


def close(name: str, choices: Sequence[str]) -> str:
    """Return `` Did you mean …?``, or all choices if none is near and they are few."""
    near = difflib.get_close_matches(name, choices, n=1, cutoff=0.5)
    if near:
        return f" Did you mean {near[0]!r}?"
    if len(choices) <= _SHOWN:
        return f" Choose from {', '.join(choices)}."
    return ""
