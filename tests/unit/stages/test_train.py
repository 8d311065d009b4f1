"""Train: the threshold is the best there is, calibration is kept where it helps, and a file that strays is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighlock.config import parse
from weighlock.errors import ConfigError, ModelError
from weighlock.learners.calibration import Calibration
from weighlock.learners.export import export
from weighlock.learners.parity import check_parity
from weighlock.learners.recipe import Model, Recipe
from weighlock.learners.search import Trial
from weighlock.params import ThresholdParams, TrainParams
from weighlock.schema import Schema
from weighlock.scoring import Scorer
from weighlock.stages.train import calibrate, choose, choose_threshold, primary_metric
from weighlock.statistics.metrics import find_metric


def params(**change: Any) -> TrainParams:
    content = {
        "seed": 7, "metric": "log_loss", "max_categories": 3, "calibration": "auto",
        "search": {"folds": 2, "max_rows": 1000}, "learners": {"linear": {"trials": 1}},
        "threshold": {"rule": "f1"},
    }  # fmt: skip
    return parse({**content, **change}, TrainParams, "params.yaml")


def rule(name: str, **more: float) -> ThresholdParams:
    return parse({"rule": name, **more}, ThresholdParams, "params.yaml")


# --- the threshold


def worth(y: np.ndarray, labels: np.ndarray, params: ThresholdParams) -> float:
    """What a labelling is worth by a rule, straight from the rule's definition."""
    hits, misses, false_alarms = int((y & labels).sum()), int((y & ~labels).sum()), int((~y & labels).sum())
    if params.rule == "f1":
        return 2 * hits / (2 * hits + misses + false_alarms)
    if params.rule == "cost":
        return -(params.false_negative_cost * misses + false_alarms)
    return 1 - misses / y.sum() - false_alarms / (~y).sum()


@pytest.mark.parametrize("name", ["f1", "youden", "cost"])
@pytest.mark.parametrize("levels", [[0.1, 0.4, 0.7], [0.0, 0.25, 0.5, 1.0], [1e-6, 1.1e-6, 3e-6, 0.5, 0.5000004]])
@settings(max_examples=12)
@given(st.data())
def test_no_other_threshold_does_better(name: str, levels: list[float], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.tuples(st.booleans(), st.sampled_from(levels)), min_size=2, max_size=12))
    y, scores = np.array([a for a, _ in rows]), np.array([b for _, b in rows])
    if y.all() or not y.any():
        y[0] = not y[0]
    params = rule(name, false_negative_cost=data.draw(st.sampled_from([0.1, 1.0, 5.0])))

    threshold = choose_threshold(y.astype(int), scores, params)

    every = [worth(y, scores >= t, params) for t in [*levels, 2.0]]
    assert worth(y, scores >= threshold, params) == pytest.approx(max(every))
    # of equals the one with the fewest alarms
    fewest = min((scores >= t).sum() for t, w in zip([*levels, 2.0], every, strict=True) if w > max(every) - 1e-9)
    assert (scores >= threshold).sum() == fewest


@pytest.mark.parametrize(
    ("name", "cost", "expected"),
    [
        # .9 hit, .7 miss, .6 hit, .2 miss, .1 hit: F1 is .5, .4, .667, .571, .75 from the top
        ("f1", 1.0, 0.05),
        # 1/3, -1/6, 1/6, -1/3, 0: the first is best
        ("youden", 1.0, 0.8),
        # a miss costs 1: 3 | 2 3 2 3 2: of the equal ones the highest
        ("cost", 1.0, 0.8),
        # a miss costs 5: 15 | 10 11 6 7 2
        ("cost", 5.0, 0.05),
        # a miss costs .1: .3 | .2 1.2 1.1 2.1 2
        ("cost", 0.1, 0.8),
    ],
)
def test_thresholds_by_hand(name: str, cost: float, expected: float) -> None:
    y, scores = np.array([1, 0, 1, 0, 1]), np.array([0.9, 0.7, 0.6, 0.2, 0.1])

    assert choose_threshold(y, scores, rule(name, false_negative_cost=cost)) == expected


