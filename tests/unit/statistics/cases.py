"""Random models of every task, with ties and with clusters of every size, for tests of statistics."""

from __future__ import annotations

import numpy as np

from weighlock.statistics.metrics import Scored

BOOTSTRAPPED = [
    ("binary", "average_precision"), ("binary", "calibration_error"), ("binary", "precision"), ("binary", "recall"),
    ("binary", "f1"), ("multiclass", "average_precision"), ("multiclass", "calibration_error"),
    ("multiclass", "macro_precision"), ("multiclass", "macro_recall"), ("multiclass", "macro_f1"),
    ("regression", "rmse"), ("regression", "r2"),
]  # fmt: skip


def two_models(task: str, seed: int, rows: int = 60, decimals: int = 1) -> tuple[Scored, Scored]:
    """Two models' scores of the same rows; with one decimal there are many ties, and every class occurs."""
    random = np.random.default_rng(seed)
    if task == "regression":
        truth = np.round(random.normal(size=rows), decimals)
        return Scored(task, truth, truth + random.normal(size=rows)), Scored(task, truth, random.normal(size=rows))
    if task == "multiclass":
        truth = np.append([0, 1, 2], random.integers(0, 3, rows - 3))
        drawn = [random.dirichlet(np.ones(4), rows) + 0.3 * np.eye(4)[truth] for _ in range(2)]
        rounded = [np.round(each / each.sum(axis=1, keepdims=True), decimals) for each in drawn]
        return Scored(task, truth, rounded[0]), Scored(task, truth, rounded[1])
    truth = np.append([0, 1], random.integers(0, 2, rows - 2))
    first, second = (np.round(0.3 * truth + 0.7 * random.random(rows), decimals) for _ in range(2))
    return Scored(task, truth, first, 0.4), Scored(task, truth, second, 0.6)


def some_clusters(seed: int, rows: int = 60, count: int = 5) -> np.ndarray:
    """(n,) clusters of unequal size, none of which is empty."""
    random = np.random.default_rng(seed)
    return np.concatenate([np.arange(count), random.integers(0, count, rows - count)])


def repeated(scored: Scored, times: np.ndarray) -> Scored:
    """Each row as often as it counts."""
    return Scored(
        scored.task, np.repeat(scored.truth, times), np.repeat(scored.scores, times, axis=0), scored.threshold
    )
