"""Metrics that know their direction, so that nowhere stands a bare `>=`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[Any]
Function = Callable[["Scored"], float]
CLIP = 1e-7  # float32 cannot tell probabilities from 0 or 1 beyond this


@dataclass(frozen=True)
class Scored:
    """Rows with their truth and their scores, as every metric takes them.

    Attributes:
        task: binary, multiclass or regression.
        truth: (n,) 0/1 for binary, the class's number for multiclass, the value for regression.
        scores: (n,) the positive class's probability, or the value; (n, classes) probabilities for multiclass.
        threshold: for binary: a score from here on is labelled positive.
    """

    task: str
    truth: NDArray[Any]
    scores: Scores
    threshold: float | None = None

    @property
    def probabilities(self) -> Scores:
        """(n, classes), each row summing to one."""
        scores = np.asarray(self.scores, dtype=np.float64)
        return np.column_stack([1 - scores, scores]) if scores.ndim == 1 else scores

    @property
    def labels(self) -> NDArray[Any]:
        """(n,) the class that the scores amount to."""
        if self.task == "binary":
            return (self.scores >= (0.5 if self.threshold is None else self.threshold)).astype(int)
        return np.asarray(self.scores.argmax(axis=1))


@dataclass(frozen=True)
class Metric:
    """A figure of merit: what it is called, which way is better, and where it applies."""

    name: str
    better: Literal["higher", "lower"]
    tasks: tuple[str, ...]
    function: Function

    def __call__(self, scored: Scored) -> float:
        """The metric of these rows."""
        return float(self.function(scored))

    def gain(self, challenger: float, champion: float) -> float:
        """By how much the challenger is better; negative where it is worse."""
        return challenger - champion if self.better == "higher" else champion - challenger


def log_losses(scored: Scored) -> NDArray[np.float64]:
    """(n,) minus the log of the probability that each row's truth was given."""
    given = scored.probabilities[np.arange(len(scored.truth)), scored.truth.astype(int)]
    return np.asarray(-np.log(np.clip(given, CLIP, 1.0)))


def brier_scores(scored: Scored) -> NDArray[np.float64]:
    """(n,) squared distance of the probabilities from the truth; binary: of the positive one alone (Brier, 1950)."""
    if scored.scores.ndim == 1:
        return np.asarray((np.asarray(scored.scores, dtype=np.float64) - scored.truth) ** 2)
    hot = np.eye(scored.scores.shape[1])[scored.truth.astype(int)]
    return np.asarray(((scored.probabilities - hot) ** 2).sum(axis=1))


def calibration_curve(truth: NDArray[Any], scores: Scores, bins: int) -> list[tuple[float, float, int]]:
    """(mean score, mean truth, rows) of each of `bins` groups of equal size, in order of the scores.

    Rows of equal score count with their mean truth, wherever a border cuts them: their own order says nothing.
    """
    _, level = np.unique(scores, return_inverse=True)
    expected = (np.bincount(level, weights=truth) / np.bincount(level))[level]
    return [
        (float(scores[g].mean(dtype=np.float64)), float(expected[g].mean()), len(g))
        for g in np.array_split(np.argsort(scores, kind="stable"), min(bins, len(scores)))
    ]


def expected_calibration_error(scored: Scored, bins: int = 10) -> float:
    """Mean distance of score and frequency over bins of equal size (Naeini et al., 2015).

    Multiclass: of the top class.
    """
    if scored.task == "binary":
        truth, scores = scored.truth, scored.scores
    else:
        truth, scores = (scored.labels == scored.truth).astype(float), scored.scores.max(axis=1)
    curve = calibration_curve(np.asarray(truth, dtype=float), np.asarray(scores, dtype=float), bins)
    return sum(n * abs(s - t) for s, t, n in curve) / len(truth)


def _sklearn(name: str, of: Literal["probabilities", "labels", "scores"], **options: Any) -> Function:
    def function(scored: Scored) -> float:
        import sklearn.metrics

        return float(getattr(sklearn.metrics, name)(scored.truth, getattr(scored, of), **options))

    return function


def _one_vs_rest(name: str) -> Function:
    """The mean over classes that occur, each against the rest."""

    def function(scored: Scored) -> float:
        import sklearn.metrics

        score = getattr(sklearn.metrics, name)
        truth = scored.truth.astype(int)
        columns = [1] if scored.task == "binary" else sorted(set(truth.tolist()))
        return float(np.mean([score(truth == k, scored.probabilities[:, k]) for k in columns]))

    return function


def _macro(name: str) -> Function:
    """The mean over classes that occur: one row called by an absent class's name does not count as a whole class."""

    def function(scored: Scored) -> float:
        import sklearn.metrics

        score = getattr(sklearn.metrics, name)
        occurring = np.unique(scored.truth)
        return float(score(scored.truth, scored.labels, labels=occurring, average="macro", zero_division=0))

    return function


def _quantile_loss(quantile: float) -> Function:
    return _sklearn("mean_pinball_loss", "scores", alpha=quantile)


_CLASSIFY = ("binary", "multiclass")
_ALL = {
    metric.name: metric
    for metric in (
        Metric("log_loss", "lower", _CLASSIFY, lambda s: float(log_losses(s).mean())),
        Metric("roc_auc", "higher", _CLASSIFY, _one_vs_rest("roc_auc_score")),
        Metric("average_precision", "higher", _CLASSIFY, _one_vs_rest("average_precision_score")),
        Metric("brier", "lower", _CLASSIFY, lambda s: float(brier_scores(s).mean())),
        Metric("calibration_error", "lower", _CLASSIFY, expected_calibration_error),
        Metric("accuracy", "higher", _CLASSIFY, _sklearn("accuracy_score", "labels")),
        Metric("precision", "higher", ("binary",), _sklearn("precision_score", "labels", zero_division=0)),
        Metric("recall", "higher", ("binary",), _sklearn("recall_score", "labels", zero_division=0)),
        Metric("f1", "higher", ("binary",), _sklearn("f1_score", "labels", zero_division=0)),
        Metric("macro_precision", "higher", ("multiclass",), _macro("precision_score")),
        Metric("macro_recall", "higher", ("multiclass",), _macro("recall_score")),
        Metric("macro_f1", "higher", ("multiclass",), _macro("f1_score")),
        Metric("rmse", "lower", ("regression",), _sklearn("root_mean_squared_error", "scores")),
        Metric("mae", "lower", ("regression",), _sklearn("mean_absolute_error", "scores")),
        Metric("r2", "higher", ("regression",), _sklearn("r2_score", "scores")),
        Metric("pinball_10", "lower", ("regression",), _quantile_loss(0.1)),
        Metric("pinball_50", "lower", ("regression",), _quantile_loss(0.5)),
        Metric("pinball_90", "lower", ("regression",), _quantile_loss(0.9)),
    )
}  # fmt: skip


def metrics_of(task: str) -> list[Metric]:
    """Every metric that applies to a task, in the order of reports."""
    return [metric for metric in _ALL.values() if task in metric.tasks]


def find_metric(name: str, task: str) -> Metric:
    """The metric of a name.

    Raises:
        KeyError: there is none for this task; the message lists those that there are.
    """
    names = [m.name for m in metrics_of(task)]
    if name not in names:
        raise KeyError(f"`{name}` is no metric of {task}; there are {', '.join(names)}")
    return _ALL[name]
