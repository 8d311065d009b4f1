"""Verdicts on challengers that harm nowhere, and on one that harms a single slice."""

from __future__ import annotations

from collections import Counter

import numpy as np

from benchmarks.gate_simulation import Floats, World, autoregressive
from weighlock.decisions.gate import decide
from weighlock.decisions.verdict import Comparison, Demand, Kind
from weighlock.statistics.paired import Units, estimate

DAYS, ROWS, SLICES = 28, 930, 20
KINDS: tuple[Kind, ...] = ("primary", "guard", "guard", "guard", "guard")
MARGIN = 1.0  # of each demand, in a row's spread: it has no part in FAIL


def outcomes(random: np.random.Generator, world: World, weighings: int, harm: float = 0.0) -> Counter[str]:
    """How often each outcome comes of weighing a challenger that is equal in everything.

    Args:
        random: where chance comes from.
        world: how rows and days differ.
        weighings: how many.
        harm: by how many standard errors the first slice is worse, after all.
    """
    shares = np.linspace(3, 1, SLICES)
    sizes = np.round(ROWS * shares / shares.sum())
    units = Units(np.arange(DAYS), ordered=True)
    found: Counter[str] = Counter()
    for _ in range(weighings):
        metrics = [_days(random, world, sizes) for _ in KINDS]
        # guards look at the same predictions: each has most of its variance in common with the primary metric
        metrics[1:] = [0.8 * metrics[0] + 0.6 * own for own in metrics[1:]]
        slices = metrics[0].copy()
        slices[:, 0] -= harm * np.sqrt((world.shared + (1 - world.shared) / sizes[0]) / DAYS)
        demands = [
            Demand(
                _compare("guard" if i else "primary", f"metric {i}", days @ sizes / sizes.sum(), units, MARGIN), 0.95
            )
            for i, days in enumerate(metrics)
        ]
        vetoes = [_compare("slice", f"slice {i}", slices[:, i], units, 0.0) for i in range(SLICES)]
        found[decide(demands, vetoes, []).outcome] += 1
    return found


def _days(random: np.random.Generator, world: World, sizes: Floats) -> Floats:
    """(days, slices) mean gains: what a day's rows have in common, and what each has by itself."""
    common = autoregressive(random, (1, DAYS), world.correlation).T * np.sqrt(world.shared)
    return np.asarray(common + random.normal(size=(DAYS, SLICES)) * np.sqrt((1 - world.shared) / sizes))


def _compare(kind: Kind, name: str, days: Floats, units: Units, margin: float) -> Comparison:
    mean = float(days.mean())
    gain = estimate(mean, (days - mean) / len(days), units, 0.0)
    return Comparison(kind, name, 0.5, 0.5 - mean, gain, margin)
