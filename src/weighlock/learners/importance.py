"""Importance: how much worse the model gets when one feature is shuffled among rows (Breiman, 2001)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from weighlock.conform import truth
from weighlock.learners.recipe import Model, matrix
from weighlock.statistics.metrics import Metric, Scored

if TYPE_CHECKING:
    import pandas as pd

MAX_ROWS = 20_000


def permutation_importance(model: Model, rows: pd.DataFrame, metric: Metric, seed: int) -> dict[str, Any]:
    """By feature, the metric's loss when it is shuffled; the largest first.

    Args:
        model: trained on other rows than these.
        rows: (n, …) as `conform` makes them; at most 20,000 of them, drawn at random, are used.
    """
    random = np.random.default_rng(seed)
    if len(rows) > MAX_ROWS:
        rows = rows.iloc[np.sort(random.choice(len(rows), MAX_ROWS, replace=False))]
    X, y = matrix(rows, model.schema).reset_index(drop=True), truth(rows, model.schema)
    threshold = model.recipe.threshold
    whole = metric(Scored(model.schema.task, y, model.score(X), threshold))
    losses = {}
    for name in X.columns:
        shuffled = X.copy(deep=False)
        shuffled[name] = random.permutation(X[name].to_numpy())
        losses[name] = round(
            metric.gain(whole, metric(Scored(model.schema.task, y, model.score(shuffled), threshold))), 6
        )
    ranked = sorted(losses.items(), key=lambda item: (-item[1], item[0]))
    return {"metric": metric.name, "rows": len(X), "score": round(whole, 6), "features": dict(ranked)}