def test_where_a_hit_is_worth_less_than_a_false_alarm_nothing_is_labelled() -> None:
    y, scores = np.array([0, 1]), np.array([1.0, 0.4])

    threshold = choose_threshold(y, scores, rule("cost", false_negative_cost=0.5))

    assert threshold > 1
    assert np.float32(1) < threshold
    assert choose_threshold(y, scores - 0.2, rule("cost", false_negative_cost=0.5)) == 0.9


def test_a_fixed_threshold_stays() -> None:
    assert choose_threshold(np.array([1, 0]), np.array([0.1, 0.9]), rule("fixed", value=0.37)) == 0.37


def test_rare_outcomes_keep_their_threshold() -> None:
    # scores of one in a million: six decimals would make it 0, and every row positive
    scores = np.array([1e-7, 2e-7, 3e-7, 4e-7])

    threshold = choose_threshold(np.array([0, 0, 1, 1]), scores, rule("f1"))

    assert threshold == 2.5e-7


def test_a_threshold_between_two_scores_is_short_whatever_their_last_digits() -> None:
    y, scores = np.array([0, 0, 1, 1]), np.array([0.1, 0.29081199, 0.29141204, 0.8])
    noise = np.array([3e-9, -2e-9, 2e-9, -1e-9])

    assert choose_threshold(y, scores, rule("youden")) == 0.291112
    assert choose_threshold(y, scores + noise, rule("youden")) == 0.291112


# --- parity


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_models_own_file_passes(task: str, trained: Callable, rows_of: Callable) -> None:
    t = trained(task, "random_forest")

    assert 0 <= check_parity(t.model, Scorer(t.content, t.signature), rows_of(task, 50, seed=3)) < 1e-6


def tampered(content: bytes, name: str) -> bytes:
    """A file with one leaf or weight a little larger."""
    proto = onnx.load_from_string(content)
    for node in proto.graph.node:
        for attribute in node.attribute:
            if attribute.name == name:
                largest = int(np.argmax(np.abs(attribute.floats)))
                attribute.floats[largest] *= 1.001
    return proto.SerializeToString(deterministic=True)


@pytest.mark.parametrize(
    ("task", "learner", "attribute"),
    [
        ("binary", "lightgbm", "class_weights"),
        ("multiclass", "linear", "coefficients"),
        ("regression", "random_forest", "target_weights"),
    ],
)
def test_a_tampered_file_is_refused(task: str, learner: str, attribute: str, trained: Callable) -> None:
    t = trained(task, learner)
    content = tampered(t.content, attribute)
    assert content != t.content
    signature = replace(t.signature, digest=f"sha256:{hashlib.sha256(content).hexdigest()}")

    with pytest.raises(ModelError, match=f"differ by .* on row .*`{learner}` does not convert exactly") as e:
        check_parity(t.model, Scorer(content, signature), t.rows)
    assert "train.calibration" not in str(e.value)


def test_the_message_names_the_worst_row_and_counts_the_others(trained: Callable) -> None:
    t = trained("binary", "linear")
    pipeline = Stub(np.where(np.arange(240) == 17, 0.4, np.where(np.arange(240) < 3, 0.1, 0.0)), t.model.pipeline)
    model = replace(t.model, pipeline=pipeline, recipe=replace(t.model.recipe, calibration=None))

    with pytest.raises(ModelError, match=r"differ by 0.4 \(allowed: 1e-05\) on row 17 and 3 more"):
        check_parity(model, Scorer(t.content, t.signature), t.rows)


class Stub:
    """A pipeline that is off by so much."""

    def __init__(self, off: np.ndarray, pipeline: Any) -> None:
        self.off, self.pipeline = off, pipeline

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        return self.pipeline.predict_proba(X) + np.column_stack([-self.off, self.off])


