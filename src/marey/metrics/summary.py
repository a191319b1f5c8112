"""Mean, maximum and count of a measure, which pool over clips without bias."""

from collections.abc import Iterable
from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a measure was over ``count`` observations; all zeros where there was nothing to see.

    Zero and not NaN, so that tables and sums stay finite: look at ``count`` before you believe a
    zero.
    """

    mean: float
    maximum: float
    count: int

    @classmethod
    def of(
        cls, values: Float[Tensor, "*shape"], where: Bool[Tensor, "*shape"] | None = None
    ) -> "Summary":
        """Summarise all values, or those ``where`` is true."""
        chosen = (values if where is None else values[where]).flatten().double()
        if chosen.numel() == 0:
            return cls(mean=0.0, maximum=0.0, count=0)
        return cls(mean=float(chosen.mean()), maximum=float(chosen.max()), count=chosen.numel())

    @classmethod
    def pool(cls, parts: Iterable["Summary"]) -> "Summary":
        """Summarise all observations of the parts together: each weighs by its count."""
        seen = [part for part in parts if part.count]
        count = sum(part.count for part in seen)
        if not count:
            return cls(mean=0.0, maximum=0.0, count=0)
        return cls(
            mean=sum(part.mean * part.count for part in seen) / count,
            maximum=max(part.maximum for part in seen),
            count=count,
        )
