"""Evaluate: score the ONNX file on the holdout; metrics beside a baseline, slices, predictions, plots."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from weighlock.conform import truth
from weighlock.errors import ConfigError, DataError
from weighlock.files import outputs, read_json
from weighlock.layout import METRICS, PART_FILES, PLOTS, PREDICTIONS, ROW_ID, SLICES, SPLIT, WEIGHED
from weighlock.params import EvaluateParams, read_params
from weighlock.plots import plots_of
from weighlock.schema import Schema, read_schema
from weighlock.scoring import RESULT_THREADS, Scorer
from weighlock.slices import slice_labels
from weighlock.statistics.metrics import Scored, metrics_of
from weighlock.tables import read_table, write_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

LIBRARIES = ("numpy", "onnxruntime", "pandas", "pyarrow", "scikit-learn")
DIGITS = 6
# what is said of each slice: few figures, and those that a small slice can bear
SLICE_METRICS = {
    "binary": ("log_loss", "brier", "roc_auc"),
    "multiclass": ("log_loss", "accuracy"),
    "regression": ("rmse", "mae"),
}
RESERVED = {"key", "time", "group", "truth", "score", "value"}


def run() -> None:
    """Read the weighed model and the holdout; write metrics, slices, predictions and plots."""
    params, schema = read_params().evaluate, read_schema()
    scorer = Scorer.load(Path(WEIGHED), threads=RESULT_THREADS)
    holdout = read_table(Path(PART_FILES["holdout"]), "weighlock stage split")
    split = read_json(Path(SPLIT), "weighlock stage split")
    model = Scored(schema.task, truth(holdout, schema), scorer.score(holdout), scorer.signature.threshold)
    baseline = Scored(
        schema.task,
        model.truth,
        baseline_scores(schema, split, params.baseline, len(holdout)),
        model.threshold,
    )
    labels = sliced(holdout, schema, params)
    metrics = evaluate(model, baseline, schema)
    with outputs("evaluate") as out:
        out.json(METRICS, metrics)
        out.json(SLICES, evaluate_slices(model, labels))
        meta = {
            "task": schema.task, "target": schema.target, "classes": schema.classes,
            "threshold": model.threshold, "model": scorer.signature.digest,
            "trained_until": scorer.signature.trained_until,
        }  # fmt: skip
        write_table(predictions(holdout, model, labels, schema), out.path(PREDICTIONS), meta)
        folder = out.folder(PLOTS)
        for name, table in plots_of(model, params.bins, schema.classes).items():
            table.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n")
    for name, value in metrics["model"].items():
        print(f"{name:<20} {value:>10.5f}   baseline {metrics['baseline'][name]:>10.5f}")


def baseline_scores(schema: Schema, split: dict[str, Any], kind: str, rows: int) -> NDArray[np.float64]:
    """What someone without a model would say of every row: the rate or mean of what came before.

    Args:
        split: the content of `reports/split.json`.
        kind: `prior`, of train and validation; `last`, of validation.
        rows: how many.

    Returns:
        (rows,) or (rows, classes).
    """
    parts = [split["validation"]] if kind == "last" else [split["train"], split["validation"]]
    weights = np.array([part["rows"] for part in parts], dtype=float)
    if schema.task == "multiclass":
        shares = np.array([[part["shares"].get(c, 0.0) for c in schema.classes or ()] for part in parts])
        shares = np.average(shares + 1e-6, axis=0, weights=weights)  # a class that was absent is rare, not impossible
        return np.tile(shares / shares.sum(), (rows, 1))
    return np.full(rows, np.average([part["mean"] for part in parts], weights=weights))


def evaluate(model: Scored, baseline: Scored, schema: Schema) -> dict[str, Any]:
    """The content of `reports/metrics.json`: every metric of the task, of the model and of the baseline."""
    report: dict[str, Any] = {"rows": len(model.truth)}
    if model.task == "binary":
        report |= {"positives": int(model.truth.sum()), "threshold": model.threshold}
    for name, scored in (("model", model), ("baseline", baseline)):
        report[name] = {metric.name: round(metric(scored), DIGITS) for metric in metrics_of(model.task)}
    if model.task == "multiclass":
        report["classes"] = _by_class(model, schema.classes or [])
    return report


def sliced(rows: pd.DataFrame, schema: Schema, params: EvaluateParams) -> pd.DataFrame:
    """The slice that each row is of, one column a slice column.

    Raises:
        ConfigError: `evaluate.slices` names a column that is not there.
    """
    known = schema.columns
    for name in params.slices:
        if name not in known:
            raise ConfigError(f"`evaluate.slices` names `{name}`, which is no column of `schema.yaml`.")
        if name in RESERVED or name.startswith("score_"):
            raise ConfigError(
                f"`evaluate.slices` names `{name}`, but predictions use that name themselves. Rename the column."
            )
    return pd.DataFrame(
        {n: slice_labels(rows[n], known[n].type, params.max_slices) for n in params.slices}, index=rows.index
    )


def evaluate_slices(model: Scored, labels: pd.DataFrame) -> list[dict[str, Any]]:
    """The content of `reports/slices.json`: by column and slice, rows, mean truth, mean score and a few metrics."""
    metrics = [m for m in metrics_of(model.task) if m.name in SLICE_METRICS[model.task]]
    report = []
    for column in labels.columns:
        for label, rows in labels.groupby(column, sort=True).indices.items():
            part = Scored(model.task, model.truth[rows], model.scores[rows], model.threshold)
            row: dict[str, Any] = {"column": column, "slice": str(label), "rows": len(rows)}
            if model.task != "multiclass":
                row["mean_truth"] = round(float(part.truth.mean()), DIGITS)
                row["mean_score"] = round(float(part.scores.mean(dtype=np.float64)), DIGITS)
            for metric in metrics:
                whole = metric.name != "roc_auc" or len(np.unique(part.truth)) > 1
                row[metric.name] = round(metric(part), DIGITS) if whole else None
            report.append(row)
    return report


def predictions(rows: pd.DataFrame, model: Scored, labels: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The content of `reports/predictions.parquet`: key, time, group, truth, scores and slices, a row each."""
    table = {"key": rows[schema.key or ROW_ID].astype(str)}
    if schema.time:
        table["time"] = rows[schema.time]
    if schema.group:
        table["group"] = rows[schema.group].astype(str)
    table["truth"] = rows[schema.target]
    if schema.task == "multiclass":
        table |= {f"score_{c}": model.scores[:, i] for i, c in enumerate(schema.classes or ())}
    else:
        table["score" if schema.task == "binary" else "value"] = model.scores
    frame = pd.DataFrame(table)
    if frame["key"].duplicated().any():
        raise DataError(
            f"the key `{schema.key}` stands twice in the holdout: {frame['key'][frame['key'].duplicated()].iloc[0]}."
        )
    return pd.concat([frame, labels], axis=1)


def _by_class(model: Scored, classes: list[str]) -> dict[str, Any]:
    from sklearn.metrics import precision_recall_fscore_support

    numbers = range(len(classes))
    precision, recall, f1, rows = precision_recall_fscore_support(
        model.truth, model.labels, labels=list(numbers), zero_division=0
    )
    return {
        name: {
            "rows": int(rows[i]),
            "precision": round(float(precision[i]), DIGITS),
            "recall": round(float(recall[i]), DIGITS),
            "f1": round(float(f1[i]), DIGITS),
        }
        for i, name in enumerate(classes)
    }
