"""The one door to generation: a request goes in, motions and a report come out.

The command line, the server and the studio use only this.
"""

from marey.generate.drawing import Progress
from marey.generate.extent import clip_of
from marey.generate.facade import generate, generate_many
from marey.generate.loading import default_guidance
from marey.generate.report import ConstraintReport, PinReport
from marey.generate.request import GenerationRequest, default_seconds
from marey.generate.result import GenerationResult, MotionReport

__all__ = [
    "ConstraintReport",
    "GenerationRequest",
    "GenerationResult",
    "MotionReport",
    "PinReport",
    "Progress",
    "clip_of",
    "default_guidance",
    "default_seconds",
    "generate",
    "generate_many",
]
