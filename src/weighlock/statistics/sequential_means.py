"""Means of losses between 0 and 1, looked at whenever one likes: empirical-Bernstein confidence sequences.

Howard, Ramdas, McAuliffe & Sekhon (2021): the sum of deviations stays below a boundary of the sum of squared
deviations from what was predicted (theorem 4); the boundary is the gamma-exponential mixture (proposition 9). Values
need not be alike, nor independent of what came before: what is bounded is the mean of their conditional expectations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from weighlock.statistics.sequential import crossing, enough

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weighlock.statistics.sequential import Floats

# The sum of squared deviations at which the boundary is tightest; it loses little from a tenth to ten times this.
BEST_AT = 50.0
_BEST_ALPHA = 0.01


@dataclass(frozen=True)
class Means:
    """A mean and its bounds after each of some numbers of values; arrays (l,)."""

    mean: Floats
    lower: Floats
    upper: Floats


def means(values: Floats, alpha: float, looks: NDArray[np.int64] | None = None) -> Means:
    """The mean of the first values with its bounds, each one-sided at `alpha`.

    Args:
        values: (n,) from 0 to 1, in the order in which they came.
        alpha: how often a bound may ever be wrong.
        looks: (l,) after how many values, 0 to n each; None: after all.

    Raises:
        ValueError: a value is below 0, above 1 or none.
    """
    if len(values) and not (values.min() >= 0 and values.max() <= 1):
        raise ValueError("values should be from 0 to 1")
    looks = np.array([len(values)]) if looks is None else looks
    sums = np.concatenate([[0.0], np.cumsum(values)])
    predicted = (0.5 + sums[:-1]) / np.arange(1, len(values) + 1)
    squares = np.concatenate([[0.0], np.cumsum((values - predicted) ** 2)])
    count = np.maximum(looks, 1)
    mean = np.where(looks > 0, sums[looks] / count, 0.5)
    radius = np.where(looks > 0, boundary(squares[looks], alpha) / count, 1.0)
    return Means(mean, np.maximum(mean - radius, 0.0), np.minimum(mean + radius, 1.0))


def difference(candidate: Means, stable: Means) -> Means:
    """The candidate's mean less the stable one's; its bounds err as often as both's together."""
    return Means(candidate.mean - stable.mean, candidate.lower - stable.upper, candidate.upper - stable.lower)


def paired(candidate: Floats, stable: Floats, alpha: float, looks: NDArray[np.int64] | None = None) -> Means:
    """The mean difference of pairs, (n,) each from 0 to 1, with its bounds, each one-sided at `alpha`."""
    found = means((1 + candidate - stable) / 2, alpha, looks)
    return Means(*(2 * part - 1 for part in (found.mean, found.lower, found.upper)))


def boundary(squares: Floats, alpha: float) -> Floats:
    """(n,) what the sum of deviations passes with a probability of at most `alpha`, ever; by sums of squares (n,)."""
    flat = np.asarray(squares, dtype=np.float64).ravel()
    # a sum that is sure to be enough: sub-gamma tails bound the mixture's from above, with room
    level = enough(alpha)
    high = np.full(flat.shape, 4 * level + 10.0) + 4 * np.sqrt((flat + 1) * (level + np.log(flat + 2)))
    found = crossing(lambda s: log_mixture(s, flat), np.zeros(flat.shape), high, level)
    return found.reshape(np.shape(squares))


def log_mixture(sums: Floats, squares: Floats, scale: float = 1.0, rho: float | None = None) -> Floats:
    """The logarithm of the gamma-exponential mixture (Howard et al., 2021, proposition 9).

    Args:
        sums: (n,) of deviations, 0 or more.
        squares: (n,) their intrinsic time.
        scale: of the sub-exponential tail: the range of values.
        rho: of the mixture; None: what is tightest at `BEST_AT`.
    """
    from scipy.special import gammainc, gammaln

    k = 1 / scale**2
    r = (best_rho(BEST_AT, _BEST_ALPHA) if rho is None else rho) * k
    t, both = squares * k + r, (scale * sums + squares) * k
    lead = r * np.log(r) - gammaln(r) - np.log(gammainc(r, r))
    return np.asarray(lead + gammaln(t) + np.log(gammainc(t, both + r)) - t * np.log(both + r) + both)


def best_rho(squares: float, alpha: float) -> float:
    """The mixture's parameter that is tightest at that sum of squares (Howard et al., 2021, proposition 3)."""
    twice = 2 * enough(2 * alpha)
    return float(squares / (twice + np.log1p(twice)))
