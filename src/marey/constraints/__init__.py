"""World-space facts that a generated motion is asked to meet."""

from marey.constraints.facts import WorldFacts

__all__ = ["WorldFacts"]
