"""Thresholds in single precision: every tree asks what ONNX can ask, and no row changes sides."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from weighlock.learners.lightgbm import LEARNER, round_thresholds

if TYPE_CHECKING:
    import lightgbm

SMALL = {"n_estimators": 3, "num_leaves": 8, "min_child_samples": 1, "min_data_in_bin": 1, "n_jobs": 1}


def thresholds(estimator: lightgbm.LGBMModel) -> np.ndarray:
    lines = re.findall(r"^threshold=(.*)$", estimator.booster_.model_to_string(), flags=re.MULTILINE)
    return np.array(" ".join(lines).split(), dtype=np.float64)


def neighbours() -> tuple[np.float32, np.float32]:
    """Two float32 values in a row, the upper one even: their middle rounds up to it."""
    low = np.float32(1.0) + np.finfo(np.float32).eps
    high = np.nextafter(low, np.float32(2))
    assert np.float32((float(low) + float(high)) / 2) == high
    return low, high


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_predictions_on_single_precision_values_stay_and_thresholds_become_exact(task: str) -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(300, 3)).astype(np.float32)
    y = {"binary": X[:, 0] > 0, "multiclass": np.digitize(X[:, 0], [-0.5, 0.5]), "regression": X[:, 0] ** 2}[task]
    estimator = LEARNER.build(task, SMALL, 7).fit(X, y)
    predict = estimator.predict if task == "regression" else estimator.predict_proba
    before, exact = predict(X), thresholds(estimator)
    assert not np.array_equal(exact.astype(np.float32), exact)

    round_thresholds(estimator)

    rounded = thresholds(estimator)
    assert np.array_equal(rounded.astype(np.float32).astype(np.float64), rounded)
    assert np.all(rounded <= exact)
    assert np.all(np.nextafter(rounded.astype(np.float32), np.float32(np.inf)) > exact)
    assert np.array_equal(predict(X), before)


def test_neighbouring_values_stay_apart_where_the_nearest_threshold_would_join_them() -> None:
    low, high = neighbours()
    X = np.repeat([[low], [high]], 20, axis=0)
    y = np.repeat([0.0, 1.0], 20)
    estimator = LEARNER.build("regression", SMALL, 7).fit(X, y)
    before = estimator.predict(X)
    assert before[0] < before[-1]
    # the planted trap: the nearest float32 is the upper value itself, which would then go left
    assert np.all(thresholds(estimator).astype(np.float32) == high)

    round_thresholds(estimator)

    assert np.all(thresholds(estimator) == low)
    assert np.array_equal(estimator.predict(X), before)


@settings(max_examples=15)
@given(st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=4, max_size=30, unique=True))
def test_no_row_changes_sides_whatever_the_values(values: list[float]) -> None:
    X = np.array(values, dtype=np.float32).reshape(-1, 1)
    estimator = LEARNER.build("regression", SMALL, 7).fit(X, np.arange(len(values), dtype=float))
    assume(thresholds(estimator).size > 0)
    before = estimator.predict(X)

    round_thresholds(estimator)

    assert np.array_equal(estimator.predict(X), before)


def test_a_tree_that_never_splits_survives() -> None:
    X = np.zeros((20, 1), dtype=np.float32)
    y = np.repeat([0, 1], 10)
    estimator = LEARNER.build("binary", {**SMALL, "min_child_samples": 1000}, 7).fit(X, y)

    round_thresholds(estimator)

    assert estimator.predict_proba(X)[:, 1] == pytest.approx(np.full(20, 0.5))


def test_missing_values_keep_their_side() -> None:
    X = np.array([[np.nan]] * 20 + [[v] for v in np.linspace(0, 1, 40)], dtype=np.float32)
    y = np.array([1.0] * 20 + [0.0] * 20 + [0.5] * 20)
    estimator = LEARNER.build("regression", SMALL, 7).fit(X, y)
    before = estimator.predict(X)

    round_thresholds(estimator)

    assert np.array_equal(estimator.predict(X), before)
    assert before[0] > before[-1] > before[25]


def test_a_misspelt_setting_is_refused_although_lightgbm_would_take_no_notice() -> None:
    with pytest.raises(TypeError, match="LightGBM knows no `nun_leaves`"):
        LEARNER.build("binary", {"nun_leaves": 31, "learning_rate": 0.1}, 7)


@pytest.mark.parametrize("name", ["eta", "num_iterations", "min_data_in_leaf", "subsample_freq", "n_jobs", "max_bin"])
def test_scikit_learns_and_lightgbms_own_names_are_known(name: str) -> None:
    assert LEARNER.build("binary", {name: 1}, 7).get_params()[name] == 1
