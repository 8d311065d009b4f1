"""Permutation importance: what the model uses counts, what it does not use is zero."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from weighlock.learners import importance
from weighlock.learners.importance import permutation_importance
from weighlock.learners.recipe import Recipe
from weighlock.schema import Schema
from weighlock.statistics.metrics import find_metric


def schema(*names: str) -> Schema:
    return Schema.model_validate(
        {"task": "regression", "target": "y", "features": {name: {"type": "number"} for name in names}}
    )


def table(seed: int = 0, **columns: float) -> pd.DataFrame:
    """y is the weighted sum of independent columns."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({name: random.normal(size=400) for name in columns})
    return frame.assign(y=sum(frame[name] * weight for name, weight in columns.items()))


def test_importance_is_the_loss_by_shuffling() -> None:
    rows = table(strong=3.0, weak=1.0, unused=0.0)
    names = schema("strong", "weak", "unused")
    model = Recipe("linear", {"C": 1e6}, 7, 3).fit(rows, names)

    report = permutation_importance(model, rows, find_metric("rmse", "regression"), seed=7)

    # shuffling x in y = w x + … makes an error of w (x - x'), whose spread is w times the square root of two
    assert list(report["features"]) == ["strong", "weak", "unused"]
    assert report["features"]["strong"] == pytest.approx(3 * np.sqrt(2), rel=0.1)
    assert report["features"]["weak"] == pytest.approx(np.sqrt(2), rel=0.1)
    assert report["features"]["unused"] == pytest.approx(0, abs=1e-4)
    assert (report["metric"], report["rows"], report["score"]) == ("rmse", 400, pytest.approx(0, abs=1e-4))


def test_importance_is_positive_whichever_way_the_metric_goes() -> None:
    rows = table(strong=3.0, weak=1.0)
    model = Recipe("linear", {"C": 1e6}, 7, 3).fit(rows, schema("strong", "weak"))

    for name in ("rmse", "r2"):
        features = permutation_importance(model, rows, find_metric(name, "regression"), seed=7)["features"]
        assert features["strong"] > features["weak"] > 0.05


def test_equally_important_features_are_in_order_of_their_names() -> None:
    rows = table(a=1.0, b=1.0)
    model = Recipe("linear", {}, 7, 3).fit(rows, schema("b", "a"))
    constant = replace(model, pipeline=Constant())

    report = permutation_importance(constant, rows, find_metric("rmse", "regression"), seed=7)

    assert list(report["features"].items()) == [("a", 0.0), ("b", 0.0)]


class Constant:
    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return np.zeros(len(X))


def test_at_most_so_many_rows_are_used_and_the_seed_draws_them(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = table(x=1.0, z=0.5)
    model = Recipe("linear", {"C": 0.001}, 7, 3).fit(rows, schema("x", "z"))
    monkeypatch.setattr(importance, "MAX_ROWS", 50)
    metric = find_metric("rmse", "regression")

    once, again, other = (permutation_importance(model, rows, metric, seed) for seed in (1, 1, 2))

    assert once["rows"] == 50
    assert once == again
    assert once != other


def test_every_kind_of_feature_and_any_name(trained: Callable) -> None:
    t = trained("binary", "lightgbm")

    report = permutation_importance(t.model, t.rows, find_metric("log_loss", "binary"), seed=7)

    assert set(report["features"]) == set(t.schema.features)
    assert report["features"]["size"] > 0.01

    rows = table(**{"self": 2.0, "a b": 1.0})
    model = Recipe("linear", {}, 7, 3).fit(rows, schema("self", "a b"))
    assert list(permutation_importance(model, rows, find_metric("mae", "regression"), 7)["features"]) == ["self", "a b"]


def test_the_rows_themselves_are_left_alone(trained: Callable) -> None:
    t = trained("binary", "linear")
    before = t.rows.copy()

    permutation_importance(t.model, t.rows, find_metric("roc_auc", "binary"), seed=7)

    pd.testing.assert_frame_equal(t.rows, before)
