"""marey: human motion from text, body-part text and spatial constraints.

The names below are what most programs need; they are loaded when first used, so that importing
marey costs nothing. Generation itself is ``marey.generate.generate``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from marey.generate import GenerationRequest, GenerationResult
    from marey.io import load_motion, save_motion
    from marey.motion import Motion
    from marey.skeleton import Skeleton
    from marey.text import TextScript

__version__ = "0.1.0"

__all__ = [
    "GenerationRequest",
    "GenerationResult",
    "Motion",
    "Skeleton",
    "TextScript",
    "__version__",
    "load_motion",
    "save_motion",
]

_HOMES = {
    "GenerationRequest": "marey.generate",
    "GenerationResult": "marey.generate",
    "Motion": "marey.motion",
    "Skeleton": "marey.skeleton",
    "TextScript": "marey.text",
    "load_motion": "marey.io",
    "save_motion": "marey.io",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'marey' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
