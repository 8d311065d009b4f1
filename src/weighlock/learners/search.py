"""Search: Optuna tries settings of one learner, each scored by time-ordered (or grouped) cross-validation."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from weighlock.conform import truth
from weighlock.errors import DataError
from weighlock.learners.recipe import Recipe, matrix
from weighlock.params import LearnerParams, Range, TrainParams
from weighlock.statistics.metrics import Metric, Scored

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from weighlock.schema import Schema

Folds = list[tuple["NDArray[np.intp]", "NDArray[np.intp]"]]


@dataclass(frozen=True)
class Trial:
    """One setting and how it did.

    Attributes:
        settings: what the estimator was built with.
        score: the primary metric, the mean over folds.
        truth: (m,) of the rows that folds were scored on.
        probabilities: (m, classes) that models of the other folds gave them; None for regression.
    """

    settings: dict[str, Any]
    score: float
    truth: NDArray[Any]
    probabilities: NDArray[Any] | None


def search(
    name: str, learner: LearnerParams, rows: pd.DataFrame, schema: Schema, params: TrainParams, metric: Metric,
    say: Callable[[str], None],
) -> list[Trial]:  # fmt: skip
    """Try `learner.trials` settings, the same ones in every run; all trials, in order.

    Args:
        rows: training rows, in order of time where there is one. The newest `search.max_rows` are used; without a
            time any, since the order of keys may well be that of the classes.
        say: takes a line of progress after each trial.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if len(rows) > params.search.max_rows:
        most = params.search.max_rows
        rows = rows.tail(most) if schema.time else rows.sample(most, random_state=params.seed).sort_index()
    rows = rows.reset_index(drop=True)
    folds = make_folds(rows, schema, params.search.folds, params.seed)
    sampler = optuna.samplers.TPESampler(seed=params.seed, n_startup_trials=max(3, learner.trials // 3))
    study = optuna.create_study(sampler=sampler, direction="maximize")
    trials: list[Trial] = []
    for number in range(1, learner.trials + 1):
        asked = study.ask()
        settings = {
            **learner.fixed,
            **{key: _suggest(asked, key, space) for key, space in learner.space.items()},
        }
        recipe = Recipe(name, settings, params.seed, params.max_categories)
        begun = time.perf_counter()
        trial = cross_validate(recipe, rows, schema, folds, metric)
        trials.append(trial)
        study.tell(asked, metric.gain(trial.score, 0.0))
        best = best_of(trials, metric)
        say(
            f"{name} {number}/{learner.trials}  {metric.name} {trial.score:.5f}  best {best.score:.5f}  "
            f"{time.perf_counter() - begun:.1f} s"
        )
        if not learner.space:
            break  # nothing to choose from: one trial says it all
    return trials


def best_of(trials: list[Trial], metric: Metric) -> Trial:
    """The best trial; the first of equals."""
    return max(trials, key=lambda t: metric.gain(t.score, 0.0))


def cross_validate(recipe: Recipe, rows: pd.DataFrame, schema: Schema, folds: Folds, metric: Metric) -> Trial:
    """Train on each fold's first part, score its second."""
    scores, truths, raw = [], [], []
    for train, test in folds:
        model = replace(recipe, calibration=None).fit(rows.iloc[train], schema)
        held = rows.iloc[test]
        X, y = matrix(held, schema), truth(held, schema)
        if schema.task == "regression":
            predicted = model.score(X)
        else:
            raw.append(model.raw_probabilities(X))
            predicted = raw[-1][:, 1] if schema.task == "binary" else raw[-1]
        truths.append(y)
        scores.append(metric(Scored(schema.task, y, predicted, 0.5)))
    return Trial(recipe.settings, float(np.mean(scores)), np.concatenate(truths), np.concatenate(raw) if raw else None)


def make_folds(rows: pd.DataFrame, schema: Schema, count: int, seed: int) -> Folds:
    """Expanding windows where there is time; whole groups where there are groups; else shuffled, by class.

    Raises:
        DataError: there are fewer rows or groups than folds, or no fold has every class to train on.
    """
    from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, TimeSeriesSplit

    units = rows[schema.group].nunique() if schema.group and not schema.time else len(rows)
    if units < count + bool(schema.time):  # with a time, the oldest part is never scored
        raise DataError(
            f"{len(rows):,} training rows{f' of {units} groups' if units < len(rows) else ''} are too few for {count} "
            "folds. Lower `train.search.folds`, or raise `train.search.max_rows`."
        )
    y = truth(rows, schema)
    if schema.time:
        folds = list(TimeSeriesSplit(n_splits=count).split(rows))
        if schema.group:  # a group that has begun in the first part is not news in the second
            group = rows[schema.group].to_numpy()
            folds = [(a, b[~np.isin(group[b], group[a])]) for a, b in folds]
    elif schema.group:
        folds = list(GroupKFold(n_splits=count).split(rows, groups=rows[schema.group]))
    elif schema.task == "regression":
        folds = list(KFold(n_splits=count, shuffle=True, random_state=seed).split(rows))
    else:
        rarest = int(np.bincount(y).min())
        folds = list(
            StratifiedKFold(n_splits=count, shuffle=True, random_state=seed).split(rows, y)
            if rarest >= count
            else KFold(n_splits=count, shuffle=True, random_state=seed).split(rows)
        )
    if schema.task != "regression":
        classes = len(schema.classes or ())
        folds = [(a, b) for a, b in folds if len(np.unique(y[a])) == classes and len(np.unique(y[b])) > 1]
    folds = [(a, b) for a, b in folds if len(a) and len(b)]
    if not folds:
        raise DataError(
            f"none of {count} folds of {len(rows):,} training rows has every class of `{schema.target}`. Lower "
            "`train.search.folds`, raise `train.search.max_rows`, or take rare classes out of `schema.yaml`."
        )
    return folds


def _suggest(trial: Any, name: str, space: Range | list[Any]) -> Any:
    if isinstance(space, list):
        return trial.suggest_categorical(name, space)
    draw = trial.suggest_int if isinstance(space.low, int) and isinstance(space.high, int) else trial.suggest_float
    return draw(name, space.low, space.high, log=space.log)
