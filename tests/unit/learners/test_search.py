"""Search: folds that hide the future and whole groups, and the same trials in every run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighlock.config import parse
from weighlock.errors import DataError
from weighlock.learners.recipe import Recipe
from weighlock.learners.search import Trial, best_of, cross_validate, make_folds, search
from weighlock.params import LearnerParams, TrainParams
from weighlock.schema import Schema
from weighlock.statistics.metrics import find_metric


def schema(task: str = "binary", **change: object) -> Schema:
    classes = {"binary": ["no", "yes"], "multiclass": ["a", "b", "c"], "regression": None}[task]
    content = {"task": task, "target": "y", "classes": classes, "features": {"x": {"type": "number"}}}
    return parse({k: v for k, v in {**content, **change}.items() if v is not None}, Schema, "schema.yaml")


def frame(y: list[object], **columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame({"x": np.arange(len(y), dtype=float), "y": y, **columns})


def params(max_rows: int = 1000, folds: int = 2, seed: int = 7) -> TrainParams:
    content = {
        "seed": seed, "metric": "log_loss", "max_categories": 3, "calibration": "never",
        "search": {"folds": folds, "max_rows": max_rows}, "learners": {"linear": {"trials": 1}},
        "threshold": {"rule": "f1"},
    }  # fmt: skip
    return parse(content, TrainParams, "params.yaml")


def trial(score: float) -> Trial:
    return Trial({"C": score}, score, np.array([]), None)


@settings(max_examples=12)
@given(st.lists(st.integers(0, 5), min_size=12, max_size=60), st.integers(2, 6))
def test_with_a_time_windows_expand_and_no_model_sees_the_future(hours: list[int], count: int) -> None:
    when = pd.Timestamp("2013-01-01", tz="UTC") + pd.to_timedelta(np.sort(hours), unit="h")
    rows = frame([0, 1] * (len(hours) // 2) + [0] * (len(hours) % 2), when=when)

    folds = make_folds(rows, schema("regression", time="when"), count, 7)

    assert len(folds) == count
    tested = np.concatenate([test for _, test in folds])
    assert len(set(tested)) == len(tested)
    assert tested.max() == len(rows) - 1
    for (train, test), (later, _) in zip(folds, [*folds[1:], (np.arange(len(rows)), None)], strict=True):
        assert rows["when"][train].max() <= rows["when"][test].min()
        assert train.max() < test.min()
        assert set(train) | set(test) <= set(later)


def test_with_a_time_and_groups_a_group_that_has_begun_is_not_scored() -> None:
    when = pd.date_range("2013-01-01", periods=9, tz="UTC")
    rows = frame([0.0] * 9, when=when, g=list("aabacbcad"))

    folds = make_folds(rows, schema("regression", time="when", group="g"), 2, 7)

    # aab | acb: c is news; aabacb | cad: d is news
    assert [(train.tolist(), test.tolist()) for train, test in folds] == [([0, 1, 2], [4]), ([0, 1, 2, 3, 4, 5], [8])]


@settings(max_examples=12)
@given(st.lists(st.sampled_from("abcdef"), min_size=10, max_size=40).filter(lambda g: len(set(g)) >= 3))
def test_with_groups_no_group_is_on_both_sides(groups: list[str]) -> None:
    rows = frame([0.0] * len(groups), g=groups)

    folds = make_folds(rows, schema("regression", group="g"), 3, 7)

    assert sorted(np.concatenate([test for _, test in folds])) == list(range(len(groups)))
    for train, test in folds:
        assert not {groups[i] for i in train} & {groups[i] for i in test}


def test_without_time_or_groups_every_row_is_scored_once_and_classes_are_spread() -> None:
    rows = frame([0] * 90 + [1] * 9)

    folds = make_folds(rows, schema(), 3, 7)

    assert sorted(np.concatenate([test for _, test in folds])) == list(range(99))
    assert [int(rows["y"][test].sum()) for _, test in folds] == [3, 3, 3]


def test_the_fold_that_holds_the_only_row_of_a_class_is_dropped() -> None:
    rows = frame(["a"] * 20 + ["b"] * 20 + ["c"])

    folds = make_folds(rows, schema("multiclass"), 5, 7)

    assert len(folds) == 4
    for train, test in folds:
        assert set(rows["y"][train]) == {"a", "b", "c"}
        assert set(rows["y"][test]) == {"a", "b"}


def test_folds_without_every_class_to_train_on_are_dropped() -> None:
    when = pd.date_range("2013-01-01", periods=12, tz="UTC")
    # the first window has no positive, the last test part has nothing else
    rows = frame([0, 0, 0, 0, 1, 0, 0, 1, 0, 1, 1, 1], when=when)

    folds = make_folds(rows, schema(time="when"), 3, 7)

    assert [(train.tolist(), test.tolist()) for train, test in folds] == [([0, 1, 2, 3, 4, 5], [6, 7, 8])]


def test_no_fold_at_all_is_an_error_that_says_what_to_change() -> None:
    when = pd.date_range("2013-01-01", periods=40, tz="UTC")
    rows = frame([0] * 39 + [1], when=when)

    with pytest.raises(DataError, match=r"none of 3 folds of 40 training rows .* `y`.*`train.search.folds`"):
        make_folds(rows, schema(time="when"), 3, 7)


@pytest.mark.parametrize(
    ("change", "columns", "said"),
    [
        ({"group": "g"}, {"g": list("aabb") * 3}, "12 training rows of 2 groups are too few for 20 folds"),
        ({"time": "when"}, {"when": pd.date_range("2013", periods=12, tz="UTC")}, "12 training rows are too few"),
        ({}, {}, "12 training rows are too few for 20 folds"),
    ],
)
def test_fewer_rows_or_groups_than_folds_is_an_error(change: dict, columns: dict, said: str) -> None:
    with pytest.raises(DataError, match=said):
        make_folds(frame([0, 1] * 6, **columns), schema(**change), 20, 7)


def test_a_fold_for_each_row_but_the_first_is_the_most_that_time_allows() -> None:
    rows = frame([1.0] * 6, when=pd.date_range("2013", periods=6, tz="UTC"))

    assert len(make_folds(rows, schema("regression", time="when"), 5, 7)) == 5
    with pytest.raises(DataError, match="too few"):
        make_folds(rows, schema("regression", time="when"), 6, 7)


@pytest.mark.parametrize(("metric", "task", "best"), [("log_loss", "binary", 0.2), ("roc_auc", "binary", 0.9)])
def test_the_best_trial_hangs_on_the_metrics_direction(metric: str, task: str, best: float) -> None:
    trials = [trial(0.5), trial(0.9), trial(0.2)]

    assert best_of(trials, find_metric(metric, task)).score == best


def test_of_equal_trials_the_first_is_best() -> None:
    first, second = trial(0.5), trial(0.5)

    assert best_of([first, second], find_metric("rmse", "regression")) is first


def test_cross_validation_scores_each_fold_by_a_model_of_the_other_rows(rows_of: Callable, schema_of: Callable) -> None:
    rows, schema = rows_of("binary", 120), schema_of("binary")
    folds = [(np.arange(60), np.arange(60, 120)), (np.arange(60, 120), np.arange(60))]
    recipe = Recipe("linear", {}, 7, 3)

    found = cross_validate(recipe, rows, schema, folds, find_metric("log_loss", "binary"))

    # by hand, with scikit-learn's log loss
    from sklearn.metrics import log_loss

    from weighlock.learners.recipe import matrix

    raw = [
        recipe.fit(rows.iloc[train], schema).raw_probabilities(matrix(rows.iloc[test], schema)) for train, test in folds
    ]
    losses = [log_loss(rows["target"].iloc[test], p[:, 1]) for (_, test), p in zip(folds, raw, strict=True)]
    assert found.score == pytest.approx(np.mean(losses), rel=1e-5)
    assert found.truth.tolist() == [*rows["target"][60:], *rows["target"][:60]]
    assert np.array_equal(found.probabilities, np.concatenate(raw))


@pytest.mark.parametrize(("task", "width"), [("multiclass", 3), ("regression", None)])
def test_held_out_probabilities_are_kept_for_calibration(
    task: str, width: int | None, rows_of: Callable, schema_of: Callable
) -> None:
    folds = [(np.arange(80), np.arange(80, 120))]

    found = cross_validate(
        Recipe("linear", {}, 7, 3),
        rows_of(task, 120),
        schema_of(task),
        folds,
        find_metric({"multiclass": "accuracy", "regression": "rmse"}[task], task),
    )

    assert np.shape(found.probabilities) == (() if width is None else (40, width))
    assert len(found.truth) == 40


SPACE = {
    "C": {"low": 0.01, "high": 1.0, "log": True},
    "fit_intercept": [True, False],
    "max_iter": {"low": 50, "high": 99},
}


def learner(trials: int, space: dict, fixed: dict | None = None) -> LearnerParams:
    return parse({"trials": trials, "space": space, "fixed": fixed or {}}, LearnerParams, "params.yaml")


def run(rows: pd.DataFrame, schema: Schema, what: LearnerParams, params: TrainParams, metric: str = "log_loss") -> list:
    return search("linear", what, rows, schema, params, find_metric(metric, schema.task), lambda _: None)


def test_the_same_seed_tries_the_same_settings(rows_of: Callable, schema_of: Callable) -> None:
    rows, schema = rows_of("binary", 90), schema_of("binary", ["size"])

    once, again = (run(rows, schema, learner(4, SPACE), params()) for _ in range(2))
    other = run(rows, schema, learner(2, SPACE), params(seed=8))

    assert [(t.settings, t.score) for t in once] == [(t.settings, t.score) for t in again]
    assert [t.settings for t in once[:2]] != [t.settings for t in other]
    for t in once:
        assert 0.01 <= t.settings["C"] <= 1.0
        assert t.settings["max_iter"] in range(50, 100)
        assert isinstance(t.settings["fit_intercept"], bool)


def test_settings_that_are_fixed_come_along_and_progress_is_told(rows_of: Callable, schema_of: Callable) -> None:
    lines: list[str] = []
    what = learner(2, {"C": {"low": 0.1, "high": 1.0}}, {"max_iter": 77})
    metric = find_metric("roc_auc", "binary")

    trials = search(
        "linear", what, rows_of("binary", 90), schema_of("binary", ["size"]), params(), metric, lines.append
    )

    assert [t.settings["max_iter"] for t in trials] == [77, 77]
    best = max(t.score for t in trials)
    assert lines[0].startswith(f"linear 1/2  roc_auc {trials[0].score:.5f}  best {trials[0].score:.5f}")
    assert lines[1].startswith(f"linear 2/2  roc_auc {trials[1].score:.5f}  best {best:.5f}")


def test_without_a_space_one_trial_says_it_all(rows_of: Callable, schema_of: Callable) -> None:
    trials = run(rows_of("binary", 90), schema_of("binary", ["size"]), learner(5, {}), params())

    assert len(trials) == 1


def test_with_a_time_the_newest_rows_are_searched(rows_of: Callable) -> None:
    rows = rows_of("binary", 200)
    rows["when"] = pd.date_range("2013-01-01", periods=200, tz="UTC")
    schema = parse(
        {"task": "binary", "target": "target", "classes": ["no", "yes"], "time": "when"}
        | {"features": {"size": {"type": "number"}}},
        Schema,
        "schema.yaml",
    )

    found = run(rows, schema, learner(1, {}), params(max_rows=90))[0]

    assert found.truth.tolist() == rows["target"].tail(60).tolist()


def test_without_a_time_a_sample_is_searched_since_keys_may_be_in_order_of_classes(schema_of: Callable) -> None:
    # sorted by class, as the order of keys may be: the last hundred rows have one class only
    rows = pd.DataFrame({"size": np.linspace(0, 1, 400), "target": [0] * 200 + [1] * 200})

    found = run(rows, schema_of("binary", ["size"]), learner(1, {}), params(max_rows=100))[0]

    assert len(found.truth) == 100
    assert 30 < found.truth.sum() < 70
