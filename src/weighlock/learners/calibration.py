"""Calibration: one slope and an offset a class on the log scale (Platt, 1999; Guo et al., 2017), in plain numbers.

Plain numbers can be carried from the weighed to the served model, and into the ONNX file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from weighlock.statistics.metrics import CLIP

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MIN_SLOPE = 0.05  # a map that turns scores around or flattens them is no calibration


@dataclass(frozen=True)
class Calibration:
    """Probabilities p become softmax(slope · log p + offsets)."""

    slope: float
    offsets: tuple[float, ...]

    def apply(self, probabilities: NDArray[Any]) -> NDArray[np.float64]:
        """(n, classes) to (n, classes)."""
        return np.asarray(_softmax(self.slope * _log(probabilities) + np.asarray(self.offsets)))

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Calibration:
        """The inverse of `dataclasses.asdict`."""
        return cls(slope=float(content["slope"]), offsets=tuple(map(float, content["offsets"])))


def fit_calibration(truth: NDArray[Any], probabilities: NDArray[Any]) -> Calibration:
    """The calibration with the lowest log loss on rows that the model was not trained on.

    Args:
        truth: (n,) the class's number.
        probabilities: (n, classes).
    """
    from scipy.optimize import minimize

    logs = _log(probabilities)
    rows, classes = logs.shape
    hot = np.eye(classes)[truth]

    def loss(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        offsets = np.concatenate([[0.0], theta[1:]])
        p = _softmax(theta[0] * logs + offsets)
        residual = (p - hot) / rows
        value = -np.log(np.clip((p * hot).sum(axis=1), CLIP, 1)).mean()
        return float(value), np.concatenate([[(residual * logs).sum()], residual.sum(axis=0)[1:]])

    start = np.concatenate([[1.0], np.zeros(classes - 1)])
    bounds = [(_MIN_SLOPE, 20.0), *[(-5.0, 5.0)] * (classes - 1)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    # six digits say all there is to say, and survive JSON unchanged
    return Calibration(round(float(found[0]), 6), (0.0, *(round(float(b), 6) for b in found[1:])))


def _log(probabilities: NDArray[Any]) -> NDArray[np.float64]:
    return np.log(np.clip(np.asarray(probabilities, dtype=np.float64), CLIP, 1.0))


def _softmax(x: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))
