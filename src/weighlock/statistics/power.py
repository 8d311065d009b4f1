"""How much a holdout can show: the power of the paired cluster-t, and how many clusters more would decide."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from weighlock.statistics.paired import Estimate

MOST_CLUSTERS = 100_000


def more_clusters(
    found: Estimate,
    margin: float,
    confidence: float,
    *,
    superior: bool = False,
    harm_confidence: float | None = None,
) -> int | None:
    """How many clusters more would decide, were the difference and its spread between clusters those seen now.

    The error shrinks with the root of their number, and degrees of freedom grow in proportion. Where the difference
    lies above the border (-margin, or 0), that is until it is shown to; where it lies below, until harm is shown.

    Args:
        found: the gain, over the clusters that there are.
        margin: how much worse is still not worse, in the metric's unit.
        confidence: of the bound that has to lie above the border.
        superior: the border is 0, not -margin.
        harm_confidence: of the bound that has to lie below 0 for harm; as `confidence` where None.

    Returns:
        0 where it is decided now; None where fewer than 100,000 in all would not decide.
    """
    border = 0.0 if superior else -margin
    if found.value > border:
        return _more(found, found.value - border, confidence)
    if found.value < min(border, 0.0):
        return _more(found, -found.value, confidence if harm_confidence is None else harm_confidence)
    return None


def _more(found: Estimate, distance: float, confidence: float) -> int | None:
    """Clusters beyond those that there are, until `distance` exceeds the bound's half-width."""
    from scipy.special import stdtrit

    if not math.isfinite(found.error):
        return None

    def decided(clusters: int) -> bool:
        growth = clusters / found.clusters
        half = float(stdtrit(found.freedom * growth, confidence)) * found.error / math.sqrt(growth)
        return distance >= half

    enough = _first(decided, found.clusters, MOST_CLUSTERS - 1)
    return None if enough is None else enough - found.clusters


def _first(holds: Callable[[int], bool], least: int, most: int) -> int | None:
    """The first number from `least` to `most` from which on something holds, by bisection."""
    if least > most or not holds(most):
        return None
    while least < most:
        middle = (least + most) // 2
        least, most = (least, middle) if holds(middle) else (middle + 1, most)
    return most


def power(difference: float, error_per_cluster: float, clusters: int, margin: float, confidence: float) -> float:
    """The probability that the paired cluster-t shows a gain above -margin, clusters being independent.

    Args:
        difference: the true gain, in the metric's unit.
        error_per_cluster: the standard deviation of one cluster's gain: the estimate's error times the root of their
            number.
        clusters: how many there are, two or more.
        margin: how much worse is still not worse; 0 asks for superiority.
        confidence: of the one-sided bound.

    Raises:
        ValueError: there are fewer than two clusters.
    """
    from scipy.special import nctdtr, stdtrit

    if clusters < 2:
        raise ValueError(f"a t-test takes two clusters or more, not {clusters}")
    if error_per_cluster == 0:
        return float(difference > -margin)
    noncentrality = (difference + margin) * math.sqrt(clusters) / error_per_cluster
    return 1.0 - float(nctdtr(clusters - 1, noncentrality, float(stdtrit(clusters - 1, confidence))))