def test_scores_that_are_no_number_are_refused(trained: Callable) -> None:
    t = trained("binary", "linear")
    model = replace(t.model, pipeline=Stub(np.where(np.arange(240) < 2, np.nan, 0.0), t.model.pipeline))

    with pytest.raises(ModelError, match=r"differ by nan .* on row 0 and 1 more"):
        check_parity(model, Scorer(t.content, t.signature), t.rows)


def test_where_calibration_may_be_the_cause_the_message_says_so(trained: Callable) -> None:
    t = trained("binary", "linear")
    model = replace(t.model, recipe=replace(t.model.recipe, calibration=Calibration(0.5, (0.0, 0.1))))

    with pytest.raises(ModelError, match=r"or try `train.calibration: never`"):
        check_parity(model, Scorer(t.content, t.signature), t.rows)


def regression(value: np.ndarray, learner: str, **settings: Any) -> tuple[Model, pd.DataFrame]:
    rows = pd.DataFrame({"x": np.linspace(-1, 1, len(value)), "y": value})
    schema = Schema.model_validate({"task": "regression", "target": "y", "features": {"x": {"type": "number"}}})
    return Recipe(learner, settings, 7, 3).fit(rows, schema), rows


@pytest.mark.parametrize(
    ("learner", "settings"),
    [("lightgbm", {"n_estimators": 60, "n_jobs": 1}), ("random_forest", {"n_estimators": 20, "n_jobs": 1})],
)
def test_values_far_from_zero_pass_although_single_precision_rounds_them(learner: str, settings: dict) -> None:
    # air pressure: the sum of trees is right to seven digits of 1013, which is 1e-4 of its spread
    pressure = 1013 + 7 * np.sin(np.arange(200))

    model, rows = regression(pressure, learner, **settings)

    assert 0 < check_parity(model, Scorer(*export(model)), rows) < 5e-6


def test_small_values_are_held_to_as_many_digits_as_large_ones() -> None:
    model, rows = regression(1e-6 * np.sin(np.arange(200)), "random_forest", n_estimators=3, n_jobs=1)
    content, signature = export(model)
    assert check_parity(model, Scorer(content, signature), rows) < 1e-6

    wrong = tampered(content, "target_weights")
    with pytest.raises(ModelError, match="does not convert exactly"):
        check_parity(
            model, Scorer(wrong, replace(signature, digest=f"sha256:{hashlib.sha256(wrong).hexdigest()}")), rows
        )


def test_a_constant_zero_passes() -> None:
    model, rows = regression(np.zeros(50), "linear")

    assert check_parity(model, Scorer(*export(model)), rows) == 0.0


# --- calibration


BINARY = Schema.model_validate(
    {"task": "binary", "target": "y", "classes": ["no", "yes"], "features": {"p": {"type": "number"}}}
)


class AsGiven:
    """A pipeline whose probability of the positive class is the feature itself."""

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        p = X["p"].to_numpy(dtype=float)
        return np.column_stack([1 - p, p])


