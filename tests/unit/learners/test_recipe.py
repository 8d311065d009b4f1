"""A recipe is everything about a model but its rows; the same recipe and rows give the same model."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from weighlock.errors import ConfigError, ModelError
from weighlock.learners.calibration import Calibration
from weighlock.learners.recipe import Recipe, matrix

LEARNERS = ("linear", "lightgbm", "random_forest")


@pytest.mark.parametrize("calibration", [None, Calibration(0.7, (0.0, -0.25))])
@pytest.mark.parametrize("threshold", [None, 0.29])
def test_json_gives_the_same_recipe_back(calibration: Calibration | None, threshold: float | None) -> None:
    recipe = Recipe("lightgbm", {"num_leaves": 6, "learning_rate": 0.1}, 7, 100, calibration, threshold)

    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_the_matrix_is_float32_and_text_with_nothing_null_among_texts(schema_of: Callable) -> None:
    rows = pd.DataFrame(
        {"id": ["k1", "k2"], "kind": ["a", None], "count": [np.nan, 3.0], "size": [0.1, 1e-3], "target": [0, 1]},
        index=[5, 9],
    )

    X = matrix(rows, schema_of("binary", ["size", "kind", "count"]))

    assert list(X.columns) == ["size", "kind", "count"]
    assert list(X.index) == [5, 9]
    assert X["size"].tolist() == [np.float32(0.1), np.float32(1e-3)]
    assert X["kind"].tolist() == ["a", ""]
    assert X["count"].isna().tolist() == [True, False]
    assert (X["size"].dtype, X["count"].dtype, X["kind"].dtype) == (np.float32, np.float32, object)


def test_the_most_frequent_categories_are_kept_and_null_is_one_of_them(schema_of: Callable) -> None:
    kinds = ["c"] * 4 + [None] * 5 + ["b"] * 4 + ["d"] * 9 + ["a"]
    rows = pd.DataFrame({"kind": kinds, "target": np.arange(len(kinds)) % 2})

    model = Recipe("linear", {}, 7, max_categories=3).fit(rows, schema_of("binary", ["kind"]))

    # b and c are as frequent: by name
    assert model.categories == {"kind": ["d", "", "b"]}


@pytest.mark.parametrize("learner", LEARNERS)
def test_categories_beyond_the_limit_score_like_unseen_ones(
    learner: str, rows_of: Callable, schema_of: Callable, quick: dict
) -> None:
    rows, schema = rows_of("regression"), schema_of("regression", ["kind", "size"])
    model = Recipe(learner, quick[learner], 7, max_categories=2).fit(rows, schema)

    scores = model.score(pd.DataFrame({"kind": ["d", "never seen", "a"], "size": np.float32([0.5, 0.5, 0.5])}))

    assert scores[0] == scores[1]
    assert scores[0] != scores[2]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("learner", LEARNERS)
def test_the_same_rows_give_the_same_model(
    task: str, learner: str, trained: Callable, rows_of: Callable, schema_of: Callable, quick: dict
) -> None:
    again = Recipe(learner, quick[learner], 7, 3).fit(rows_of(task), schema_of(task))

    first = trained(task, learner)
    X = matrix(first.rows, first.schema)

    assert np.array_equal(first.model.score(X), again.score(X))


def test_the_seed_matters_to_a_learner_that_draws(rows_of: Callable, schema_of: Callable, quick: dict) -> None:
    rows, schema = rows_of("binary"), schema_of("binary")

    one, other = (Recipe("random_forest", quick["random_forest"], seed, 3).fit(rows, schema) for seed in (1, 2))

    assert not np.array_equal(one.score(matrix(rows, schema)), other.score(matrix(rows, schema)))


@pytest.mark.parametrize(("task", "shape"), [("binary", (240,)), ("multiclass", (240, 3)), ("regression", (240,))])
@pytest.mark.parametrize("learner", LEARNERS)
def test_scores_are_of_the_positive_class_of_each_class_or_the_value(
    task: str, learner: str, shape: tuple, trained: Callable
) -> None:
    t = trained(task, learner)

    scores = t.model.score(matrix(t.rows, t.schema))

    assert scores.shape == shape
    if task == "binary":
        assert scores[t.rows["target"] == 1].mean() > scores[t.rows["target"] == 0].mean() + 0.1
    elif task == "multiclass":
        # the columns are in the order of the schema's classes
        right = np.array(t.schema.classes)[scores.argmax(axis=1)] == t.rows["target"]
        assert right.mean() > 0.55
        assert scores.sum(axis=1) == pytest.approx(np.ones(240))
    else:
        assert np.corrcoef(scores, t.rows["target"])[0, 1] > 0.7


def test_calibration_is_part_of_the_score(trained: Callable) -> None:
    t = trained("multiclass", "linear")
    calibration = Calibration(0.5, (0.0, 0.4, -0.4))
    calibrated = replace(t.model, recipe=replace(t.model.recipe, calibration=calibration))
    X = matrix(t.rows, t.schema)

    assert np.array_equal(calibrated.score(X), calibration.apply(t.model.raw_probabilities(X)))
    assert np.array_equal(calibrated.raw_probabilities(X), t.model.score(X))


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_number_that_training_saw_whole_is_imputed_by_its_median(
    learner: str, rows_of: Callable, schema_of: Callable, quick: dict
) -> None:
    rows, schema = rows_of("binary"), schema_of("binary", ["size", "count"])
    model = Recipe(learner, quick[learner], 7, 3).fit(rows, schema)

    null, median = (
        model.score(pd.DataFrame({"size": np.float32([size]), "count": np.float32([2])}))
        for size in (np.nan, rows["size"].median())
    )

    assert null == pytest.approx(median, abs=1e-7)


@pytest.mark.parametrize("learner", LEARNERS)
def test_tables_with_only_null_in_a_feature_can_be_trained(
    learner: str, rows_of: Callable, schema_of: Callable, quick: dict
) -> None:
    rows, schema = rows_of("binary", 60), schema_of("binary", ["size", "weight", "kind"])
    rows = rows.assign(weight=np.nan, kind=None)

    scores = Recipe(learner, quick[learner], 7, 3).fit(rows, schema).score(matrix(rows, schema))

    assert np.all((scores >= 0) & (scores <= 1))


def test_a_learner_without_probabilities_is_refused_by_name(rows_of: Callable, schema_of: Callable) -> None:
    rows, schema = rows_of("binary", 60), schema_of("binary", ["size"])
    model = Recipe("sklearn.linear_model:RidgeClassifier", {}, 7, 3).fit(rows, schema)

    with pytest.raises(ModelError, match=r"`sklearn.linear_model:RidgeClassifier` gives no probabilities"):
        model.score(matrix(rows, schema))


def test_many_categories_reach_a_learner_of_scikit_learns_dense(schema_of: Callable) -> None:
    # one-hot columns are mostly zero, and naive Bayes takes no sparse matrix
    random = np.random.default_rng(0)
    rows = pd.DataFrame(
        {"kind": random.integers(0, 40, 200).astype(str).astype(object), "size": random.normal(size=200)}
    )
    rows["target"] = (rows["size"] > 0).astype(int)
    schema = schema_of("binary", ["kind", "size"])

    scores = Recipe("sklearn.naive_bayes:GaussianNB", {}, 7, 40).fit(rows, schema).score(matrix(rows, schema))

    assert scores.shape == (200,)


@pytest.mark.parametrize(
    ("learner", "settings", "said"),
    [
        ("linear", {"c": 1.0}, "unexpected keyword argument 'c'"),
        ("linear", {"C": -1.0}, "'C' parameter"),
        ("random_forest", {"n_estimators": "many"}, "'n_estimators' parameter"),
        ("lightgbm", {"nun_leaves": 6}, "LightGBM knows no `nun_leaves`"),
        ("lightgbm", {"num_leaves": 0, "n_jobs": 1}, "num_leaves"),
        ("lightgbm", {"max_depth": "deep", "n_jobs": 1}, 'max_depth should be of type int, got "deep"'),
        ("sklearn.ensemble:VotingClassifier", {}, "missing 1 required positional argument: 'estimators'"),
    ],
)
def test_settings_that_a_learner_refuses_are_a_key_of_params(
    learner: str, settings: dict, said: str, rows_of: Callable, schema_of: Callable
) -> None:
    with pytest.raises(ConfigError) as error:
        Recipe(learner, settings, 7, 3).fit(rows_of("binary", 60), schema_of("binary", ["size"]))

    assert f"the learner `{learner}` refuses its settings {settings}" in str(error.value)
    assert said in str(error.value)
    assert f"Mend `train.learners.{learner}` in `params.yaml`" in str(error.value)


def test_a_library_that_is_not_installed_is_not_taken_for_a_setting(
    rows_of: Callable, schema_of: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)

    with pytest.raises(ImportError, match="lightgbm"):
        Recipe("lightgbm", {}, 7, 3).fit(rows_of("binary", 60), schema_of("binary", ["size"]))
