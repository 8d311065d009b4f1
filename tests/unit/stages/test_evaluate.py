"""Evaluate: metrics beside what someone without a model would say, and every slice by itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from weighlock.config import parse
from weighlock.conform import truth
from weighlock.errors import ConfigError, DataError
from weighlock.files import to_json
from weighlock.params import EvaluateParams
from weighlock.schema import Schema
from weighlock.scoring import Scorer
from weighlock.stages.evaluate import baseline_scores, evaluate, evaluate_slices, predictions, sliced
from weighlock.statistics.metrics import Scored


def params(*slices: str, most: int = 12) -> EvaluateParams:
    content = {"baseline": "last", "slices": list(slices), "max_slices": most, "bins": 10}
    return parse(content, EvaluateParams, "params.yaml")


def scored(task: str, truth: list, scores: list, threshold: float | None = None) -> Scored:
    return Scored(task, np.array(truth), np.array(scores), threshold)


# --- the baseline

MEANS = {"train": {"rows": 300, "mean": 0.2}, "validation": {"rows": 100, "mean": 0.4}, "holdout": {"mean": 0.9}}
SHARES = {
    "train": {"rows": 300, "shares": {"low": 0.5, "high": 0.5}},
    "validation": {"rows": 100, "shares": {"low": 0.1, "middle": 0.6, "high": 0.3}},
}


@pytest.mark.parametrize("task", ["binary", "regression"])
@pytest.mark.parametrize(("kind", "expected"), [("prior", (300 * 0.2 + 100 * 0.4) / 400), ("last", 0.4)])
def test_the_baseline_is_the_rate_before_the_holdout(
    task: str, kind: str, expected: float, schema_of: Callable
) -> None:
    assert baseline_scores(schema_of(task), MEANS, kind, 3) == pytest.approx(np.full(3, expected))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("prior", [(150 + 10) / 400, 60 / 400, (150 + 30) / 400]), ("last", [0.1, 0.6, 0.3])],
)
def test_the_baseline_of_classes_is_their_shares_in_the_schemas_order(
    kind: str, expected: list[float], schema_of: Callable
) -> None:
    scores = baseline_scores(schema_of("multiclass"), SHARES, kind, 2)

    assert scores == pytest.approx(np.array([expected] * 2), abs=1e-5)
    assert scores.sum(axis=1) == pytest.approx(np.ones(2))


def test_a_class_that_was_absent_is_rare_to_the_baseline_but_not_impossible(schema_of: Callable) -> None:
    split = {"validation": {"rows": 10, "shares": {"low": 0.5, "high": 0.5}}}

    scores = baseline_scores(schema_of("multiclass"), split, "last", 1)

    assert 0 < scores[0, 1] < 1e-5


# --- metrics


def test_binary_metrics_by_hand(schema_of: Callable) -> None:
    model = scored("binary", [1, 0, 1, 0], [0.8, 0.4, 0.5, 0.1], 0.45)
    baseline = scored("binary", [1, 0, 1, 0], [0.5] * 4, 0.45)

    report = evaluate(model, baseline, schema_of("binary"))

    assert (report["rows"], report["positives"], report["threshold"]) == (4, 2, 0.45)
    assert report["model"]["log_loss"] == round(float(-np.log(0.8 * 0.6 * 0.5 * 0.9) / 4), 6)
    assert report["model"]["accuracy"] == 1.0
    assert report["baseline"] == {
        "log_loss": 0.693147, "roc_auc": 0.5, "average_precision": 0.5, "brier": 0.25, "calibration_error": 0.0,
        "accuracy": 0.5, "precision": 0.5, "recall": 1.0, "f1": 0.666667,
    }  # fmt: skip
    assert json.loads(to_json(report)) == report


def test_multiclass_metrics_by_class(schema_of: Callable) -> None:
    # truth: low low middle; called: low middle middle; high occurs in neither
    scores = [[0.7, 0.2, 0.1], [0.3, 0.5, 0.2], [0.2, 0.6, 0.2]]
    model = scored("multiclass", [0, 0, 1], scores)

    report = evaluate(model, model, schema_of("multiclass"))

    assert report["classes"] == {
        "low": {"rows": 2, "precision": 1.0, "recall": 0.5, "f1": 0.666667},
        "middle": {"rows": 1, "precision": 0.5, "recall": 1.0, "f1": 0.666667},
        "high": {"rows": 0, "precision": 0.0, "recall": 0.0, "f1": 0.0},
    }
    assert report["model"]["macro_recall"] == 0.75
    assert report["model"] == report["baseline"]
    assert "positives" not in report


def test_regression_metrics_by_hand(schema_of: Callable) -> None:
    model = scored("regression", [1.0, 2.0, 3.0], [1.0, 2.0, 5.0])
    baseline = scored("regression", [1.0, 2.0, 3.0], [2.0, 2.0, 2.0])

    report = evaluate(model, baseline, schema_of("regression"))

    assert report["model"]["mae"] == round(2 / 3, 6)
    assert report["model"]["rmse"] == round(float(np.sqrt(4 / 3)), 6)
    assert report["baseline"]["r2"] == 0.0
    assert list(report) == ["rows", "model", "baseline"]


# --- slices


def test_slices_by_hand() -> None:
    model = scored("binary", [1, 0, 1, 1], [0.8, 0.2, 0.6, 0.4], 0.5)
    labels = pd.DataFrame({"port": ["north", "north", "south", "south"], "kind": ["a", "a", "a", "(missing)"]})

    report = evaluate_slices(model, labels)

    assert [(r["column"], r["slice"], r["rows"], r["mean_truth"], r["mean_score"]) for r in report] == [
        ("port", "north", 2, 0.5, 0.5),
        ("port", "south", 2, 1.0, 0.5),
        ("kind", "(missing)", 1, 1.0, 0.4),
        ("kind", "a", 3, 0.666667, 0.533333),
    ]
    assert report[0]["log_loss"] == round(float(-np.log(0.8 * 0.8) / 2), 6)
    assert report[1]["brier"] == round((0.16 + 0.36) / 2, 6)
    # one class alone has no order
    assert [r["roc_auc"] for r in report] == [1.0, None, None, 1.0]
    assert json.loads(to_json(report)) == report


def test_the_rows_of_a_columns_slices_add_up(trained: Callable) -> None:
    t = trained("multiclass", "linear")
    model = Scored("multiclass", truth(t.rows, t.schema), Scorer(t.content, t.signature).score(t.rows))
    labels = sliced(t.rows, t.schema, params("kind", "new", "count", "weight", most=3))

    report = evaluate_slices(model, labels)

    for column in ("kind", "new", "count", "weight"):
        parts = [r for r in report if r["column"] == column]
        assert sum(r["rows"] for r in parts) == 240
        assert sum(r["rows"] * r["accuracy"] for r in parts) / 240 == pytest.approx(
            (model.labels == model.truth).mean(), abs=1e-5
        )
        assert set(parts[0]) == {"column", "slice", "rows", "log_loss", "accuracy"}


def test_slices_of_values_have_their_errors() -> None:
    model = scored("regression", [1.0, 2.0, 3.0], [1.0, 4.0, 3.5])

    report = evaluate_slices(model, pd.DataFrame({"c": ["x", "y", "y"]}))

    assert report[1] == {
        "column": "c", "slice": "y", "rows": 2, "mean_truth": 2.5, "mean_score": 3.75,
        "rmse": round(float(np.sqrt((4 + 0.25) / 2)), 6), "mae": 1.25,
    }  # fmt: skip


def test_labels_keep_the_rows_index(rows_of: Callable, schema_of: Callable) -> None:
    rows = rows_of("binary").tail(40)

    labels = sliced(rows, schema_of("binary"), params("port", "new"))

    assert labels.index.equals(rows.index)
    assert labels["port"].tolist() == rows["port"].tolist()


@pytest.mark.parametrize(
    ("others", "name", "said"),
    [
        ({}, "carrier", "`evaluate.slices` names `carrier`, which is no column"),
        ({}, "target", "names `target`, which is no column"),
        ({"truth": {"type": "number"}}, "truth", "names `truth`, but predictions use that name"),
        ({"score_low": {"type": "number"}}, "score_low", "names `score_low`, but predictions use that name"),
    ],
)
def test_a_slice_that_cannot_be_is_refused(
    others: dict, name: str, said: str, rows_of: Callable, schema_of: Callable
) -> None:
    with pytest.raises(ConfigError, match=said):
        sliced(rows_of("binary"), schema_of("binary", others=others), params("port", name))


# --- predictions


def few(task: str, rows_of: Callable, schema_of: Callable, **change: Any) -> tuple[pd.DataFrame, Schema, pd.DataFrame]:
    rows, schema = rows_of(task, 3), schema_of(task, **change)
    return rows, schema, sliced(rows, schema, params("port"))


def test_predictions_of_classes(rows_of: Callable, schema_of: Callable) -> None:
    rows, schema, labels = few("multiclass", rows_of, schema_of)
    scores = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.2, 0.2, 0.6]], dtype=np.float32)

    table = predictions(rows, Scored("multiclass", truth(rows, schema), scores), labels, schema)

    assert list(table.columns) == ["key", "truth", "score_low", "score_middle", "score_high", "port"]
    assert table["score_middle"].tolist() == scores[:, 1].tolist()
    assert table["truth"].tolist() == rows["target"].tolist()
    assert table["port"].tolist() == rows["port"].tolist()


@pytest.mark.parametrize(("task", "column"), [("binary", "score"), ("regression", "value")])
def test_predictions_of_one_number(task: str, column: str, rows_of: Callable, schema_of: Callable) -> None:
    rows, schema, labels = few(task, rows_of, schema_of, time="when")
    rows["when"] = pd.date_range("2013-01-01", periods=3, tz="UTC")

    table = predictions(rows, Scored(task, truth(rows, schema), np.array([0.1, 0.2, 0.3])), labels, schema)

    assert list(table.columns) == ["key", "time", "truth", column, "port"]
    assert table["key"].tolist() == ["k0", "k1", "k2"]
    assert table["time"].tolist() == rows["when"].tolist()
    assert table[column].tolist() == [0.1, 0.2, 0.3]


def test_without_a_key_the_row_id_is_the_key(rows_of: Callable, schema_of: Callable) -> None:
    rows, schema, labels = few("regression", rows_of, schema_of, key=None)
    rows["row_id"] = ["r0", "r1", "r2"]

    table = predictions(rows, Scored("regression", truth(rows, schema), np.zeros(3)), labels, schema)

    assert table["key"].tolist() == ["r0", "r1", "r2"]


def test_a_key_that_stands_twice_is_refused(rows_of: Callable, schema_of: Callable) -> None:
    rows, schema, labels = few("regression", rows_of, schema_of)
    rows["id"] = ["k0", "k7", "k7"]

    with pytest.raises(DataError, match="the key `id` stands twice in the holdout: k7"):
        predictions(rows, Scored("regression", truth(rows, schema), np.zeros(3)), labels, schema)
