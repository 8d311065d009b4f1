"""Metrics of rows that count several times, against the metrics of rows that stand there several times."""

from __future__ import annotations

import numpy as np
import pytest
from cases import BOOTSTRAPPED, repeated, some_clusters, two_models
from hypothesis import given, settings
from hypothesis import strategies as st

from weighlock.statistics.metrics import Scored, find_metric
from weighlock.statistics.weighted import weighted

seeds = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize(("task", "name"), BOOTSTRAPPED)
@settings(max_examples=4)
@given(seeds)
def test_counting_rows_is_repeating_them(task: str, name: str, seed: int) -> None:
    # given rows in clusters, with many ties in one model's scores and none in the other's
    random = np.random.default_rng(seed)
    clusters = some_clusters(seed)
    times = random.integers(0, 4, (6, 5)).astype(np.int32)
    times[:, 0] += 1

    for scored in (two_models(task, seed)[0], two_models(task, seed, decimals=9)[1]):
        found = weighted(name, scored)(clusters)(times)

        expected = [find_metric(name, task)(repeated(scored, line[clusters])) for line in times]
        assert found.tolist() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("rows", [3, 9, 10, 11, 27])
def test_bins_of_the_calibration_error_are_those_of_few_rows_too(rows: int) -> None:
    scored = two_models("binary", 5, rows)[0]

    found = weighted("calibration_error", scored)(np.arange(rows))(np.ones((1, rows), dtype=np.int32))

    assert found[0] == pytest.approx(find_metric("calibration_error", "binary")(scored))


def test_a_class_that_does_not_occur_does_not_count() -> None:
    # three classes, of which the first cluster's rows have two; the third is called once
    truth, labels = np.array([0, 0, 1, 2]), np.array([0, 2, 1, 2])
    scored = Scored("multiclass", truth, np.eye(3)[labels])
    of_clusters = weighted("macro_recall", scored)(np.array([0, 0, 0, 1]))

    # recall is 1/2, 1 and 1; without the last cluster the mean is over two
    assert of_clusters(np.array([[1, 1], [1, 0]], dtype=np.int32)).tolist() == pytest.approx([2.5 / 3, 1.5 / 2])


def test_without_positives_average_precision_is_undefined_and_f1_is_none() -> None:
    scored = Scored("binary", np.array([1, 0, 0]), np.array([0.9, 0.8, 0.1]), 0.5)
    times = np.array([[0, 1, 1], [1, 1, 1]], dtype=np.int32)

    assert np.isnan(weighted("average_precision", scored)(np.arange(3))(times)).tolist() == [True, False]
    for name in ("precision", "recall", "f1"):
        assert weighted(name, scored)(np.arange(3))(times)[0] == 0


def test_average_precision_of_rows_of_which_none_is_positive_is_undefined() -> None:
    scored = Scored("binary", np.zeros(3, dtype=int), np.array([0.9, 0.8, 0.1]))

    assert np.isnan(weighted("average_precision", scored)(np.arange(3))(np.ones((1, 3), dtype=np.int32))).all()


def test_r2_of_a_truth_that_does_not_vary_is_undefined() -> None:
    scored = Scored("regression", np.array([0.1, 0.1, 0.1, 3.0]), np.array([0.1, 0.2, 0.3, 0.4]))
    times = np.array([[1, 2, 1, 0], [1, 1, 1, 1]], dtype=np.int32)

    assert np.isnan(weighted("r2", scored)(np.arange(4))(times)).tolist() == [True, False]
