"""Fairness: gaps that grow between a group and the rest, in words that a reviewer can check."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from weighlock.config import parse
from weighlock.errors import ConfigError
from weighlock.statistics.paired import Units
from weighlock.weighing.policy import FairnessParams
from weighlock.weighing.predictions import Predictions
from weighlock.weighing.vetoes.fairness import fairness_comparisons

ROWS = 2400
DAYS = Units(np.arange(ROWS) // 100)
TRUTH = np.arange(ROWS) % 2
SEX = np.where(np.arange(ROWS) // 2 % 2 == 0, "female", "male")


def params(*groups: str, **change: object) -> FairnessParams:
    return parse({"groups": list(groups), "margin": 0.05, "min_rows": 100} | change, FairnessParams, "params.yaml")


def predictions(score: np.ndarray, threshold: float = 0.5, **columns: object) -> Predictions:
    frame = pd.DataFrame({"key": range(ROWS), "truth": TRUTH, "score": score, **({"sex": SEX} | columns)})
    return Predictions("challenger.parquet", frame, "binary", "hired", ("no", "yes"), threshold, None, None)


def scores(missed: float, seed: int = 0) -> np.ndarray:
    """Finds every positive but a share of the women's."""
    lost = (SEX == "female") & (np.random.default_rng(seed).random(ROWS) < missed)
    return np.where((TRUTH == 1) & ~lost, 0.9, 0.1)


def test_a_challenger_that_misses_more_of_one_group_widens_the_gap() -> None:
    found = fairness_comparisons(predictions(scores(0.5)), predictions(scores(0.2)), DAYS, params("sex"))

    assert [(c.kind, c.name) for c in found.comparisons] == [
        ("fairness", "sex = female: true-positive rate"),
        ("fairness", "sex = female: selection rate"),
        ("fairness", "sex = female: calibration"),
    ]
    rate = found.comparisons[0]
    assert (rate.champion, rate.challenger) == pytest.approx((-0.2, -0.5), abs=0.04)
    assert rate.gain.value == pytest.approx(abs(rate.champion) - abs(rate.challenger))
    assert rate.margin == 0.05
    assert rate.gain.p_below(-rate.margin) < 1e-6
    assert found.unweighed == ()
    assert found.condition.holds is True


def test_the_other_way_round_is_no_harm() -> None:
    found = fairness_comparisons(predictions(scores(0.2)), predictions(scores(0.5)), DAYS, params("sex"))

    assert all(c.gain.p_below(-c.margin) > 0.5 for c in found.comparisons)


def test_figures_of_every_group_are_told_with_their_intervals() -> None:
    challenger, champion = predictions(scores(0.5)), predictions(scores(0.2), threshold=0.95)

    found = fairness_comparisons(challenger, champion, DAYS, params("sex"))

    first = found.rates[0]
    positives = (SEX == "female") & (TRUTH == 1)
    assert [(r.group, r.measure) for r in found.rates[::3]] == [
        ("sex = female", "true-positive rate"),
        ("sex = male", "true-positive rate"),
    ]
    assert len(found.rates) == 6
    assert first.rows == positives.sum()
    assert first.challenger.value == pytest.approx((scores(0.5)[positives] > 0.5).mean())
    assert first.champion.value == 0.0  # its own threshold lies above every score
    low, high = first.challenger.interval(0.95)
    assert low < 0.5 < high
    assert high - low < 0.2


