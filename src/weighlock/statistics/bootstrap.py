"""The clustered bootstrap: for differences in metrics that are no means.

A resample is how often each cluster was drawn; metrics of that are computed by `weighted`. The resamples give the
spread alone: the interval is a t-interval, since with few clusters their percentiles err far more often than they say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from weighlock.statistics.paired import Estimate, Units, likeness

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Times = NDArray[np.int32]

AT_ONCE = 2**16  # numbers in a chunk of resamples: what a processor's cache holds
GROUPS = 500  # of rows drawn at random: they tell the naive error within 3 %

# (b, G) how often each cluster counts -> (b,) the gain, NaN where it is undefined
Gains = Callable[["Times"], "Floats"]
# (n,) the number of each row's cluster -> the gains of resamples of these clusters
Statistic = Callable[["NDArray[np.intp]"], Gains]


@dataclass(frozen=True)
class Resampling:
    """How the bootstrap draws.

    Attributes:
        resamples: how many; 2,000 tell an error within 2 %.
        seed: the same seed draws the same clusters, whatever the metric.
    """

    resamples: int = 2000
    seed: int = 7


def bootstrap(value: float, statistic: Statistic, units: Units, resampling: Resampling) -> Estimate:
    """An estimate from resamples of whole clusters.

    The error is the resamples' standard deviation, times √(G / (G - 1)), widened where neighbours are alike, as
    clusters' influences (by the jackknife) say. The naive error is the jackknife's over random groups of rows, at a
    fraction of what a bootstrap of rows costs (Wolter, 2007).

    Args:
        value: the gain on all rows.
        statistic: makes the function that computes the gain of resamples.
        units: of the n rows.
        resampling: how many resamples, from which seed.

    Raises:
        ValueError: in half of the resamples or more the gain is undefined.
    """
    rows, count = len(units.clusters), int(units.clusters.max()) + 1
    random = np.random.default_rng(resampling.seed)
    gains = statistic(units.clusters)
    if count < 2:
        return Estimate(value, np.inf, _naive(statistic, rows, random), count, rows, freedom=1.0)
    error = spread(map(gains, drawn(random, resampling.resamples, count, rows))) * float(np.sqrt(count / (count - 1)))
    naive = error if count == rows else _naive(statistic, rows, random)
    influence = jackknife(gains, count, rows) if units.ordered else np.zeros(count)
    alike = likeness(influence, ordered=units.ordered)
    error *= float(np.sqrt(alike.widening))
    return Estimate(value, error, naive, count, rows, alike.freedom, alike.autocorrelation)


def drawn(random: np.random.Generator, resamples: int, count: int, rows: int) -> Iterator[Times]:
    """How often each of `count` clusters is drawn in `count` draws with replacement: (b, count), chunk by chunk."""
    step = max(1, AT_ONCE // rows)
    for first in range(0, resamples, step):
        size = min(step, resamples - first)
        cells = random.integers(0, count, (size, count)) + count * np.arange(size)[:, None]
        yield np.bincount(cells.ravel(), minlength=size * count).reshape(size, count).astype(np.int32)


def spread(chunks: Iterable[Floats]) -> float:
    """The standard deviation of gains that are defined.

    Raises:
        ValueError: half of them or more are not.
    """
    found = np.concatenate(list(chunks))
    kept = found[np.isfinite(found)]
    if 2 * len(kept) <= len(found):
        raise ValueError(
            f"it is undefined in {len(found) - len(kept):,} of {len(found):,} resamples: the rows that it hangs on "
            "are in too few clusters"
        )
    return float((kept - kept[0]).std(ddof=1))  # shifted: equal gains have no spread, to the last bit


def jackknife(gains: Gains, count: int, rows: int) -> Floats:
    """(G,) by how much each cluster moves the gain: what leaving it out does, with the other sign; they add up to 0.

    A cluster without which the gain is undefined is taken to have no influence.
    """
    step = max(1, AT_ONCE // rows)
    left_out = np.concatenate(
        [gains(1 - np.eye(min(step, count - first), count, first, dtype=np.int32)) for first in range(0, count, step)]
    )
    known = np.isfinite(left_out)
    return np.where(known, left_out[known].mean() - left_out, 0.0) if known.any() else np.zeros(count)


def _naive(statistic: Statistic, rows: int, random: np.random.Generator) -> float:
    """The error as if rows were independent, from groups of rows that were put together by chance."""
    groups = min(rows, GROUPS)
    if groups < 2:
        return 0.0
    influence = jackknife(statistic(random.permutation(rows) % groups), groups, rows)
    return float(np.sqrt((influence**2).sum() * (groups - 1) / groups))
