"""By how much two streams' rates of yes differ, and whether a quantile lies beyond a border: at any time.

The odds ratio of `sequential_odds` says whether a candidate is worse; for rare events it says little about how much
that matters. Here the difference in points is bounded: the likelihood of both counts, mixed over all rates, divided by
the largest that a hypothesis allows (universal inference: Wasserman, Ramdas & Balakrishnan, 2020) is below a test
martingale for every pair of rates of that hypothesis. Rates are taken as steady while they are looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from weighlock.statistics.sequential import crossing, enough

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weighlock.statistics.sequential import Floats

    Counts = NDArray[np.int64]

# Beta priors of a rate, mixed half and half: events that are rare, and any others
_RARE, _ANY = (0.5, 50.0), (0.5, 0.5)
_ROUNDS, _PLACES = 5, 65  # of the search for a bound: to a billionth of the way
_QUANTILE_REQUESTS = 200.0  # what a border is looked at with: the prior's weight around the quantile, in requests


def log_evidence_difference(
    candidate: Floats | Counts,
    candidate_yes: Floats | Counts,
    stable: Floats | Counts,
    stable_yes: Floats | Counts,
    margin: float | Floats,
) -> Floats:
    """(n,) log e-values that the candidate's rate less the stable one's is below `margin`, against all that it is not.

    Args:
        candidate, candidate_yes, stable, stable_yes: (n,) how often each was asked and said yes until a look;
            divided by how many may stand or fall together, where they do.
        margin: (n,) or one, above -1 and below 1.
    """
    n1, k1, n0, k0 = (np.asarray(c, dtype=np.float64) for c in (candidate, candidate_yes, stable, stable_yes))
    return _mixed(n1, k1) + _mixed(n0, k0) - _best(n1, k1, n0, k0, np.asarray(margin, dtype=np.float64))


def difference_bounds(
    candidate: float, candidate_yes: float, stable: float, stable_yes: float, alpha: float
) -> tuple[float, float]:
    """The lower and upper bound of the difference in rates, each one-sided at `alpha`; -1 and 1 where there is none."""
    new, old = (candidate, candidate_yes), (stable, stable_yes)
    return -_upper(*old, *new, alpha), _upper(*new, *old, alpha)


def log_evidence_rate(asked: Counts, yes: Counts, rate: float) -> Floats:
    """(n,) log e-values that a stream's rate is above `rate`, against all that it is not.

    This decides whether a quantile lies beyond a border (Howard & Ramdas, 2022: fixed quantiles by a beta-binomial
    mixture): the p-quantile is above x where requests that took longer than x are more than 1 - p of all.

    Args:
        asked, yes: (n,) how often until a look.
        rate: above 0 and below 1.
    """
    from scipy.special import betaincc, betaln, xlog1py, xlogy

    n, k = np.asarray(asked, dtype=np.float64), np.asarray(yes, dtype=np.float64)
    a, b = rate * _QUANTILE_REQUESTS, (1 - rate) * _QUANTILE_REQUESTS
    with np.errstate(divide="ignore"):  # no mass above the rate, where hardly any said yes: no evidence
        above = np.log(betaincc(a + k, b + n - k, rate)) - np.log(betaincc(a, b, rate))
    return np.asarray(betaln(a + k, b + n - k) - betaln(a, b) + above - xlogy(k, rate) - xlog1py(n - k, -rate))


def quantile_bucket(counts: Counts, quantile: float, alpha: float) -> tuple[int, int]:
    """Between which borders of a histogram a quantile lies.

    Args:
        counts: (b + 1,) how many values fell into each bucket, the last of which has no upper border.
        quantile: above 0 and below 1.
        alpha: how often it may ever be said to lie where it does not, both sides together.

    Returns:
        How many of the b borders are shown to be below it, and at or below which one it is shown to lie: l and u say
        that it is above border l - 1 (l = 0: none is) and at or below border u (u = b: no border is shown to do).
    """
    total = np.full(len(counts) - 1, counts.sum())
    under = np.cumsum(counts)[:-1]
    level = enough(alpha / 2)
    above = log_evidence_rate(total, total - under, 1 - quantile) >= level
    below = log_evidence_rate(total, under, quantile) >= level
    return int(above.sum()), int(len(below) - below.sum())


def _upper(n1: float, k1: float, n0: float, k0: float, alpha: float) -> float:
    new, old = (np.array([n1]), np.array([k1])), (np.array([n0]), np.array([k0]))
    low, high = (k1 / n1 if n1 else 0.0) - (k0 / n0 if n0 else 0.0), 1 - 1e-9
    for _ in range(_ROUNDS):  # many places at once are hardly dearer than one
        places = np.linspace(min(low, high), high, _PLACES)
        reached = log_evidence_difference(*new, *old, places) >= enough(alpha)
        if not reached[-1]:
            return 1.0
        first = max(int(reached.argmax()), 1)
        low, high = places[first - 1], places[first]
    return float(high)


def _mixed(n: Floats, k: Floats) -> Floats:
    from scipy.special import betaln

    return np.asarray(np.logaddexp(*(betaln(k + a, n - k + b) - betaln(a, b) for a, b in (_RARE, _ANY))) - np.log(2.0))


def _best(n1: Floats, k1: Floats, n0: Floats, k0: Floats, margin: Floats) -> Floats:
    """The largest log likelihood of rates that differ by `margin` or more."""
    from scipy.special import xlog1py, xlogy

    def log_likelihood(p1: Floats, p0: Floats) -> Floats:
        return np.asarray(xlogy(k1, p1) + xlog1py(n1 - k1, -p1) + xlogy(k0, p0) + xlog1py(n0 - k0, -p0))

    def falls(p0: Floats) -> Floats:
        """The slope of the log likelihood along the border p1 = p0 + margin; it falls from inf to -inf."""
        p1 = p0 + margin
        with np.errstate(divide="ignore", invalid="ignore"):
            parts = (
                np.where(k1 > 0, k1 / p1, 0.0), np.where(n1 > k1, -(n1 - k1) / (1 - p1), 0.0),
                np.where(k0 > 0, k0 / p0, 0.0), np.where(n0 > k0, -(n0 - k0) / (1 - p0), 0.0),
            )  # fmt: skip
        return np.asarray(sum(parts))

    one = np.ones(np.broadcast_shapes(n1.shape, margin.shape))
    lowest, highest = one * np.maximum(0.0, -margin), one * np.minimum(1.0, 1 - margin)
    p0 = crossing(lambda p: -falls(p), lowest, highest)
    border = np.maximum(log_likelihood(p0 + margin, p0), log_likelihood(lowest + margin, lowest))
    free1, free0 = k1 / np.where(n1 > 0, n1, 1.0), k0 / np.where(n0 > 0, n0, 1.0)
    return np.where(free1 - free0 >= margin, log_likelihood(free1, free0), border)
