"""Simulated holdouts: two models' differences by day, whose truth is known, and how often each kind of gate passes.

A day has as many rows as the flights have. Only its sum and its spread are drawn, which is all that a mean and its
errors hang on; the gate's own `estimate` gets the sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from weighlock.statistics.paired import Estimate, Units, estimate

Floats = NDArray[np.float64]
ROWS = (700, 1000)  # of a day on the flights, from Saturday to Friday
TIMES_NAIVE = 5.0  # how many times the error by days is the one by rows there
CONFIDENCE = 0.95
RESAMPLES = 1000


@dataclass(frozen=True)
class World:
    """How one row's difference comes about; its variance is 1.

    Attributes:
        shared: the part of the variance that the rows of a day have in common.
        correlation: of one day's common part with that of the day before.
    """

    name: str
    shared: float = 0.0
    correlation: float = 0.0


# (rows a day · shared + 1 - shared) is the ratio of both errors, squared
SHARED = (TIMES_NAIVE**2 - 1) / (sum(ROWS) / 2 - 1)
WORLDS = (
    World("rows independent"),
    World("days as on the flights", SHARED),
    World("days as on the flights, autocorrelated at .4", SHARED, 0.4),
)


@dataclass(frozen=True)
class Holdouts:
    """Simulated holdouts whose true gain is 0.

    Attributes:
        sizes: (days,) rows.
        sums: (holdouts, days) of the rows' gains.
        squares: (holdouts,) of the rows' gains, less their mean, within days.
    """

    sizes: Floats
    sums: Floats
    squares: Floats

    @property
    def means(self) -> Floats:
        """(holdouts,) the gain that is seen."""
        return np.asarray(self.sums.sum(axis=1) / self.sizes.sum())

    @property
    def naive_errors(self) -> Floats:
        """(holdouts,) the standard error as if rows were independent."""
        rows = self.sizes.sum()
        between = (self.sizes * (self.sums / self.sizes - self.means[:, None]) ** 2).sum(axis=1)
        return np.asarray(np.sqrt((self.squares + between) / rows / (rows - 1)))

    def estimates(self, *, ordered: bool) -> list[Estimate]:
        """What the gate makes of each."""
        units = Units(np.arange(len(self.sizes)), ordered)
        influence = (self.sums - self.means[:, None] * self.sizes) / self.sizes.sum()
        return [
            estimate(float(mean), line, units, float(naive))
            for mean, line, naive in zip(self.means, influence, self.naive_errors, strict=True)
        ]


def simulate(random: np.random.Generator, world: World, days: int, holdouts: int) -> Holdouts:
    """Draw holdouts."""
    sizes = random.integers(*ROWS, days, endpoint=True).astype(np.float64)
    effects = autoregressive(random, (holdouts, days), world.correlation) * np.sqrt(world.shared)
    own = 1 - world.shared
    means = effects + random.normal(size=(holdouts, days)) * np.sqrt(own / sizes)
    return Holdouts(sizes, means * sizes, own * random.chisquare(sizes.sum() - days, holdouts))


def autoregressive(random: np.random.Generator, shape: tuple[int, int], correlation: float) -> Floats:
    """(lines, days) with variance 1, each correlated with the one before."""
    days = random.normal(size=shape)
    for day in range(1, shape[1]):
        days[:, day] = correlation * days[:, day - 1] + np.sqrt(1 - correlation**2) * days[:, day]
    return days


def bounds(holdouts: Holdouts, *, ordered: bool = True) -> Floats:
    """(holdouts,) what the gate's lower bounds are; it passes what has one above the border."""
    return np.array([found.lower(CONFIDENCE) for found in holdouts.estimates(ordered=ordered)])


def passes_by_value(holdouts: Holdouts, border: float) -> float:
    """How often `>=` passes."""
    return float(np.mean(holdouts.means >= border))


def passes_by_rows(holdouts: Holdouts, border: float) -> float:
    """How often a bootstrap of rows passes: of 12,000 rows and more its percentiles are the normal's."""
    return float(np.mean(holdouts.means - 1.6449 * holdouts.naive_errors > border))


def passes_by_percentile(random: np.random.Generator, holdouts: Holdouts, border: float) -> float:
    """How often the percentile bootstrap of days passes."""
    days, passed = len(holdouts.sizes), 0
    for lines in np.array_split(holdouts.sums, max(1, len(holdouts.sums) // 200)):
        times = random.multinomial(days, np.full(days, 1 / days), RESAMPLES).astype(np.float64)
        means = (lines @ times.T) / (times @ holdouts.sizes)
        passed += int((np.quantile(means, 1 - CONFIDENCE, axis=1) > border).sum())
    return passed / len(holdouts.sums)