def test_of_more_groups_each_is_compared_with_the_rest() -> None:
    origin = np.array(["EWR", "JFK", "LGA"])[np.arange(ROWS) // 2 % 3]

    found = fairness_comparisons(
        predictions(scores(0.5), origin=origin), predictions(scores(0.2), origin=origin), DAYS, params("origin", "sex")
    )

    assert [c.name.split(":")[0] for c in found.comparisons[::3]] == [
        "origin = EWR",
        "origin = JFK",
        "origin = LGA",
        "sex = female",
    ]


def test_what_is_too_small_is_named_with_its_reason() -> None:
    place = np.arange(ROWS)
    origin = np.where(place < 50, "small", np.where(place < 500, "few days", "large"))

    found = fairness_comparisons(*[predictions(scores(0.5), origin=origin)] * 2, DAYS, params("origin"))

    assert [(u.name, u.reason) for u in found.unweighed] == [
        ("origin = few days", "has rows in 5 clusters; it takes 10."),
        ("origin = large: true-positive rate", "cannot be compared: the rest has rows in 5 clusters; it takes 10."),
        ("origin = large: selection rate", "cannot be compared: the rest has rows in 5 clusters; it takes 10."),
        ("origin = large: calibration", "cannot be compared: the rest has rows in 5 clusters; it takes 10."),
        ("origin = small", "has 50 rows; it takes 100."),
    ]
    assert found.comparisons == ()
    assert found.condition.holds is None
    assert "No group could be weighed against the rest: origin = few days has rows in 5" in found.condition.reason


def test_a_group_without_positives_has_no_true_positive_rate() -> None:
    kind = np.where(TRUTH == 1, np.where(np.arange(ROWS) < 301, "late", "other"), "never")

    found = fairness_comparisons(*[predictions(scores(0.5), kind=kind)] * 2, DAYS, params("kind"))

    assert ("kind = never: true-positive rate", "has 0 positives; it takes 1.") in [
        (u.name, u.reason) for u in found.unweighed
    ]
    assert "kind = never: selection rate" in [c.name for c in found.comparisons]


def test_one_group_alone_has_no_rest() -> None:
    found = fairness_comparisons(*[predictions(scores(0.5), kind="a")] * 2, DAYS, params("kind"))

    assert [u.reason for u in found.unweighed] == ["is every row, so there is no rest to compare it with."]
    assert found.condition.holds is None


def test_a_group_that_is_no_slice_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"`gate.fairness.groups` names `age`, .* of challenger.parquet; .* `sex`"):
        fairness_comparisons(*[predictions(scores(0.5))] * 2, DAYS, params("sex", "age"))


def test_without_groups_nothing_was_looked_at() -> None:
    found = fairness_comparisons(*[predictions(scores(0.5))] * 2, DAYS, params())

    assert (found.comparisons, found.condition.holds) == ((), None)


def test_the_margin_of_values_is_a_share_of_their_spread() -> None:
    random = np.random.default_rng(0)
    truth = random.normal(100, 20, ROWS)
    frame = pd.DataFrame({"key": range(ROWS), "truth": truth, "value": truth, "sex": SEX})
    champion = Predictions("champion", frame, "regression", "pay", None, None, None, None)
    less = Predictions("less", frame.assign(value=truth - 5 * (SEX == "female")), "regression", "pay", *[None] * 4)

    found = fairness_comparisons(less, champion, DAYS, params("sex"))

    assert [c.name for c in found.comparisons] == ["sex = female: calibration", "sex = female: mean absolute error"]
    assert [c.challenger for c in found.comparisons] == pytest.approx([-5, 5])
    assert [c.gain.value for c in found.comparisons] == pytest.approx([-5, -5])
    assert found.comparisons[0].margin == pytest.approx(0.05 * truth.std())


def test_several_classes_are_compared_by_accuracy_and_calibration() -> None:
    names = ("low", "middle", "high")
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"key": range(ROWS), "truth": np.array(names)[random.integers(0, 3, ROWS)], "sex": SEX})
    frame[[f"score_{n}" for n in names]] = random.dirichlet([1, 1, 1], ROWS)
    one = Predictions("x", frame, "multiclass", "y", names, None, None, None)

    found = fairness_comparisons(one, one, DAYS, params("sex"))

    assert [c.name for c in found.comparisons] == ["sex = female: accuracy", "sex = female: calibration"]
    right = frame[[f"score_{n}" for n in names]].to_numpy().argmax(axis=1) == one.scored.truth
    assert found.comparisons[0].champion == pytest.approx(right[SEX == "female"].mean() - right[SEX == "male"].mean())
