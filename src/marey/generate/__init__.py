"""The one door to generation: a request goes in, motions and a report come out.

The command line, the server and the studio use only this.
"""

from marey.generate.facade import Progress, default_guidance, generate, generate_many
from marey.generate.request import GenerationRequest, default_seconds
from marey.generate.result import GenerationResult, MotionReport

__all__ = [
    "GenerationRequest",
    "GenerationResult",
    "MotionReport",
    "Progress",
    "default_guidance",
    "default_seconds",
    "generate",
    "generate_many",
]
