"""Slices: each compared on its own rows and days, each that cannot be named with its reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from weighlock.config import parse
from weighlock.decisions.verdict import Comparison
from weighlock.statistics.bootstrap import Resampling
from weighlock.statistics.metrics import log_losses
from weighlock.statistics.paired import Estimate, Units, mean_difference
from weighlock.weighing.policy import SlicesParams
from weighlock.weighing.predictions import Predictions
from weighlock.weighing.vetoes import slices
from weighlock.weighing.vetoes.slices import slice_comparisons

ROWS = 1200
DAYS = Units(np.arange(ROWS) % 24, ordered=True)
FEW = Resampling(resamples=100)


def params(**change: object) -> SlicesParams:
    return parse({"metric": "log_loss", "margin": 0.02, "min_rows": 100} | change, SlicesParams, "params.yaml")


def predictions(score: np.ndarray, truth: np.ndarray, **columns: object) -> Predictions:
    frame = pd.DataFrame({"key": [f"k{i}" for i in range(ROWS)], "truth": truth, "score": score, **columns})
    return Predictions("x", frame, "binary", "late", ("no", "yes"), 0.5, None, None)


@pytest.fixture
def pair() -> Callable[..., tuple[Predictions, Predictions]]:
    """`pair(**columns)`: a challenger and a champion."""
    random = np.random.default_rng(4)
    truth = random.integers(0, 2, ROWS)
    challenger, champion = (
        np.clip(0.5 + (truth - 0.5) * s + random.normal(0, 0.1, ROWS), 0.01, 0.99) for s in (0.4, 0.5)
    )

    def made(**columns: object) -> tuple[Predictions, Predictions]:
        return predictions(challenger, truth, **columns), predictions(champion, truth, **columns)

    return made


def test_each_slice_is_compared_on_its_rows_alone(pair: Callable) -> None:
    carrier = np.where(np.arange(ROWS) % 3 == 0, "UA", "AA")
    days = Units(np.arange(ROWS) % 36, ordered=True)
    challenger, champion = pair(carrier=carrier)

    found = slice_comparisons(challenger, champion, days, params(), FEW)

    assert [(c.kind, c.name) for c in found.comparisons] == [("slice", "carrier = AA"), ("slice", "carrier = UA")]
    assert found.unweighed == ()
    rows = carrier == "UA"
    losses = [log_losses(p.scored)[rows] for p in (champion, challenger)]
    one = found.comparisons[1]
    assert (one.champion, one.challenger) == pytest.approx(tuple(loss.mean() for loss in losses))
    assert one.gain == mean_difference(losses[0] - losses[1], days.where(rows))
    assert one.gain.clusters == 12  # every third row: days 0, 3, 6 …
    assert one.gain.value < -0.05  # the challenger knows less
    assert one.margin == 0.02


def test_columns_come_in_their_order_and_slices_by_name(pair: Callable) -> None:
    challenger, champion = pair(
        size=np.where(np.arange(ROWS) < 500, "b", "a"), month=np.where(np.arange(ROWS) < 400, "10", "9")
    )

    found = slice_comparisons(challenger, champion, DAYS, params(), FEW)

    assert [c.name for c in found.comparisons] == ["size = a", "size = b", "month = 10", "month = 9"]


def test_what_is_too_small_is_named_with_its_reason(pair: Callable) -> None:
    port = np.where(np.arange(ROWS) < 99, "small", "large").astype(object)
    week = np.where(np.arange(ROWS) % 24 < 9, "few days", "many days")
    challenger, champion = pair(port=port, week=week)

    found = slice_comparisons(challenger, champion, DAYS, params(), FEW)

    assert [c.name for c in found.comparisons] == ["port = large", "week = many days"]
    assert [(u.name, u.reason) for u in found.unweighed] == [
        ("port = small", "has 99 rows; it takes 100."),
        ("week = few days", "has rows in 9 clusters; it takes 10."),
    ]


def test_rows_without_a_value_are_a_slice(pair: Callable) -> None:
    port = np.where(np.arange(ROWS) < 600, "north", None).astype(object)
    challenger, champion = pair(port=port)

    assert [c.name for c in slice_comparisons(challenger, champion, DAYS, params(), FEW).comparisons] == [
        "port = (missing)",
        "port = north",
    ]


def test_a_relative_margin_is_of_the_champions_value_there(pair: Callable) -> None:
    challenger, champion = pair(half=np.where(np.arange(ROWS) < 600, "a", "b"))

    found = slice_comparisons(challenger, champion, DAYS, params(margin="5%"), FEW)

    assert [c.margin for c in found.comparisons] == pytest.approx([0.05 * c.champion for c in found.comparisons])
    assert found.comparisons[0].margin != found.comparisons[1].margin


def test_slices_of_one_class_say_nothing_of_ranks() -> None:
    random = np.random.default_rng(1)
    kind = np.array(["none", "both"])[np.arange(ROWS) % 2]
    truth = np.where(kind == "none", 0, random.integers(0, 2, ROWS))
    challenger, champion = (predictions(random.random(ROWS), truth, kind=kind) for _ in range(2))
    day = Units(np.arange(ROWS) // 40)

    ranks = slice_comparisons(challenger, champion, day, params(metric="roc_auc"), FEW)
    losses = slice_comparisons(challenger, champion, day, params(), FEW)

    assert [c.name for c in ranks.comparisons] == ["kind = both"]
    assert [(u.name, u.reason) for u in ranks.unweighed] == [
        ("kind = none", "cannot be weighed: all 600 rows are of one class, so that roc_auc has nothing to rank."),
    ]
    assert len(losses.comparisons) == 2


def test_a_metric_that_hangs_on_few_clusters_tells_nothing(pair: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    def compare(*args: Any) -> Comparison:
        few = Estimate(value=-1.0, error=0.01, naive_error=0.01, clusters=3, rows=600, freedom=2)
        return Comparison(args[0], args[1], 0.5, 0.6, few, 0.02)

    monkeypatch.setattr(slices, "compare", compare)

    found = slice_comparisons(*pair(kind="a"), DAYS, params(), FEW)

    assert found.comparisons == ()
    assert [u.reason for u in found.unweighed] == ["has what the metric hangs on in 3 clusters; it takes 10."]


def test_values_that_are_all_the_same_have_no_r2() -> None:
    random = np.random.default_rng(1)
    frame = pd.DataFrame({"key": range(ROWS), "truth": 1.0, "value": random.normal(size=ROWS), "kind": "a"})
    one = Predictions("x", frame, "regression", "y", None, None, None, None)

    found = slice_comparisons(one, one, DAYS, params(metric="r2"), FEW)

    assert found.comparisons == ()
    assert [u.reason for u in found.unweighed] == [
        "cannot be weighed: the truth of all 1,200 rows is the same, so that r2 has nothing to explain."
    ]


def test_several_classes_of_which_one_occurs_say_nothing_of_ranks() -> None:
    random = np.random.default_rng(2)
    names = ("low", "middle", "high")
    scores = random.dirichlet([1, 1, 1], ROWS)
    kind = np.where(np.arange(ROWS) % 2 == 0, "one", "all")
    truth = np.where(kind == "one", "low", np.array(names)[random.integers(0, 3, ROWS)])
    frame = pd.DataFrame({"key": range(ROWS), "truth": truth, "kind": kind})
    frame[[f"score_{n}" for n in names]] = scores
    one = Predictions("x", frame, "multiclass", "y", names, None, None, None)
    day = Units(np.arange(ROWS) // 40)

    found = slice_comparisons(one, one, day, params(metric="roc_auc"), FEW)

    assert [c.name for c in found.comparisons] == ["kind = all"]
    assert [u.reason for u in found.unweighed] == [
        "cannot be weighed: all 600 rows are of one class, so that roc_auc has nothing to rank."
    ]
