"""Leakage: a feature that gives the target away is found, and nothing else is called one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from weighlock.leakage import single_feature_scores

LIMIT = 0.98  # of params.yaml
N = 2000
RANDOM = np.random.default_rng(0)
NOISE = RANDOM.normal(size=N)
BINARY = pd.Series((RANDOM.random(N) < 0.3).astype("int8"))
CLASSES = pd.Series(RANDOM.choice(["low", "middle", "high"], N).astype(object))
VALUES = pd.Series(RANDOM.normal(size=N))


def score(feature: object, target: pd.Series, task: str) -> float:
    values = pd.Series(np.asarray(feature), index=target.index)
    return single_feature_scores(pd.DataFrame({"f": values}), target, task)["f"]


def texts(values: object) -> np.ndarray:
    return np.asarray(values).astype(str).astype(object)


@pytest.mark.parametrize(
    ("feature", "target", "task"),
    [
        (BINARY.astype(float), BINARY, "binary"),
        (1 - BINARY.astype(float), BINARY, "binary"),
        (texts(BINARY), BINARY, "binary"),
        (np.where(BINARY == 1, NOISE + 100, NOISE), BINARY, "binary"),
        # known only where it happened: the null gives it away
        (np.where(BINARY == 1, NOISE, np.nan), BINARY, "binary"),
        # on neither end: a band in the middle
        (np.where(BINARY == 1, 0.0, np.where(NOISE > 0, NOISE + 1, NOISE - 1)), BINARY, "binary"),
        (CLASSES, CLASSES, "multiclass"),
        # one class of three is enough
        ((CLASSES == "high").astype(float), CLASSES, "multiclass"),
        (VALUES * 3 + 1, VALUES, "regression"),
        (VALUES**3, VALUES, "regression"),
    ],
)
def test_what_gives_the_target_away_is_found(feature: object, target: pd.Series, task: str) -> None:
    assert score(feature, target, task) >= LIMIT


@pytest.mark.parametrize(("target", "task"), [(BINARY, "binary"), (CLASSES, "multiclass")])
@pytest.mark.parametrize(
    "feature",
    [
        NOISE,
        texts(RANDOM.integers(0, 12, N)),
        texts(RANDOM.integers(0, 500, N)),
        np.arange(float(N)),
        texts(np.arange(N)),
        np.zeros(N),
        np.full(N, np.nan),
        np.full(N, None),
    ],
    ids=["numbers", "12 categories", "500 categories", "counter", "keys", "constant", "null", "null texts"],
)
def test_noise_is_about_one_half(feature: np.ndarray, target: pd.Series, task: str) -> None:
    assert 0.5 <= score(feature, target, task) < 0.56


@pytest.mark.parametrize("feature", [NOISE, texts(RANDOM.integers(0, 500, N)), np.zeros(N)])
def test_noise_explains_nothing_of_a_value(feature: np.ndarray) -> None:
    assert 0 <= score(feature, VALUES, "regression") < 0.05


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_twenty_thousand_categories_of_noise_are_no_leak(task: str) -> None:
    random = np.random.default_rng(1)
    target = {
        "binary": pd.Series((random.random(50_000) < 0.1).astype(int)),
        "multiclass": pd.Series(random.choice(["a", "b", "c"], 50_000).astype(object)),
        "regression": pd.Series(random.normal(size=50_000)),
    }[task]
    feature = texts(random.integers(0, 20_000, 50_000))
    assert len(set(feature)) > 18_000

    assert score(feature, target, task) < (0.1 if task == "regression" else 0.55)


def test_an_honest_predictor_has_its_auc() -> None:
    # two levels: .8 of the upper and .2 of the lower are positive, so the AUC is .8
    random = np.random.default_rng(2)
    target = pd.Series(np.tile([0.0, 1.0], 5000))
    feature = np.where(random.random(10_000) < 0.8, target, 1 - target)

    assert score(feature, target, "binary") == pytest.approx(0.8, abs=0.01)


def test_an_honest_predictor_has_its_share_of_the_variance() -> None:
    random = np.random.default_rng(2)
    level = random.integers(0, 2, 10_000)
    target = pd.Series(level + random.normal(size=10_000) * 0.5)

    # the levels' variance is .25, the noise's too
    assert score(level.astype(float), target, "regression") == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("order", ["pairs", "blocks"])
def test_the_order_of_rows_is_no_knowledge(order: str) -> None:
    # a control after each case, or all of them after all
    target = pd.Series(np.tile([1, 0], 1000) if order == "pairs" else np.repeat([1, 0], 1000))

    assert score(NOISE, target, "binary") < 0.56
    assert score(np.zeros(N), target, "binary") < 0.56
    assert score(target.astype(float), target, "binary") == 1.0


def test_a_constant_says_nothing_however_few_the_rows() -> None:
    # the halves' rates differ, and each predicts the other the wrong way round
    for seed in range(9):
        target = pd.Series(np.random.default_rng(seed).integers(0, 2, 40))
        assert score(np.zeros(40), target, "binary") == 0.5


def test_too_few_rows_say_nothing() -> None:
    features = pd.DataFrame({"f": np.arange(39.0)})

    assert single_feature_scores(features, pd.Series([0, 1] * 19 + [0]), "binary") == {}


def test_one_class_alone_cannot_be_told_apart() -> None:
    assert score(NOISE, pd.Series(np.zeros(N)), "binary") == 0.5
    assert score(NOISE, pd.Series(np.full(N, 3.0)), "regression") == 0.0


def test_every_feature_has_a_score_and_the_same_one_every_time() -> None:
    features = pd.DataFrame({"a": NOISE, "b": texts(RANDOM.integers(0, 9, N)), "c": BINARY.astype(float)})

    scores = single_feature_scores(features, BINARY, "binary")

    assert list(scores) == ["a", "b", "c"]
    assert scores == single_feature_scores(features, BINARY, "binary")
    assert scores["c"] == 1.0
