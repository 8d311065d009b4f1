"""What always-valid statistics share: solving for where evidence becomes enough, and mixtures in logarithms.

Everything in `sequential*.py` may be looked at after every observation: the probability that a true hypothesis is
*ever* rejected, at any of all looks, is at most alpha (Ville's inequality for a test martingale that starts at 1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_STEPS = 60


def enough(alpha: float) -> float:
    """How large the logarithm of the evidence (of an e-value) has to be to reject at `alpha`."""
    return float(-np.log(alpha))


def crossing(rises: Callable[[Floats], Floats], low: Floats, high: Floats, level: float | Floats = 0.0) -> Floats:
    """Where each of some rising functions reaches a level, by bisection.

    Args:
        rises: values (n,) of the functions at (n,) places.
        low: (n,) places where the level is not reached.
        high: (n,) places where it is; what comes out is on this side.
        level: of all functions, or of each.
    """
    low, high = np.array(low, dtype=np.float64), np.array(high, dtype=np.float64)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        reached = rises(middle) >= level
        high, low = np.where(reached, middle, high), np.where(reached, low, middle)
    return high


def log_sum(logs: Floats, axis: int = -1) -> Floats:
    """The logarithm of a sum of exponentials; -inf where all are."""
    most = np.max(logs, axis=axis, keepdims=True)
    most = np.where(np.isfinite(most), most, 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(np.squeeze(most, axis) + np.log(np.sum(np.exp(logs - most), axis=axis)))
