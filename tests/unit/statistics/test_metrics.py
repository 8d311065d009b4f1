"""Metrics: by hand, by scikit-learn, and in the corners where a formula has to be chosen."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from weighlock.statistics.metrics import (
    CLIP,
    Scored,
    brier_scores,
    calibration_curve,
    expected_calibration_error,
    find_metric,
    log_losses,
    metrics_of,
)


def binary(truth: list[int], scores: list[float], threshold: float | None = None) -> Scored:
    return Scored("binary", np.array(truth), np.array(scores), threshold)


def multiclass(truth: list[int], scores: list[list[float]]) -> Scored:
    return Scored("multiclass", np.array(truth), np.array(scores))


def regression(truth: list[float], scores: list[float]) -> Scored:
    return Scored("regression", np.array(truth), np.array(scores))


FOUR = binary([1, 0, 1, 0], [0.8, 0.4, 0.5, 0.1], threshold=0.45)
# the second row is wrong: middle for low
THREE = multiclass([0, 0, 1, 2], [[0.7, 0.2, 0.1], [0.3, 0.5, 0.2], [0.2, 0.6, 0.2], [0.1, 0.3, 0.6]])
LINE = regression([1.0, 2.0, 3.0, 6.0], [1.0, 3.0, 3.0, 3.0])


def metric(name: str, scored: Scored) -> float:
    return find_metric(name, scored.task)(scored)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("log_loss", -np.log(0.8 * 0.6 * 0.5 * 0.9) / 4),
        ("brier", (0.04 + 0.16 + 0.25 + 0.01) / 4),
        ("roc_auc", 1.0),
        ("average_precision", 1.0),
        ("accuracy", 1.0),
        ("precision", 1.0),
        ("recall", 1.0),
        ("f1", 1.0),
        # four bins of one row each
        ("calibration_error", (0.2 + 0.4 + 0.5 + 0.1) / 4),
    ],
)
def test_binary_by_hand(name: str, expected: float) -> None:
    assert metric(name, FOUR) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", 2 / 4),
        ("precision", 1 / 2),
        ("recall", 1 / 2),
        ("f1", 1 / 2),
        # pairs of a positive and a negative in the right order: .8 > .6, .8 > .1, .5 > .1, but .5 < .6
        ("roc_auc", 3 / 4),
        # precision is 1 at the first positive, 2/3 at the second
        ("average_precision", (1 + 2 / 3) / 2),
    ],
)
def test_binary_with_two_rows_swapped_by_hand(name: str, expected: float) -> None:
    scored = binary([1, 0, 1, 0], [0.8, 0.6, 0.5, 0.1], threshold=0.6)

    assert metric(name, scored) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("log_loss", -np.log(0.7 * 0.3 * 0.6 * 0.6) / 4),
        ("brier", ((0.09 + 0.04 + 0.01) + (0.49 + 0.25 + 0.04) + (0.04 + 0.16 + 0.04) + (0.01 + 0.09 + 0.16)) / 4),
        ("accuracy", 3 / 4),
        ("macro_recall", (1 / 2 + 1 + 1) / 3),
        ("macro_precision", (1 + 1 / 2 + 1) / 3),
        ("macro_f1", (2 / 3 + 2 / 3 + 1) / 3),
        # each class's own rows have its highest probabilities
        ("roc_auc", 1.0),
        ("average_precision", 1.0),
        # one row a bin, the top class: .5 (wrong), .6, .6, .7 (right); the two of .6 are alike
        ("calibration_error", (0.5 + 0.4 + 0.4 + 0.3) / 4),
    ],
)
def test_multiclass_by_hand(name: str, expected: float) -> None:
    assert metric(name, THREE) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rmse", np.sqrt((0 + 1 + 0 + 9) / 4)),
        ("mae", (0 + 1 + 0 + 3) / 4),
        # the mean is 3, the spread 4 + 1 + 0 + 9
        ("r2", 1 - 10 / 14),
        # too high by 1 costs .9, too low by 3 costs .3
        ("pinball_10", (0.9 * 1 + 0.1 * 3) / 4),
        ("pinball_50", (0.5 * 1 + 0.5 * 3) / 4),
        ("pinball_90", (0.1 * 1 + 0.9 * 3) / 4),
    ],
)
def test_regression_by_hand(name: str, expected: float) -> None:
    assert metric(name, LINE) == pytest.approx(expected)


def test_every_metric_of_a_task_is_held_against_hand_worked_values() -> None:
    tested = {
        "binary": {"log_loss", "brier", "roc_auc", "average_precision", "accuracy", "precision", "recall", "f1"},
        "multiclass": {"log_loss", "brier", "roc_auc", "average_precision", "accuracy"}
        | {"macro_recall", "macro_precision", "macro_f1"},
        "regression": {"rmse", "mae", "r2", "pinball_10", "pinball_50", "pinball_90"},
    }

    for task, names in tested.items():
        assert {m.name for m in metrics_of(task)} - {"calibration_error"} == names


@settings(max_examples=8)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1, width=32)), min_size=2, max_size=40).filter(
        lambda rows: len({t for t, _ in rows}) == 2
    ),
    st.floats(0, 1),
)
def test_binary_agrees_with_scikit_learn(rows: list[tuple[int, float]], threshold: float) -> None:
    truth, scores = (np.array(column) for column in zip(*rows, strict=True))
    scored = Scored("binary", truth, scores, threshold)
    labels = scores >= threshold

    expected = {
        "log_loss": reference.log_loss(truth, np.clip(scores, CLIP, 1 - CLIP)),
        "roc_auc": reference.roc_auc_score(truth, scores),
        "average_precision": reference.average_precision_score(truth, scores),
        "brier": reference.brier_score_loss(truth, scores),
        "accuracy": reference.accuracy_score(truth, labels),
        "precision": reference.precision_score(truth, labels, zero_division=0),
        "recall": reference.recall_score(truth, labels),
        "f1": reference.f1_score(truth, labels, zero_division=0),
    }

    assert {name: metric(name, scored) for name in expected} == pytest.approx(expected, abs=2e-7)


@settings(max_examples=6)
@given(st.integers(0, 2**32 - 1))
def test_multiclass_agrees_with_scikit_learn(seed: int) -> None:
    random = np.random.default_rng(seed)
    truth = np.append([0, 1, 2], random.integers(0, 3, 30))
    scores = random.dirichlet([1, 1, 1], size=33)
    scored = Scored("multiclass", truth, scores)
    labels = scores.argmax(axis=1)

    expected = {
        "log_loss": reference.log_loss(truth, scores),
        "roc_auc": reference.roc_auc_score(truth, scores, multi_class="ovr"),
        "average_precision": reference.average_precision_score(np.eye(3)[truth], scores),
        "accuracy": reference.accuracy_score(truth, labels),
        "macro_f1": reference.f1_score(truth, labels, average="macro", zero_division=0),
        "macro_recall": reference.balanced_accuracy_score(truth, labels),
    }

    assert {name: metric(name, scored) for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_gain_is_positive_where_the_challenger_is_better(task: str) -> None:
    good = {
        "binary": binary([1, 0, 1, 0], [0.9, 0.1, 0.9, 0.1], 0.5),
        "multiclass": multiclass([0, 1, 2, 0], np.eye(3)[[0, 1, 2, 0]].tolist()),
        "regression": regression([1, 2, 3], [1, 2, 3]),
    }[task]
    bad = {
        "binary": binary([1, 0, 1, 0], [0.2, 0.7, 0.1, 0.9], 0.5),
        "multiclass": multiclass([0, 1, 2, 0], [[0.2, 0.6, 0.2], [0.1, 0.2, 0.7], [0.4, 0.5, 0.1], [0, 0.4, 0.6]]),
        "regression": regression([1, 2, 3], [3, 0, 9]),
    }[task]

    for m in metrics_of(task):
        assert m.gain(m(good), m(bad)) > 0, m.name
        assert m.gain(m(bad), m(good)) < 0, m.name
        assert m.gain(m(bad), m(bad)) == 0, m.name


def test_log_loss_of_an_impossible_truth_is_large_but_finite() -> None:
    losses = log_losses(binary([1, 0, 1], [0.0, 1.0, 1.0]))

    assert losses.tolist() == pytest.approx([-np.log(CLIP), -np.log(CLIP), 0.0])


def test_losses_are_taken_in_double_precision_whatever_the_scores() -> None:
    scores = np.full(3, 0.1, dtype=np.float32)
    scored = Scored("binary", np.array([0, 0, 1]), scores)

    assert log_losses(scored).dtype == brier_scores(scored).dtype == np.float64
    assert brier_scores(scored)[0] == pytest.approx(float(np.float32(0.1)) ** 2, rel=1e-15)


def test_binary_brier_is_half_of_its_multiclass_form() -> None:
    two_columns = Scored("multiclass", FOUR.truth, FOUR.probabilities)

    assert brier_scores(two_columns) == pytest.approx(2 * brier_scores(FOUR))


@pytest.mark.parametrize(("threshold", "labels"), [(None, [1, 1, 0]), (0.6, [1, 0, 0]), (0.61, [0, 0, 0])])
def test_a_score_at_the_threshold_is_positive(threshold: float | None, labels: list[int]) -> None:
    assert binary([0, 0, 0], [0.6, 0.5, 0.49], threshold).labels.tolist() == labels


def test_a_class_without_rows_leaves_the_means_to_the_others() -> None:
    # 2 does not occur; one row of 0 is taken for it
    scored = multiclass([0, 0, 1, 1], [[0.9, 0.1, 0], [0.3, 0.1, 0.6], [0.2, 0.8, 0], [0.1, 0.8, 0.1]])

    assert metric("macro_recall", scored) == pytest.approx((1 / 2 + 1) / 2)
    assert metric("macro_precision", scored) == 1.0
    assert metric("macro_f1", scored) == pytest.approx((2 / 3 + 1) / 2)
    assert metric("roc_auc", scored) == 1.0
    assert metric("average_precision", scored) == 1.0
    assert metric("accuracy", scored) == 3 / 4


def test_constant_scores_say_nothing_about_order() -> None:
    scored = binary([1, 0, 0, 0], [0.25, 0.25, 0.25, 0.25], threshold=0.5)

    assert metric("roc_auc", scored) == 0.5
    assert metric("average_precision", scored) == 0.25
    assert metric("precision", scored) == 0.0
    assert metric("f1", scored) == 0.0
    assert metric("calibration_error", scored) == 0.0


def test_calibration_error_by_hand() -> None:
    # bins of three: (.1 .2 .3: one positive) and (.6 .8 1: three positives)
    scored = binary([0, 0, 1, 1, 1, 1], [0.1, 0.2, 0.3, 0.6, 0.8, 1.0])

    assert expected_calibration_error(scored, bins=2) == pytest.approx((abs(0.2 - 1 / 3) + abs(0.8 - 1)) / 2)


def test_calibration_error_of_multiclass_is_of_the_top_class() -> None:
    # the top class has .5 .6 .6 .7 and is wrong in the first: bins (.55 against .5) and (.65 against 1)
    assert expected_calibration_error(THREE, bins=2) == pytest.approx((0.05 + 0.35) / 2)


def test_calibration_curve_by_hand() -> None:
    truth, scores = np.array([1.0, 0.0, 1.0, 0.0, 0.0]), np.array([0.9, 0.2, 0.7, 0.1, 0.6])

    # in order: .1 .2 | .6 .7 | .9; the first groups get the rows that are over
    assert calibration_curve(truth, scores, 3) == [
        (pytest.approx(0.15), 0.0, 2),
        (pytest.approx(0.65), 0.5, 2),
        (0.9, 1.0, 1),
    ]


def test_calibration_curve_has_no_more_groups_than_rows() -> None:
    assert calibration_curve(np.array([1.0, 0.0]), np.array([0.4, 0.3]), 10) == [(0.3, 0.0, 1), (0.4, 1.0, 1)]


def test_calibration_of_equal_scores_does_not_hang_on_the_order_of_rows() -> None:
    # a constant score that is right on the whole, of rows that were positive first and negative later
    scored = binary([1] * 50 + [0] * 50, [0.5] * 100)

    assert expected_calibration_error(scored) == 0.0


@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.1, 0.4, 0.9])), min_size=1, max_size=30), st.randoms())
def test_calibration_is_the_same_for_rows_in_another_order(rows: list[tuple[int, float]], random: object) -> None:
    shuffled = sorted(rows, key=lambda _: random.random())

    curves = [
        calibration_curve(np.array([t for t, _ in part], dtype=float), np.array([s for _, s in part]), 4)
        for part in (rows, shuffled)
    ]

    assert np.allclose(curves[0], curves[1])
    assert sum(n for _, _, n in curves[0]) == len(rows)
    assert sum(n * t for _, t, n in curves[0]) == pytest.approx(sum(t for t, _ in rows))


def test_find_metric_lists_what_there_is() -> None:
    with pytest.raises(KeyError, match="`rmse` is no metric of binary; there are log_loss, roc_auc"):
        find_metric("rmse", "binary")
    with pytest.raises(KeyError, match="no metric of regression; there are rmse, mae, r2, pinball_10"):
        find_metric("logloss", "regression")


def test_metrics_of_a_task_have_distinct_names_and_two_directions() -> None:
    for task in ("binary", "multiclass", "regression"):
        names = [m.name for m in metrics_of(task)]
        assert len(set(names)) == len(names)
        assert all(find_metric(name, task).name == name for name in names)
        assert {m.better for m in metrics_of(task)} == {"higher", "lower"}
