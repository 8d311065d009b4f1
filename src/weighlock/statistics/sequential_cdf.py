"""Two distributions, looked at whenever one likes: the largest distance of their distribution functions, bounded.

Howard & Ramdas (2022, theorem 2): an empirical distribution function stays within a band of iterated-logarithm width
around the true one, everywhere and for ever. Two bands bound Kolmogorov and Smirnov's distance from both sides.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from weighlock.statistics.sequential import crossing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weighlock.statistics.sequential import Floats

WIDTH = 0.85  # A of the theorem; its authors' choice
FIRST = 100  # values before which nothing is said: the later that is, the narrower the band after it


def distance(candidate: Floats, stable: Floats) -> float:
    """Kolmogorov and Smirnov's distance of two samples, (n,) and (m,), none of them empty."""
    candidate, stable = np.sort(candidate), np.sort(stable)
    every = np.concatenate([candidate, stable])
    below = [np.searchsorted(sample, every, side="right") / len(sample) for sample in (candidate, stable)]
    return float(np.abs(below[0] - below[1]).max())


def distance_bounds(candidate: Floats, stable: Floats, alpha: float) -> tuple[float, float]:
    """The lower and upper bound of the distance, together wrong ever with a probability of at most `alpha`."""
    if not min(len(candidate), len(stable)):
        return 0.0, 1.0
    both = float(band(np.array([len(candidate), len(stable)]), alpha / 2).sum())
    seen = distance(candidate, stable)
    return max(0.0, seen - both), min(1.0, seen + both)


def band(counts: NDArray[np.int64], alpha: float, first: int = FIRST) -> Floats:
    """(n,) the band's half width after so many values; 1 before the first."""
    late = np.maximum(counts, first)
    width = WIDTH * np.sqrt((np.log1p(np.log(late / first)) + _constant(alpha)) / late)
    return np.where(counts < first, 1.0, np.minimum(width, 1.0))


@cache
def _constant(alpha: float) -> float:
    """C of the theorem, at the best of the ways in which its proof may cut time into epochs."""
    eta = np.linspace(1, 2 * WIDTH**2, 4001)[1:-1]

    def errs(constant: Floats) -> Floats:
        gamma = np.sqrt(2 / eta) * (WIDTH - np.sqrt(2 * (eta - 1) / constant[:, None]))
        extra = np.where(gamma > 1, gamma, np.inf) ** 2 - 1
        logs = np.log(4) - gamma**2 * constant[:, None] + np.log1p(1 / (extra * np.log(eta)))
        return np.asarray(-np.where(gamma > 1, logs, np.inf).min(axis=1))

    return float(crossing(errs, np.array([3.0]), np.array([1000.0]), -np.log(alpha))[0])
