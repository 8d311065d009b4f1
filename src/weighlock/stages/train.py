"""Train: search each learner, choose on validation, calibrate, set the threshold, train once more, export to ONNX."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from weighlock.conform import truth
from weighlock.errors import ConfigError
from weighlock.files import outputs
from weighlock.layout import IMPORTANCE, MODEL, PART_FILES, RECIPE, SEARCH, SIGNATURE, WEIGHED
from weighlock.learners.calibration import Calibration, fit_calibration
from weighlock.learners.export import export
from weighlock.learners.importance import permutation_importance
from weighlock.learners.parity import check_parity
from weighlock.learners.recipe import Model, Recipe, matrix
from weighlock.learners.search import Trial, best_of, search
from weighlock.params import ThresholdParams, TrainParams, read_params
from weighlock.schema import Schema, read_schema
from weighlock.scoring import RESULT_THREADS, Scorer
from weighlock.statistics.metrics import Metric, Scored, find_metric, log_losses
from weighlock.tables import read_table
from weighlock.times import minute

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

LIBRARIES = (
    "lightgbm", "numpy", "onnx", "onnxmltools", "onnxruntime", "optuna", "pandas", "pyarrow", "scikit-learn", "scipy",
    "skl2onnx",
)  # fmt: skip


def run() -> None:
    """Read training and validation rows; write the weighed model and what the search found."""
    params, schema = read_params().train, read_schema()
    rows = {part: read_table(Path(PART_FILES[part]), "weighlock stage split") for part in ("train", "validation")}
    metric = primary_metric(params, schema)
    chosen, report = choose(rows["train"], rows["validation"], schema, params, metric)
    recipe = chosen.recipe
    importance = permutation_importance(chosen, rows["validation"], metric, params.seed)
    say(f"training {recipe.learner} on train and validation")
    import pandas as pd

    seen = pd.concat(rows.values(), ignore_index=True)
    weighed = recipe.fit(seen, schema)
    content, signature = export(weighed, minute(seen[schema.time].max()) if schema.time else None)
    report["parity"] = check_parity(weighed, Scorer(content, signature, threads=RESULT_THREADS), rows["validation"])
    with outputs("train") as out:
        out.path(f"{WEIGHED}/{MODEL}").write_bytes(content)
        out.json(f"{WEIGHED}/{SIGNATURE}", signature.to_json())
        out.json(f"{WEIGHED}/{RECIPE}", recipe.to_json())
        out.json(f"{WEIGHED}/{IMPORTANCE}", importance)
        out.json(SEARCH, report)
    print(f"{recipe.learner}: {WEIGHED}/{MODEL}, {len(content):,} bytes")


def say(line: str) -> None:
    """Show progress at once, also where the output is a pipe."""
    print(line, file=sys.stderr, flush=True)


def primary_metric(params: TrainParams, schema: Schema) -> Metric:
    """The metric that decides.

    Raises:
        ConfigError: there is none of that name for the task.
    """
    try:
        return find_metric(params.metric, schema.task)
    except KeyError as error:
        raise ConfigError(f"`train.metric` in `params.yaml`: {error.args[0]}.") from None


def choose(
    train: pd.DataFrame, validation: pd.DataFrame, schema: Schema, params: TrainParams, metric: Metric
) -> tuple[Model, dict[str, Any]]:
    """The learner and settings that do best on validation, trained on `train` alone, and the report of the search."""
    X, y = matrix(validation, schema), truth(validation, schema)
    learners: dict[str, Any] = {}
    best: tuple[float, Model, Trial] | None = None
    for name, learner in params.learners.items():
        trials = search(name, learner, train, schema, params, metric, say)
        trial = best_of(trials, metric)
        model = Recipe(name, trial.settings, params.seed, params.max_categories).fit(train, schema)
        score = metric(Scored(schema.task, y, model.score(X), 0.5))
        say(f"{name} on validation: {metric.name} {score:.5f}")
        learners[name] = {
            "validation": round(score, 6),
            "settings": trial.settings,
            "trials": [{"settings": t.settings, metric.name: round(t.score, 6)} for t in trials],
        }
        if best is None or metric.gain(score, best[0]) > 0:
            best = (score, model, trial)
    assert best is not None  # noqa: S101  (params asks for a learner or more)
    _, model, trial = best
    model, calibration_report = calibrate(model, trial, X, y, params)
    threshold = None
    if schema.task == "binary":
        threshold = choose_threshold(y, model.score(X), params.threshold)
    model = replace(model, recipe=replace(model.recipe, threshold=threshold))
    report = {
        "metric": metric.name,
        "chosen": model.recipe.learner,
        "calibration": calibration_report,
        "learners": learners,
    }
    return model, report


def calibrate(
    model: Model, trial: Trial, X: pd.DataFrame, y: NDArray[Any], params: TrainParams
) -> tuple[Model, dict[str, Any]]:
    """Fit a calibration on the search's held-out scores and keep it where it lowers the validation's log loss."""
    if params.calibration == "never" or trial.probabilities is None:
        return model, {"used": False}
    calibration: Calibration = fit_calibration(trial.truth, trial.probabilities)
    calibrated = replace(model, recipe=replace(model.recipe, calibration=calibration))
    before = float(log_losses(Scored(model.schema.task, y, model.score(X))).mean())
    after = float(log_losses(Scored(model.schema.task, y, calibrated.score(X))).mean())
    used = after < before
    say(f"calibration: log loss {before:.5f} without, {after:.5f} with; {'used' if used else 'left out'}")
    report = {"used": used, "log_loss_without": round(before, 6), "log_loss_with": round(after, 6)}
    return (calibrated if used else model), report


def choose_threshold(y: NDArray[Any], scores: NDArray[Any], params: ThresholdParams) -> float:
    """The operating threshold by a rule: the score from which on a row is labelled positive.

    Args:
        y: (n,) 0/1.
        scores: (n,) of the positive class.
    """
    if params.rule == "fixed":
        return params.value
    # one cut below each distinct score, the highest first, and one above all of them: equal scores are labelled alike
    levels, level = np.unique(-np.asarray(scores, dtype=np.float64), return_inverse=True)
    hits = np.append(0, np.cumsum(np.bincount(level, weights=y)))
    alarms = np.append(0, np.cumsum(np.bincount(level)))
    positives, negatives = hits[-1], alarms[-1] - hits[-1]
    value = {
        "f1": 2 * hits / np.maximum(alarms + positives, 1),
        "youden": hits / max(positives, 1) - (alarms - hits) / max(negatives, 1),
        "cost": -(params.false_negative_cost * (positives - hits) + (alarms - hits)),
    }[params.rule]
    borders = np.concatenate([[max(1.0, -levels[0] + 1e-6)], -levels, [0.0]])
    best = int(np.argmax(value))
    return _short(borders[best + 1], borders[best])


def _short(lower: float, upper: float) -> float:
    """A number with lower < number <= upper, about the middle of them, in as few digits as do.

    The last digits of a score hang on the machine; a threshold between two of them need not.
    """
    middle = (lower + upper) / 2
    candidates = (float(f"{middle:.{digits}g}") for digits in range(6, 18))
    return next((c for c in candidates if lower < c <= upper), float(upper))
