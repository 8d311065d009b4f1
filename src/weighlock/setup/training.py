"""Settings of train, evaluate and refit that suit a table's size: small tables get small models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighlock.params import (
    EvaluateParams,
    LearnerParams,
    Range,
    RefitParams,
    SearchParams,
    ThresholdParams,
    TrainParams,
)
from weighlock.setup.trial import FOLDS
from weighlock.stages.evaluate import RESERVED

if TYPE_CHECKING:
    import pandas as pd

    from weighlock.schema import Schema, Task

SMALL, MEDIUM = 2_000, 20_000  # training rows up to which a table is small, or of medium size
MOST_SLICES = 4
SLICE_ROWS = 8  # in the holdout, of the smallest slice that is worth a row in the report
QUARTERS = 4


def train_params(task: Task, rows: int) -> TrainParams:
    """`train` for a table with so many training rows."""
    return TrainParams(
        seed=7,
        metric="rmse" if task == "regression" else "log_loss",
        max_categories=100,
        search=SearchParams(folds=FOLDS, max_rows=100_000),
        learners=_learners(rows),
        calibration="auto",
        threshold=ThresholdParams(rule="f1"),
    )


def evaluate_params(rows: pd.DataFrame, schema: Schema, scores: dict[str, float], holdout: int) -> EvaluateParams:
    """`evaluate`, with the columns that are worth a look by slice.

    Args:
        rows: typed by `conform`.
        scores: how well each feature alone predicts the target.
        holdout: rows that will be in it, about.
    """
    ranked = sorted(schema.features, key=lambda name: (-scores.get(name, 0.0), name))
    ranked = [name for name in ranked if name not in RESERVED and not name.startswith("score_")]
    named = [name for name in ranked if schema.features[name].type in {"category", "boolean"}]
    slices = [name for name in named if _smallest(rows[name]) * holdout / len(rows) >= SLICE_ROWS][:MOST_SLICES]
    if not slices and holdout >= QUARTERS * SLICE_ROWS:
        slices = [name for name in ranked if name not in named][:2]  # by quarters of their values
    return EvaluateParams(
        baseline="last" if schema.time else "prior",
        slices=[name for name in schema.features if name in slices],
        max_slices=12,
        bins=10 if holdout >= 500 else 5,
    )


def refit_params(rows: int) -> RefitParams:
    """`refit`: models of few rows stray further."""
    least = 0.85 if rows > MEDIUM else 0.7 if rows > SMALL else 0.5
    return RefitParams(when="always", min_rank_correlation=least)


def _smallest(values: pd.Series) -> int:
    counts = values.value_counts(dropna=False)
    return 0 if len(counts) < 2 else int(counts.min())


def _learners(rows: int) -> dict[str, LearnerParams]:
    linear = LearnerParams(trials=3, space={"C": Range(low=0.001, high=1.0 if rows > MEDIUM else 10.0, log=True)})
    if rows > MEDIUM:
        boosting = _boosting(300, rate=(0.01, 0.06), leaves=(8, 48), leaf_rows=(50, 1000))
        forest = _forest(60, 0.3, leaf_rows=(20, 200), leaves=[500, 1000])
    elif rows > SMALL:
        boosting = _boosting(200, rate=(0.02, 0.1), leaves=(6, 32), leaf_rows=(20, 200))
        forest = _forest(100, 0.4, leaf_rows=(5, 50), leaves=[200, 500])
    else:
        boosting = _boosting(100, rate=(0.02, 0.15), leaves=(4, 16), leaf_rows=(5, 40))
        forest = _forest(100, 0.5, leaf_rows=(2, 20), leaves=[50, 200])
    return {"linear": linear, "lightgbm": boosting, "random_forest": forest}


def _boosting(
    trees: int, *, rate: tuple[float, float], leaves: tuple[int, int], leaf_rows: tuple[int, int]
) -> LearnerParams:
    return LearnerParams(
        trials=8,
        fixed={"n_estimators": trees, "subsample": 0.7, "subsample_freq": 1},
        space={
            "learning_rate": Range(low=rate[0], high=rate[1], log=True),
            "num_leaves": Range(low=leaves[0], high=leaves[1], log=True),
            "min_child_samples": Range(low=leaf_rows[0], high=leaf_rows[1], log=True),
            "colsample_bytree": Range(low=0.3, high=1.0),
        },
    )


def _forest(trees: int, features: float, *, leaf_rows: tuple[int, int], leaves: list[int]) -> LearnerParams:
    return LearnerParams(
        trials=2,
        fixed={"n_estimators": trees, "max_features": features},
        space={"min_samples_leaf": Range(low=leaf_rows[0], high=leaf_rows[1], log=True), "max_leaf_nodes": leaves},
    )
