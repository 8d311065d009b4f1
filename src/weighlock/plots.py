"""What DVC draws: small tables, one a plot, that git can hold and compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from weighlock.statistics.metrics import Scored, calibration_curve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

POINTS = 200
HISTOGRAM_BINS = 40
NAMES = {
    "binary": ("roc", "precision_recall", "calibration", "confusion", "scores"),
    "multiclass": ("roc", "precision_recall", "calibration", "confusion", "scores"),
    "regression": ("calibration", "residuals", "scores"),
}


def plots_of(model: Scored, bins: int, classes: Sequence[str] | None) -> dict[str, pd.DataFrame]:
    """Each plot's table by name; multiclass curves are of all classes together, each row once for each class."""
    if model.task == "regression":
        residuals = model.truth - model.scores
        return {
            "calibration": _calibration(model.truth, model.scores, bins),
            "residuals": _histogram({"residual": residuals}, "residual"),
            "scores": _histogram({"truth": model.truth, "predicted": model.scores}, "value"),
        }
    probabilities = model.probabilities
    names = list(classes or ())
    if model.task == "binary":
        hits, scores = model.truth, model.scores
        by_truth = {f"truth {names[k]}": model.scores[model.truth == k] for k in (1, 0)}
    else:
        hits, scores = np.eye(len(names))[model.truth].ravel(), probabilities.ravel()
        right = model.labels == model.truth
        top = probabilities.max(axis=1)
        by_truth = {"top class right": top[right], "top class wrong": top[~right]}
    return {
        "roc": _roc(hits, scores),
        "precision_recall": _precision_recall(hits, scores),
        "calibration": _calibration(hits, scores, bins),
        "confusion": _confusion(model.truth, model.labels, names),
        "scores": _histogram(by_truth, "score", (0.0, 1.0)),
    }


def _thin(table: pd.DataFrame) -> pd.DataFrame:
    keep = np.unique(np.linspace(0, len(table) - 1, POINTS).round().astype(int))
    return table.iloc[keep]


def _roc(hits: NDArray[Any], scores: NDArray[Any]) -> pd.DataFrame:
    from sklearn.metrics import roc_curve

    false, true, _ = roc_curve(hits, scores)
    return _thin(pd.DataFrame({"false_positive_rate": false, "true_positive_rate": true}))


def _precision_recall(hits: NDArray[Any], scores: NDArray[Any]) -> pd.DataFrame:
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(hits, scores)
    return _thin(pd.DataFrame({"recall": recall, "precision": precision})[::-1])


def _calibration(truth: NDArray[Any], scores: NDArray[Any], bins: int) -> pd.DataFrame:
    curve = calibration_curve(np.asarray(truth, dtype=float), np.asarray(scores, dtype=float), bins)
    return pd.DataFrame(curve, columns=["predicted", "observed", "rows"])


def _confusion(truth: NDArray[Any], labels: NDArray[Any], names: list[str]) -> pd.DataFrame:
    counts = np.zeros((len(names), len(names)), dtype=int)
    np.add.at(counts, (truth, labels), 1)
    cells = [(a, p, int(counts[i, j])) for i, a in enumerate(names) for j, p in enumerate(names)]
    return pd.DataFrame(cells, columns=["actual", "predicted", "rows"])


def _histogram(groups: dict[str, NDArray[Any]], name: str, span: tuple[float, float] | None = None) -> pd.DataFrame:
    """Shares of rows in bins of equal width, by group."""
    values = np.concatenate([np.asarray(v, dtype=float) for v in groups.values()])
    low, high = span or (float(values.min()), float(values.max()))
    edges = np.linspace(low, high if high > low else low + 1, HISTOGRAM_BINS + 1)
    tables = []
    for group, part in groups.items():
        counts, _ = np.histogram(part, bins=edges)
        tables.append(
            pd.DataFrame({name: (edges[:-1] + edges[1:]) / 2, "share": counts / max(len(part), 1), "group": group})
        )
    return pd.concat(tables)
