"""What is known of one motion before it is drawn, and how features express it."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from marey.constraints import WorldFacts
from marey.representations import Observation, SmoothRoot


@dataclass(frozen=True, kw_only=True, eq=False)
class Knowledge:
    """World-space facts and exact features of one motion; where both speak, features win."""

    representation: SmoothRoot
    facts: WorldFacts | None
    exact: Observation
    """Of all frames."""

    @classmethod
    def of(
        cls,
        frames: int,
        representation: SmoothRoot,
        *,
        facts: WorldFacts | None = None,
        observation: Observation | None = None,
    ) -> "Knowledge":
        """Gather what is known; the observation may have fewer frames, from the first on.

        Where it shows the root's path, that is the path of the facts, too.
        """
        values = torch.zeros(frames, representation.layout.size)
        mask = torch.zeros(values.shape, dtype=torch.bool)
        if observation is not None:
            values[: len(observation.values)] = observation.values.cpu()
            mask[: len(observation.mask)] = observation.mask.cpu()
        if facts is not None:
            ground = representation.layout.channels("root_position")[::2]
            shown = mask[:, ground].all(1)
            facts = replace(
                facts,
                root_path=torch.where(shown[:, None], values[:, ground], facts.root_path),
                root_path_mask=facts.root_path_mask | shown,
            )
        exact = Observation(values=values, mask=mask)
        return cls(representation=representation, facts=facts, exact=exact)

    @property
    def needs_estimate(self) -> bool:
        """Whether joints are pinned in frames where the root's path is not known."""
        return self.facts is not None and bool(self.representation.unplaced(self.facts).any())

    def placed(self) -> Observation:
        """Return what features can express as it is: all but joints without a root path."""
        if self.facts is None:
            return self.exact
        placed = ~self.representation.unplaced(self.facts)[:, None]
        joints = self.facts.joint_position_mask & placed
        return self._beside_exact(replace(self.facts, joint_position_mask=joints))

    def seen_from(self, path: Float[Tensor, "frames 2"]) -> Observation:
        """Return everything, given an estimate of the root's path over the ground."""
        return self.exact if self.facts is None else self._beside_exact(self.facts, path)

    def _beside_exact(self, facts: WorldFacts, path: Tensor | None = None) -> Observation:
        seen = self.representation.observe(facts, path=path)
        return Observation(
            values=torch.where(self.exact.mask, self.exact.values, seen.values),
            mask=seen.mask | self.exact.mask,
        )
