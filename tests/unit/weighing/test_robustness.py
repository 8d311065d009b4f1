"""Robustness: both models see the same broken rows, and one that cannot score them is not let through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from weighlock.config import parse
from weighlock.conform import truth
from weighlock.errors import ConfigError, DataError
from weighlock.schema import Schema
from weighlock.scoring import Scorer
from weighlock.statistics.bootstrap import Resampling
from weighlock.statistics.metrics import Scored, log_losses
from weighlock.statistics.paired import Units, mean_difference
from weighlock.weighing.policy import RobustnessParams
from weighlock.weighing.vetoes.robustness import check_robustness, perturbed, robustness_comparisons

FEW = Resampling(resamples=100, seed=3)
TASKS = {"binary": "log_loss", "multiclass": "log_loss", "regression": "mae"}


def params(metric: str = "log_loss", **change: Any) -> RobustnessParams:
    content = {"metric": metric, "margin": 0.02, "noise": 0.1, "missing": ["weight"], "unseen": ["kind"]}
    return parse(content | change, RobustnessParams, "params.yaml")


@pytest.fixture
def models(trained: Callable) -> Callable[[str], tuple[Scorer, Scorer]]:
    """`models(task)`: a challenger and a champion."""

    def made(task: str = "binary") -> tuple[Scorer, Scorer]:
        return tuple(Scorer(t.content, t.signature) for t in (trained(task, "linear"), trained(task, "lightgbm")))

    return made


def compared(task: str, pair: tuple[Any, Any], trained: Callable, **change: Any) -> Any:
    t = trained(task, "linear")
    challenger, champion = pair
    units = Units(np.arange(len(t.rows)) % 20)
    return robustness_comparisons(challenger, champion, t.rows, t.schema, units, params(TASKS[task], **change), FEW)


class Broken:
    """Scores what it was trained on, and nothing that is out of the ordinary."""

    def __init__(self, scorer: Scorer, answer: Callable[[pd.DataFrame], Any]) -> None:
        self.signature, self._score, self._answer = scorer.signature, scorer.score, answer

    def score(self, columns: pd.DataFrame) -> Any:
        if columns["weight"].isna().all():
            return self._answer(columns)
        return self._score(columns)


# --- what is compared


@pytest.mark.parametrize("task", list(TASKS))
def test_each_perturbation_is_compared_for_every_task(task: str, models: Callable, trained: Callable) -> None:
    found = compared(task, models(task), trained)

    assert [(c.kind, c.name, c.margin) for c in found.comparisons] == [
        ("robustness", name, 0.02) for name in ("noise", "missing weight", "unseen kind")
    ]
    assert all(np.isfinite([c.champion, c.challenger, c.gain.value, c.gain.error]).all() for c in found.comparisons)
    assert all(c.gain.clusters == 20 and c.gain.error > 0 for c in found.comparisons)
    assert (found.condition.name, found.condition.holds) == ("robustness", True)


def test_the_figures_are_those_of_the_perturbed_rows(models: Callable, trained: Callable) -> None:
    t = trained("binary", "linear")
    challenger, champion = models("binary")

    found = compared("binary", models("binary"), trained).comparisons[1]

    broken = t.rows.assign(weight=np.nan)
    y = truth(t.rows, t.schema)
    losses = [log_losses(Scored("binary", y, m.score(broken))) for m in (champion, challenger)]
    assert (found.champion, found.challenger) == pytest.approx(tuple(loss.mean() for loss in losses))
    assert found.gain == mean_difference(losses[0] - losses[1], Units(np.arange(len(y)) % 20))
    whole = [log_losses(Scored("binary", y, m.score(t.rows))).mean() for m in (champion, challenger)]
    assert found.champion > whole[0]  # it does lose by it


def test_classes_stand_in_the_schemas_order_whatever_the_models(models: Callable, trained: Callable) -> None:
    challenger, champion = models("multiclass")
    turned = SimpleNamespace(
        signature=replace(challenger.signature, classes=challenger.signature.classes[::-1]),
        score=lambda rows: challenger.score(rows)[:, ::-1],
    )

    plain = compared("multiclass", models("multiclass"), trained)
    found = compared("multiclass", (turned, champion), trained)

    assert found.comparisons == plain.comparisons


def test_the_same_model_suffers_as_much_as_itself(models: Callable, trained: Callable) -> None:
    model = models("binary")[0]

    found = compared("binary", (model, model), trained)

    assert [(c.gain.value, c.gain.error) for c in found.comparisons] == [(0.0, 0.0)] * 3


# --- the rows


def frames(rows: pd.DataFrame, schema: Schema, seed: int = 3, **change: Any) -> dict[str, pd.DataFrame]:
    return dict(perturbed(rows, schema, params(**change), seed, ()))


def test_noise_is_seeded_small_and_within_what_the_schema_allows(rows_of: Callable, schema_of: Callable) -> None:
    rows, schema = rows_of("binary", 2000), schema_of("binary")
    before = rows.copy(deep=True)

    noisy = frames(rows, schema, noise=0.5)["noise"]

    pd.testing.assert_frame_equal(rows, before)
    pd.testing.assert_frame_equal(noisy, frames(rows, schema, noise=0.5)["noise"])
    assert not noisy["size"].equals(frames(rows, schema, seed=4, noise=0.5)["noise"]["size"])
    for name in ("size", "weight"):
        added = (noisy[name] - rows[name]).dropna()
        assert added.std() == pytest.approx(0.5 * rows[name].std(), rel=0.06)
        assert added.mean() == pytest.approx(0, abs=0.05 * rows[name].std())
    assert (noisy["weight"].isna() == rows["weight"].isna()).all()
    assert set(noisy["count"].dropna()) == {0.0, 1.0, 2.0, 3.0, 4.0}  # whole, and from min to max
    assert (noisy["count"] != rows["count"])[rows["count"].notna()].mean() > 0.2
    for name in ("new", "kind", "port", "target", "id"):
        assert noisy[name].equals(rows[name])


def test_whole_numbers_stay_within_bounds_that_are_none(rows_of: Callable, schema_of: Callable) -> None:
    rows = rows_of("binary", 500)
    schema = schema_of("binary", features=["count"])
    tight = schema.model_copy(
        update={"features": {"count": schema.features["count"].model_copy(update={"min": 0.5, "max": 3.5})}}
    )

    noisy = frames(rows, tight, noise=1.0, missing=[], unseen=[])["noise"]["count"]

    assert set(noisy.dropna()) == {1.0, 2.0, 3.0}


def test_a_column_goes_missing_in_every_row(rows_of: Callable, schema_of: Callable) -> None:
    rows, schema = rows_of("binary"), schema_of("binary")

    found = frames(rows, schema, missing=["weight", "kind"], unseen=[], noise=0)

    assert list(found) == ["missing weight", "missing kind"]
    assert found["missing weight"]["weight"].isna().all()
    assert found["missing weight"]["weight"].dtype == np.float64
    assert found["missing kind"]["kind"].tolist() == [None] * len(rows)
    assert found["missing kind"]["weight"].equals(rows["weight"])


def test_an_unseen_category_is_one_that_no_model_knows(
    models: Callable, rows_of: Callable, schema_of: Callable
) -> None:
    rows, schema = rows_of("binary"), schema_of("binary")
    kind = next(f for f in models()[0].signature.features if f.name == "kind")
    knowing = SimpleNamespace(signature=SimpleNamespace(features=(replace(kind, categories=("a", "unseen")),)))
    rows.loc[0, "kind"] = "unseen?"

    ((name, found),) = perturbed(rows, schema, params(missing=[], noise=0), 3, (models()[0], knowing))

    assert name == "unseen kind"
    assert set(found["kind"]) == {"unseen??"}


def test_columns_of_nothing_and_of_one_value_bear_noise(rows_of: Callable, schema_of: Callable) -> None:
    rows = rows_of("binary").assign(weight=np.nan, size=1.0)

    noisy = frames(rows, schema_of("binary"))["noise"]

    assert noisy["weight"].isna().all()
    assert (noisy["size"] == 1.0).all()


# --- models that break


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda rows: (_ for _ in ()).throw(DataError("row 0 has no finite score")), "row 0 has no finite score"),
        (lambda rows: (_ for _ in ()).throw(RuntimeError()), "RuntimeError"),
        (lambda rows: np.where(np.arange(len(rows)) < 2, np.nan, 0.5), "2 are not finite"),
    ],
)
def test_a_challenger_that_cannot_score_them_does_not_hold(
    answer: Callable, said: str, models: Callable, trained: Callable
) -> None:
    challenger, champion = models("binary")

    found = compared("binary", (Broken(challenger, answer), champion), trained)

    assert found.condition.holds is False
    assert found.condition.reason == f"On rows with missing weight the challenger gives no scores: {said}."
    assert [c.name for c in found.comparisons] == ["noise", "unseen kind"]


def test_a_champion_that_cannot_score_them_is_nothing_to_compare_with(models: Callable, trained: Callable) -> None:
    challenger, champion = models("binary")
    broken = Broken(champion, lambda rows: np.full(len(rows), np.inf))

    found = compared("binary", (challenger, broken), trained)

    assert found.condition.holds is None
    assert (
        "the champion gives no scores: 240 are not finite. There is nothing to compare with" in found.condition.reason
    )


def test_rows_of_which_the_metric_says_nothing_are_no_pass(models: Callable, trained: Callable) -> None:
    t = trained("binary", "linear")
    rows = t.rows.assign(target=np.int8(1))

    found = robustness_comparisons(
        *models("binary"), rows, t.schema, Units.rows(len(rows)), params("roc_auc", missing=[], unseen=[]), FEW
    )

    assert (found.comparisons, found.condition.holds) == ((), None)
    assert "Rows with noise cannot be compared: all 240 rows are of one class" in found.condition.reason


def test_without_a_perturbation_nothing_was_looked_at(models: Callable, trained: Callable) -> None:
    found = compared("binary", models("binary"), trained, noise=0, missing=[], unseen=[])

    assert (found.comparisons, found.condition.holds) == ((), None)


# --- what the schema does not allow


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"missing": ["wieght"]}, "`gate.robustness.missing` names `wieght`, which is no feature of `schema.yaml`"),
        ({"unseen": ["target"]}, "`gate.robustness.unseen` names `target`, which is no feature"),
        ({"missing": ["size"]}, "`size`, but `schema.yaml` does not let it be missing"),
        ({"unseen": ["port"]}, "`port`, which is no category whose values are `open`"),
        ({"unseen": ["count"]}, "`count`, which is no category whose values are `open`"),
    ],
)
def test_what_the_schema_does_not_allow_is_refused(change: dict[str, Any], said: str, schema_of: Callable) -> None:
    with pytest.raises(ConfigError, match=said):
        check_robustness(params(**change), schema_of("binary"))
