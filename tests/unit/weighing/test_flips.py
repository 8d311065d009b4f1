"""Flips: which rows come first, who was nearer, and what they look like; checked by hand for each task."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from weighlock.decisions.context import Said, Turns
from weighlock.weighing.flips import flips, movement, turns
from weighlock.weighing.predictions import Predictions


def binary(scores: list[float], threshold: float | None = 0.5, **columns: Any) -> Predictions:
    frame = pd.DataFrame({"key": ["a", "b", "c", "d"], "truth": [1, 0, 1, 0], "score": np.float32(scores)} | columns)
    return Predictions("x", frame, "binary", "late", ("no", "yes"), threshold, None, None)


def multiclass(scores: list[list[float]]) -> Predictions:
    names = ("low", "middle", "high")
    frame = pd.DataFrame({"key": ["a", "b", "c"], "truth": ["low", "high", "middle"]})
    frame[[f"score_{name}" for name in names]] = np.array(scores)
    return Predictions("x", frame, "multiclass", "size", names, None, None, None)


def regression(values: list[float]) -> Predictions:
    frame = pd.DataFrame({"key": ["a", "b", "c"], "truth": [10.0, 20.0, 30.0], "value": values})
    return Predictions("x", frame, "regression", "price", None, None, None, None)


def test_labels_that_flipped_come_before_scores_that_moved_further() -> None:
    champion = binary([0.45, 0.10, 0.55, 0.2])
    challenger = binary([0.55, 0.49, 0.30, 0.2])

    found = flips(challenger, champion)

    # c moved .25 over the threshold, a .10; b moved .39 and stayed below it; d did not move
    assert [(flip.key, round(flip.moved, 3)) for flip in found] == [("c", 0.25), ("a", 0.1), ("b", 0.39)]
    assert [flip.nearer for flip in found] == ["champion", "challenger", "champion"]
    assert found[1].champion == Said("no", pytest.approx(0.45))
    assert found[1].challenger == Said("yes", pytest.approx(0.55))
    assert [flip.truth for flip in found] == ["yes", "yes", "no"]
    assert turns(challenger, champion) == Turns(4, 2, to_right=1, to_wrong=1)


def test_each_model_has_its_own_threshold_and_a_label_may_flip_where_no_score_moved() -> None:
    champion, challenger = binary([0.4, 0.1, 0.9, 0.1], 0.5), binary([0.4, 0.1, 0.9, 0.1], 0.3)

    found = flips(challenger, champion)

    assert [(f.key, f.moved, f.champion.label, f.challenger.label, f.nearer) for f in found] == [
        ("a", 0.0, "no", "yes", "neither")
    ]
    assert turns(challenger, champion) == Turns(4, 1, to_right=1, to_wrong=0)


def test_multiclass_rows_come_by_total_variation() -> None:
    champion = multiclass([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6], [0.1, 0.8, 0.1]])
    challenger = multiclass([[0.5, 0.4, 0.1], [0.1, 0.7, 0.2], [0.1, 0.8, 0.1]])

    found = flips(challenger, champion)

    # a: (.1 + .1) / 2; b: (.1 + .5 + .4) / 2
    assert [(flip.key, flip.moved) for flip in found] == [("b", 0.5), ("a", 0.1)]
    assert (found[0].truth, found[0].champion, found[0].challenger, found[0].nearer) == (
        "high", Said("high", 0.6), Said("middle", 0.7), "champion",
    )  # fmt: skip
    assert turns(challenger, champion) == Turns(3, 1, to_right=0, to_wrong=1)


def test_regression_rows_come_by_how_far_the_value_moved_and_have_no_labels() -> None:
    champion, challenger = regression([12.0, 25.0, 30.0]), regression([9.0, 15.0, 31.0])

    found = flips(challenger, champion, most=2)

    assert [(f.key, f.moved, f.nearer, f.truth) for f in found] == [
        ("b", 10.0, "neither", "20"), ("a", 3.0, "challenger", "10"),
    ]  # fmt: skip
    assert found[0].champion == Said(None, 25.0)
    assert turns(challenger, champion) is None


def test_features_are_those_of_the_table_or_the_slices() -> None:
    champion = binary([0.1, 0.1, 0.9, 0.1], port=["n", "s", "n", "s"])
    challenger = binary([0.9, 0.1, 0.9, 0.1], port=["n", "s", "n", "s"])
    table = pd.DataFrame(
        {"size": [1.0, np.nan], "count": pd.array([3, None], dtype="Int64"), "kind": [None, "x"]}, index=["a", "b"]
    )

    assert flips(challenger, champion)[0].features == (("port", "n"),)
    assert flips(challenger, champion, table)[0].features == (("size", "1"), ("count", "3"), ("kind", "missing"))
    assert flips(challenger, champion, table.drop(index="a"))[0].features == ()


def test_ties_are_in_order_of_the_keys_however_close_the_scores() -> None:
    champion = binary([0.1, 0.1, 0.1, 0.1])
    # 1e-8 is what another processor may add
    challenger = binary([0.3, 0.3 + 1e-8, 0.3 - 3e-8, 0.3])

    assert [flip.key for flip in flips(challenger, champion)] == ["a", "b", "c", "d"]
    assert flips(champion, champion) == ()


def test_other_rows_are_refused() -> None:
    other = binary([0.1, 0.2, 0.3, 0.4])
    other.frame["key"] = ["b", "a", "c", "d"]

    for function in (flips, turns):
        with pytest.raises(ValueError, match="same rows"):
            function(binary([0.1, 0.2, 0.3, 0.4]), other)


def test_movement_of_float32_is_exact() -> None:
    assert movement(binary([0.5, 0, 0, 0]).scored, binary([0.25, 0, 0, 0]).scored).tolist() == [0.25, 0, 0, 0]
