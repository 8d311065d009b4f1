"""Losses of logged rows between 0 and 1, which bounds that hold for ever need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from weighlock.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weighlock.deployment.judge_policy import Loss

METRICS = {
    "binary": ("brier", "log_loss"),
    "multiclass": ("brier", "log_loss"),
    "regression": ("absolute_error", "squared_error"),
}
# (n, k) scores and (n,) truths to (n,) losses; NaN where there is no truth, or none of the model's
LossOf: TypeAlias = "Callable[[NDArray[np.float64], NDArray[Any]], NDArray[np.float64]]"
_LEAST_PROBABILITY = 1e-15


def loss_of(task: str, classes: Sequence[str] | None, logged: Sequence[str], params: Loss) -> LossOf:
    """How a row's loss is computed, in shares of `cap`.

    Args:
        task: of the model.
        classes: of the model; the last of two is the one whose probability is the score.
        logged: the classes in the order of a logged row's scores.
        params: which loss.

    Raises:
        ConfigError: it is none of the task's.
    """
    if params.metric not in METRICS[task]:
        raise ConfigError(
            f"`deploy.judge.loss.metric` is `{params.metric}`, but the task is {task}. "
            f"Choose one of {', '.join(METRICS[task])}."
        )
    if task == "regression":
        return partial(_of_numbers, params)
    return partial(_of_classes, params, list(classes or ()) if task == "binary" else list(logged))


def _of_numbers(params: Loss, scores: NDArray[np.float64], truths: NDArray[Any]) -> NDArray[np.float64]:
    told = np.array([np.nan if t is None or isinstance(t, str | bool) else float(t) for t in truths], dtype=float)
    errors = np.abs(scores[:, 0] - told)
    return np.asarray(np.minimum(errors if params.metric == "absolute_error" else errors**2, params.cap) / params.cap)


def _of_classes(
    params: Loss, names: list[str], scores: NDArray[np.float64], truths: NDArray[Any]
) -> NDArray[np.float64]:
    chances = np.hstack([1 - scores, scores]) if scores.shape[1] == 1 else scores
    told = np.array([names.index(name) if (name := _name(t)) in names else -1 for t in truths], dtype=np.int64)
    true = told[:, None] == np.arange(len(names))
    if params.metric == "brier":
        losses = ((chances - true) ** 2).sum(axis=1) / 2
    else:
        chance = np.maximum((chances * true).sum(axis=1), _LEAST_PROBABILITY)
        losses = np.minimum(-np.log(chance), params.cap) / params.cap
    return np.where(told < 0, np.nan, losses)


def _name(truth: Any) -> str:
    """A class as the service names it: true is `true`, 1 is `1`."""
    if isinstance(truth, bool):
        return str(truth).lower()
    return f"{truth:g}" if isinstance(truth, float) else str(truth)
