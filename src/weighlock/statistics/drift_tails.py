"""Fences: how far beyond the largest value that was ever seen a further one has to lie to be something else."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LARGEST = 20  # values that tell what the tail is like
SHARE = 4  # at most one in so many
STEPS = 60
FARTHEST = 1e6


def fence(values: Floats, error: float) -> float:
    """What one further value exceeds as often as `error`, where the largest quarter of values has an exponential tail.

    The largest value leads the m-th by a sum of m - 1 spacings, which are exponential, the i-th of mean scale / i, and
    independent of one another and of the m-th (Rényi, 1953). A further value exceeds the m-th with probability
    m / (n + 1), and then the largest by k times that lead with the product of i / (i + 1 + k), i < m: that the scale
    is known from few values is counted in.

    Args:
        values: (n,) of the past; two at least.
        error: how often.

    Raises:
        ValueError: there are fewer than two.
    """
    if len(values) < 2:
        raise ValueError("a fence takes two values at least")
    ordered = np.sort(values)
    kept = min(LARGEST, max(2, len(ordered) // SHARE))
    lead = float(ordered[-1] - ordered[-kept])
    return float(ordered[-1]) + leads(len(ordered), kept, error) * lead if lead > 0 else float(ordered[-1])


@cache
def leads(count: int, kept: int, error: float) -> float:
    """How many leads of the largest over the `kept`-th of `count` values a further one exceeds as often as `error`."""
    places = np.arange(1, kept)
    wanted = float(np.log(error * (count + 1) / kept))
    low, high = 0.0, FARTHEST
    if error * (count + 1) >= 1:
        return 0.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if np.log(places / (places + 1 + middle)).sum() > wanted else (low, middle)
    return high


def of_shares(shares: Floats | float) -> Floats:
    """Shares on a scale that has no end, so that tails are alike: small ones as they are, all of them at infinity."""
    with np.errstate(divide="ignore"):
        return np.asarray(-np.log1p(-np.asarray(shares, dtype=np.float64)))


def share_of(value: float) -> float:
    """Back from `of_shares`."""
    return float(-np.expm1(-value))
