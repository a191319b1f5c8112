"""``meta.json`` of a Kimodo example: what was asked for, beside constraints and motion.

``text`` and ``duration`` for one sentence or ``texts`` and ``durations`` for several, one after the
other; ``num_samples``, ``seed``, ``diffusion_steps`` and the weights of guidance under ``cfg``
[Rempe2026].
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from marey.errors import FileFormatError, InvalidInputError
from marey.io.atomic import atomic_path
from marey.io.text_lines import read_lines

LONGEST_SECONDS = 600.0
"""Most seconds that one sentence may last."""
_MOST = {"num_samples": 10_000, "diffusion_steps": 10_000, "seed": 2**63 - 1}
_LEAST = {"num_samples": 1, "diffusion_steps": 1, "seed": 0}
_KNOWN = ("text", "texts", "duration", "durations", *_MOST, "cfg")


@dataclass(frozen=True, kw_only=True)
class KimodoGuidance:
    """Weights of guidance; off means that text and constraints are followed as they are."""

    enabled: bool = True
    text_weight: float = 2.0
    constraint_weight: float = 2.0


@dataclass(frozen=True, kw_only=True)
class KimodoMeta:
    """What a Kimodo example was made from. Raises InvalidInputError for unusable values."""

    texts: tuple[str, ...]
    """Sentences, one after the other; an empty one says nothing."""
    durations: tuple[float, ...]
    """Seconds of each."""
    num_samples: int = 1
    seed: int | None = None
    diffusion_steps: int = 100
    cfg: KimodoGuidance = KimodoGuidance()
    others: Mapping[str, Any] = field(default_factory=dict)
    """Fields that Kimodo does not know, kept as they are."""

    def __post_init__(self) -> None:
        if not self.texts or len(self.texts) != len(self.durations):
            raise InvalidInputError(
                f"durations: expected one for each of {len(self.texts)} texts (at least one), got "
                f"{len(self.durations)}."
            )
        for place, seconds in enumerate(self.durations):
            if not 0 < seconds <= LONGEST_SECONDS:
                expected = f"seconds above 0, at most {LONGEST_SECONDS:g}"
                raise InvalidInputError(f"durations[{place}]: expected {expected}, got {seconds}.")
        for name, most in _MOST.items():
            value = getattr(self, name)
            if value is not None and not _LEAST[name] <= value <= most:
                expected = f"a whole number from {_LEAST[name]} to {most}"
                raise InvalidInputError(f"{name}: expected {expected}, got {value}.")

    def to_json(self) -> dict[str, Any]:
        """Return the content of ``meta.json``, with the names for one sentence where it is one."""
        one = len(self.texts) == 1
        return {
            **({"text": self.texts[0]} if one else {"texts": list(self.texts)}),
            **({"duration": self.durations[0]} if one else {"durations": list(self.durations)}),
            "num_samples": self.num_samples,
            "seed": self.seed,
            "diffusion_steps": self.diffusion_steps,
            "cfg": dict(vars(self.cfg)),
            **self.others,
        }

    @classmethod
    def from_json(cls, content: Any) -> "KimodoMeta":
        """Return what ``to_json`` wrote; only the texts and their lengths are required.

        Raises InvalidInputError that names the field.
        """
        if not isinstance(content, Mapping):
            raise _fault("meta.json", "an object", content)
        texts = _listed(content, "text", "texts")
        durations = _listed(content, "duration", "durations")
        if len(durations) == 1:  # one length for all, as Kimodo's command line understands it
            durations *= len(texts)
        numbers = {name: _whole(content, name) for name in _MOST if content.get(name) is not None}
        return cls(
            texts=tuple(_text(value, f"texts[{i}]") for i, value in enumerate(texts)),
            durations=tuple(_number(value, f"durations[{i}]") for i, value in enumerate(durations)),
            cfg=_guidance(content.get("cfg")),
            others={name: content[name] for name in content if name not in _KNOWN},
            **numbers,
        )


def read_kimodo_meta(path: str | Path) -> KimodoMeta:
    """Read a ``meta.json``. Raises FileFormatError that names the field."""
    path = Path(path)
    text = "\n".join(read_lines(path))
    try:
        return KimodoMeta.from_json(json.loads(text))
    except InvalidInputError as error:
        place, _, rest = str(error).partition(": expected ")
        expected, _, got = rest.rstrip(".").rpartition(", got ")
        raise _file_fault(path, place, expected, got) from error
    except (ValueError, RecursionError) as error:
        raise _file_fault(path, "file", "JSON", str(error)) from error


def write_kimodo_meta(meta: KimodoMeta, path: str | Path, *, force: bool = False) -> None:
    """Write a ``meta.json``. Raises InvalidInputError if it exists and not ``force``."""
    with atomic_path(path, force=force) as temporary:
        temporary.write_text(json.dumps(meta.to_json(), indent=2) + "\n", encoding="utf-8")


# --- values ------------------------------------------------------------------------------------


def _listed(content: Mapping[str, Any], one: str, many: str) -> list[Any]:
    """Return the values of a field that is called ``one`` or ``many``."""
    if content.get(many) is None:
        if content.get(one) is None:
            raise _fault(one, f"this field or {many!r}", None)
        return [content[one]]
    if not isinstance(content[many], list):
        raise _fault(many, "a list", content[many])
    return content[many]


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise _fault(place, "a sentence", value)
    return value


def _number(value: Any, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _fault(place, "a number", value)
    if abs(value) > 1e9 or not math.isfinite(value):
        raise _fault(place, "a finite number", value)
    return float(value)


def _whole(content: Mapping[str, Any], name: str) -> int:
    value = content[name]
    if isinstance(value, bool) or not isinstance(value, int):
        raise _fault(name, "a whole number", value)
    return value


def _guidance(content: Any) -> KimodoGuidance:
    if content is None:
        return KimodoGuidance()
    if not isinstance(content, Mapping):
        raise _fault("cfg", "an object", content)
    enabled = content.get("enabled", True)
    if not isinstance(enabled, bool):
        raise _fault("cfg.enabled", "true or false", enabled)
    weights = {
        name: _number(content[name], f"cfg.{name}")
        for name in ("text_weight", "constraint_weight")
        if name in content
    }
    return KimodoGuidance(enabled=enabled, **weights)


def _fault(place: str, expected: str, got: Any) -> InvalidInputError:
    return InvalidInputError(f"{place}: expected {expected}, got {repr(got)[:60]}.")


def _file_fault(path: Path, place: str, expected: str, got: str) -> FileFormatError:
    fix = "Correct the file, or export the example again."
    return FileFormatError(path, place, expected=expected, got=got, fix=fix)