def overconfident(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Truth and scores whose log odds are three times what they should be."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=rows)
    truth = (random.random(rows) < 1 / (1 + np.exp(-logits))).astype(int)
    return truth, 1 / (1 + np.exp(-3 * logits))


def case(validation: tuple[np.ndarray, np.ndarray]) -> tuple[Model, Trial, pd.DataFrame, np.ndarray]:
    truth, scores = overconfident(4000, seed=1)
    trial = Trial({}, 0.0, truth, np.column_stack([1 - scores, scores]))
    return (
        Model(Recipe("linear", {}, 7, 3), AsGiven(), BINARY, {}),
        trial,
        pd.DataFrame({"p": validation[1]}),
        validation[0],
    )


def test_calibration_is_kept_where_it_lowers_the_log_loss_of_validation(capsys: pytest.CaptureFixture) -> None:
    model, report = calibrate(*case(overconfident(2000, seed=2)), params())

    assert report["used"] is True
    assert report["log_loss_with"] < report["log_loss_without"] - 0.1
    assert model.recipe.calibration.slope == pytest.approx(1 / 3, abs=0.03)
    assert "used" in capsys.readouterr().err


def test_calibration_is_left_out_where_validation_disagrees() -> None:
    _, scores = overconfident(2000, seed=2)
    # on validation the model is right to be so sure
    sure = (np.random.default_rng(0).random(2000) < scores).astype(int)

    model, report = calibrate(*case((sure, scores)), params())

    assert report["used"] is False
    assert report["log_loss_with"] > report["log_loss_without"]
    assert model.recipe.calibration is None


def test_calibration_may_be_forbidden() -> None:
    model, report = calibrate(*case(overconfident(2000, seed=2)), params(calibration="never"))

    assert (model.recipe.calibration, report) == (None, {"used": False})


def test_values_are_not_calibrated(trained: Callable) -> None:
    t = trained("regression", "linear")

    model, report = calibrate(t.model, Trial({}, 0.0, np.array([]), None), t.rows, np.array([]), params())

    assert (model, report) == (t.model, {"used": False})


# --- the choice


TWO = {
    "random_forest": {"trials": 1, "fixed": {"n_estimators": 2, "max_depth": 1, "n_jobs": 1}},
    "linear": {"trials": 2, "space": {"C": [1e-6, 1.0]}},
}


@pytest.mark.parametrize(
    ("task", "metric"), [("binary", "roc_auc"), ("multiclass", "log_loss"), ("regression", "rmse")]
)
def test_the_learner_that_does_best_on_validation_is_chosen(
    task: str, metric: str, rows_of: Callable, schema_of: Callable, capsys: pytest.CaptureFixture
) -> None:
    schema = schema_of(task, ["size", "weight", "kind"])
    train, validation = rows_of(task, 200), rows_of(task, 100, seed=5)

    model, report = choose(train, validation, schema, params(learners=TWO, metric=metric), find_metric(metric, task))

    # two stumps are far behind a straight line on what is one, unless it is flattened
    found = {name: learner["validation"] for name, learner in report["learners"].items()}
    better = max if metric == "roc_auc" else min
    assert better(found, key=found.get) == "linear"
    assert (report["chosen"], model.recipe.learner, report["metric"]) == ("linear", "linear", metric)
    assert model.recipe.settings == report["learners"]["linear"]["settings"] == {"C": 1.0}
    assert [set(t) for t in report["learners"]["linear"]["trials"]] == [{"settings", metric}] * 2
    assert (model.recipe.threshold is None) == (task != "binary")
    assert f"linear on validation: {metric}" in capsys.readouterr().err


def test_the_threshold_is_of_the_calibrated_scores_on_validation(rows_of: Callable, schema_of: Callable) -> None:
    schema, train, validation = schema_of("binary", ["size"]), rows_of("binary", 200), rows_of("binary", 100, seed=5)

    model, _ = choose(train, validation, schema, params(), find_metric("log_loss", "binary"))

    X = validation[["size"]].astype(np.float32)
    assert model.recipe.threshold == choose_threshold(validation["target"].to_numpy(), model.score(X), rule("f1"))


@pytest.mark.parametrize(("name", "task"), [("auc", "binary"), ("rmse", "binary"), ("f1", "multiclass")])
def test_a_metric_that_is_none_of_the_task_is_named(name: str, task: str, schema_of: Callable) -> None:
    with pytest.raises(
        ConfigError, match=f"`train.metric` in `params.yaml`: `{name}` is no metric of {task}; there are"
    ):
        primary_metric(params(metric=name), schema_of(task))


def test_the_primary_metric_is_that_of_the_name(schema_of: Callable) -> None:
    assert primary_metric(params(metric="mae"), schema_of("regression")).name == "mae"
