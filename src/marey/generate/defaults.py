"""SamplingDefaults: how a model is used where a request leaves it open."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from marey.generate.request_values import checked_guidance, checked_object, checked_values
from marey.sampling import Guidance

DEFAULT_STEPS = 20
"""Network steps of a model whose checkpoint does not say."""


@dataclass(frozen=True, kw_only=True)
class SamplingDefaults:
    """Network steps, guidance, and seconds over which rotations are smoothed."""

    steps: int = DEFAULT_STEPS
    guidance: Guidance = field(default_factory=Guidance)
    smoothing: float = 0.0

    @classmethod
    def of(cls, notes: Mapping[str, Any]) -> "SamplingDefaults":
        """Return what the notes of a model say under ``sampling``.

        Raises InvalidInputError that names the field for anything but such defaults.
        """
        place = "notes.sampling"
        given = checked_object(place, notes.get("sampling", {}), [f.name for f in fields(cls)])
        given |= checked_values(given)
        given["guidance"] = Guidance(**checked_guidance(given.get("guidance", {})))
        return cls(**given)
