"""How many of the facts that captions state hold in motions; no model judges."""

from collections.abc import Sequence

import torch

from marey.metrics import Summary
from marey.predicates import Event, claims_about
from marey.skeleton.parts import GLOBAL_SLOT


def facts_held(captions: Sequence[str], events: Sequence[Sequence[Event]]) -> list[Summary]:
    """Return the share of each caption's claims that the events of its motion make true.

    Counts are of claims; a caption without one that is understood, or with a negation, has none.
    """
    return [
        Summary.of(torch.tensor([float(c.holds(own)) for c in claims_about(text, GLOBAL_SLOT)]))
        for text, own in zip(captions, events, strict=True)
    ]
