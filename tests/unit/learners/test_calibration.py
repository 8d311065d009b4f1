"""Calibration: finds a distortion that was put in, and leaves alone what is calibrated."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st

from weighlock.learners.calibration import Calibration, fit_calibration
from weighlock.statistics.metrics import CLIP, Scored, log_losses


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def columns(positive: np.ndarray) -> np.ndarray:
    return np.column_stack([1 - positive, positive])


def loss(truth: np.ndarray, probabilities: np.ndarray) -> float:
    return float(log_losses(Scored("multiclass", truth, probabilities)).mean())


def test_binary_calibration_is_platts_map_of_the_log_odds() -> None:
    calibration = Calibration(slope=0.5, offsets=(0.0, 0.3))
    p = np.array([0.01, 0.2, 0.5, 0.97])

    calibrated = calibration.apply(columns(p))

    assert calibrated[:, 1] == pytest.approx(sigmoid(0.5 * np.log(p / (1 - p)) + 0.3))


def test_multiclass_calibration_by_hand() -> None:
    calibration = Calibration(slope=2.0, offsets=(0.0, np.log(3.0), 0.0))

    # squares are .25 .09 .04, the second three times
    assert calibration.apply(np.array([[0.5, 0.3, 0.2]]))[0] == pytest.approx(np.array([0.25, 0.27, 0.04]) / 0.56)


def test_the_identity_changes_nothing_and_impossible_stays_almost_so() -> None:
    same = Calibration(1.0, (0.0, 0.0)).apply(np.array([[0.0, 1.0], [0.3, 0.7]]))

    assert same == pytest.approx(np.array([[CLIP, 1.0], [0.3, 0.7]]), abs=CLIP)
    assert np.all(same > 0)


def test_a_known_distortion_is_recovered() -> None:
    random = np.random.default_rng(1)
    logits = random.normal(-1, 1.5, size=40_000)
    truth = (random.random(40_000) < sigmoid(logits)).astype(int)
    # twice too sure, and shifted: undone by half of it plus .4
    overconfident = columns(sigmoid(2 * (logits - 0.4)))

    calibration = fit_calibration(truth, overconfident)

    assert calibration.slope == pytest.approx(0.5, abs=0.02)
    assert calibration.offsets[0] == 0.0
    assert calibration.offsets[1] == pytest.approx(0.4, abs=0.04)


def test_a_known_multiclass_distortion_is_recovered() -> None:
    random = np.random.default_rng(2)
    honest = random.dirichlet([2, 1, 1], size=30_000)
    truth = (honest.cumsum(axis=1) > random.random((30_000, 1))).argmax(axis=1)
    distorted = honest**3 * [1.0, 2.0, 0.5]
    distorted /= distorted.sum(axis=1, keepdims=True)

    calibration = fit_calibration(truth, distorted)

    assert calibration.slope == pytest.approx(1 / 3, abs=0.02)
    assert calibration.offsets == pytest.approx((0.0, -np.log(2) / 3, np.log(2) / 3), abs=0.05)
    assert loss(truth, calibration.apply(distorted)) < loss(truth, distorted) - 0.1


def test_calibrated_probabilities_are_left_almost_as_they_are() -> None:
    random = np.random.default_rng(3)
    p = random.beta(2, 5, size=40_000)
    truth = (random.random(40_000) < p).astype(int)

    calibrated = fit_calibration(truth, columns(p)).apply(columns(p))

    assert np.abs(calibrated[:, 1] - p).max() < 0.02


def test_it_never_turns_scores_around() -> None:
    # higher scores are rarer hits: the best slope is negative, the least allowed one positive
    scores = np.linspace(0.05, 0.95, 200)
    truth = (scores < 0.5).astype(int)

    calibration = fit_calibration(truth, columns(scores))

    assert calibration.slope == 0.05
    assert np.all(np.diff(calibration.apply(columns(scores))[:, 1]) > 0)


@pytest.mark.parametrize("classes", [2, 3])
def test_no_other_slope_or_offset_nearby_has_a_lower_loss(classes: int) -> None:
    random = np.random.default_rng(classes)
    probabilities = random.dirichlet(np.ones(classes), size=500)
    truth = (probabilities.cumsum(axis=1) ** 2 > random.random((500, 1))).argmax(axis=1)

    best = fit_calibration(truth, probabilities)

    found = loss(truth, best.apply(probabilities))
    for step in (-0.01, 0.01):
        assert loss(truth, Calibration(best.slope + step, best.offsets).apply(probabilities)) > found
        for k in range(classes):
            offsets = tuple(b + step * (i == k) for i, b in enumerate(best.offsets))
            assert loss(truth, Calibration(best.slope, offsets).apply(probabilities)) > found


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_the_gradient_is_that_of_the_loss(classes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(classes)
    probabilities = random.dirichlet(np.ones(classes), size=60)
    truth = random.integers(0, classes, size=60)
    seen = {}

    def minimize(function, start, **options):
        seen["function"] = function
        return scipy.optimize.OptimizeResult(x=start)

    monkeypatch.setattr(scipy.optimize, "minimize", minimize)
    fit_calibration(truth, probabilities)
    theta = random.normal(1, 0.3, size=classes)

    _, gradient = seen["function"](theta)
    numeric = scipy.optimize.approx_fprime(theta, lambda t: seen["function"](t)[0], 1e-7)

    assert gradient == pytest.approx(numeric, abs=1e-5)


@given(st.floats(0.05, 20), st.lists(st.floats(-5, 5), min_size=2, max_size=5))
def test_json_gives_the_same_calibration_back(slope: float, offsets: list[float]) -> None:
    calibration = Calibration(slope, tuple(offsets))

    assert Calibration.from_json(json.loads(json.dumps(asdict(calibration)))) == calibration


@settings(max_examples=8)
@given(st.integers(2, 4), st.integers(0, 1000))
def test_what_is_fitted_survives_json_and_gives_probabilities(classes: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.full(classes, 0.3), size=40)
    truth = random.integers(0, classes, size=40)

    calibration = fit_calibration(truth, probabilities)

    assert Calibration.from_json(json.loads(json.dumps(asdict(calibration)))) == calibration
    calibrated = calibration.apply(probabilities)
    assert np.all(calibrated >= 0)
    assert calibrated.sum(axis=1) == pytest.approx(np.ones(40))
    assert loss(truth, calibrated) <= loss(truth, np.clip(probabilities, CLIP, 1)) + 1e-6
