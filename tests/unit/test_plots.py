"""Plots are small tables: curves by hand, shares that add up, counts that are all there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as reference

from weighlock.plots import NAMES, POINTS, plots_of
from weighlock.statistics.metrics import Scored

RANDOM = np.random.default_rng(0)


def binary(rows: int) -> Scored:
    scores = RANDOM.random(rows)
    return Scored("binary", (RANDOM.random(rows) < scores).astype(int), scores.astype(np.float32), 0.4)


def multiclass(rows: int) -> Scored:
    scores = RANDOM.dirichlet([1, 1, 1], size=rows)
    truth = (scores.cumsum(axis=1) > RANDOM.random((rows, 1))).argmax(axis=1)
    return Scored("multiclass", truth, scores.astype(np.float32))


def regression(rows: int) -> Scored:
    truth = RANDOM.normal(size=rows)
    return Scored("regression", truth, (truth + RANDOM.normal(size=rows)).astype(np.float32))


CASES = [(binary, ["no", "yes"]), (multiclass, ["low", "middle", "high"]), (regression, None)]


@pytest.mark.parametrize(("make", "classes"), CASES)
def test_a_task_has_its_plots_each_small_and_without_gaps(make: Callable, classes: list[str] | None) -> None:
    model = make(3000)

    plots = plots_of(model, 10, classes)

    assert tuple(plots) == NAMES[model.task]
    for table in plots.values():
        assert 0 < len(table) <= POINTS
        assert not table.isna().any().any()


def test_the_curves_by_hand() -> None:
    model = Scored("binary", np.array([1, 0, 1, 0]), np.array([0.8, 0.6, 0.5, 0.1]), 0.55)

    plots = plots_of(model, 2, ["no", "yes"])

    assert plots["roc"].to_numpy().tolist() == [[0, 0], [0, 0.5], [0.5, 0.5], [0.5, 1], [1, 1]]
    # from the highest threshold to the lowest
    assert plots["precision_recall"]["recall"].tolist() == [0, 0.5, 0.5, 1, 1]
    assert plots["precision_recall"]["precision"].tolist() == pytest.approx([1, 1, 1 / 2, 2 / 3, 1 / 2])
    assert plots["calibration"]["predicted"].tolist() == pytest.approx([0.3, 0.7])
    assert plots["calibration"]["observed"].tolist() == [0.5, 0.5]
    assert plots["confusion"].to_numpy().tolist() == [
        ["no", "no", 1],
        ["no", "yes", 1],
        ["yes", "no", 1],
        ["yes", "yes", 1],
    ]


def test_the_thinned_roc_keeps_its_ends_and_its_area() -> None:
    model = binary(5000)

    roc = plots_of(model, 10, ["no", "yes"])["roc"]

    assert (roc.iloc[0].tolist(), roc.iloc[-1].tolist()) == ([0, 0], [1, 1])
    area = reference.auc(roc["false_positive_rate"], roc["true_positive_rate"])
    assert area == pytest.approx(reference.roc_auc_score(model.truth, model.scores), abs=0.002)


def test_curves_of_classes_are_of_all_together() -> None:
    model = multiclass(40)

    plots = plots_of(model, 5, ["low", "middle", "high"])

    area = reference.auc(plots["roc"]["false_positive_rate"], plots["roc"]["true_positive_rate"])
    assert area == pytest.approx(reference.roc_auc_score(np.eye(3)[model.truth], model.scores, average="micro"))
    assert plots["calibration"]["rows"].sum() == 3 * 40


@pytest.mark.parametrize(("make", "classes"), CASES[:2])
def test_the_confusion_counts_every_row(make: Callable, classes: list[str]) -> None:
    model = make(500)

    table = plots_of(model, 10, classes)["confusion"]

    expected = reference.confusion_matrix(model.truth, model.labels, labels=range(len(classes)))
    assert table["rows"].to_numpy().reshape(expected.shape).tolist() == expected.tolist()
    assert list(zip(table["actual"], table["predicted"], strict=True))[1] == (classes[0], classes[1])


@pytest.mark.parametrize(("make", "classes"), CASES)
@pytest.mark.parametrize("name", ["scores", "residuals"])
def test_shares_of_a_group_add_up_to_one(make: Callable, classes: list[str] | None, name: str) -> None:
    plots = plots_of(make(500), 10, classes)

    for share in plots.get(name, plots["scores"]).groupby("group")["share"].sum():
        assert share == pytest.approx(1)


def test_scores_at_zero_and_one_are_counted() -> None:
    model = Scored("binary", np.array([0, 1, 1]), np.array([0.0, 1.0, 1.0], dtype=np.float32), 0.5)

    scores = plots_of(model, 10, ["no", "yes"])["scores"]

    filled = scores[scores["share"] > 0]
    assert filled.to_numpy().tolist() == [[0.9875, 1.0, "truth yes"], [0.0125, 1.0, "truth no"]]


def test_scores_of_classes_are_those_of_the_top_class() -> None:
    scores = [[0.71, 0.2, 0.09], [0.3, 0.61, 0.09]]

    table = plots_of(Scored("multiclass", np.array([0, 2]), np.array(scores)), 2, ["low", "middle", "high"])["scores"]

    filled = table[table["share"] > 0]
    assert filled["score"].tolist() == pytest.approx([0.7125, 0.6125])
    assert filled["group"].tolist() == ["top class right", "top class wrong"]


def test_where_no_row_is_wrong_the_group_is_empty_and_not_a_gap() -> None:
    model = Scored("multiclass", np.array([0, 1, 2]), np.eye(3))

    scores = plots_of(model, 2, ["low", "middle", "high"])["scores"]

    assert scores.groupby("group")["share"].sum().to_dict() == {"top class right": 1.0, "top class wrong": 0.0}


def test_a_constant_prediction_that_is_right_has_residuals_of_zero() -> None:
    plots = plots_of(Scored("regression", np.full(4, 2.0), np.full(4, 2.0)), 2, None)

    assert plots["residuals"].loc[lambda t: t["share"] > 0, "share"].tolist() == [1.0]
    assert plots["calibration"].to_numpy().tolist() == [[2.0, 2.0, 2.0], [2.0, 2.0, 2.0]]


def test_residuals_are_truth_less_prediction() -> None:
    model = Scored("regression", np.array([3.0, 0.0]), np.array([1.0, 0.0]))

    table = plots_of(model, 2, None)["residuals"]

    assert table.loc[table["share"] > 0, "residual"].tolist() == pytest.approx([0.025, 1.975])


def test_every_plot_can_be_written_as_csv() -> None:
    for make, classes in CASES:
        for table in plots_of(make(50), 10, classes).values():
            text = table.to_csv(index=False, float_format="%.6g", lineterminator="\n")
            assert text.count("\n") == len(table) + 1
            assert isinstance(table, pd.DataFrame)
