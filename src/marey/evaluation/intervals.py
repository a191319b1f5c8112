"""Confidence intervals of shares."""

from statistics import NormalDist

from marey.errors import InvalidInputError


def wilson_interval(held: int, total: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of a share [Wilson1927]; (0, 1) where nothing was tried.

    Raises InvalidInputError unless 0 ≤ held ≤ total.
    """
    if not 0 <= held <= total:
        raise InvalidInputError(f"A share needs 0 <= held <= total, got {held} of {total}.")
    if total == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, spread = held / total, z * z / total
    centre = share + spread / 2
    half = (spread * share * (1 - share) + spread * spread / 4) ** 0.5
    low, high = (centre - half) / (1 + spread), (centre + half) / (1 + spread)
    return (0.0 if held == 0 else low), (1.0 if held == total else high)
