"""What the weighed model reached on the holdout by itself, with intervals: what a model card says of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from weighlock.decisions.figures import CONFIDENCE
from weighlock.files import read_json
from weighlock.layout import METRICS, PREDICTIONS
from weighlock.params import FILE as PARAMS
from weighlock.params import read_params
from weighlock.statistics.bootstrap import Resampling
from weighlock.statistics.level import level
from weighlock.statistics.metrics import metrics_of
from weighlock.weighing.judgement import UNIT, units_of
from weighlock.weighing.policy import read_policy
from weighlock.weighing.predictions import read_predictions, rows_digest
from weighlock.weighing.vetoes.fairness import fairness_comparisons

if TYPE_CHECKING:
    from pathlib import Path

    from weighlock.statistics.paired import Estimate, Units
    from weighlock.weighing.policy import GateParams
    from weighlock.weighing.predictions import Predictions

DIGITS = 6
UNBOUNDED = {"log_loss", "brier", "rmse", "mae", "pinball_10", "pinball_50", "pinball_90"}  # above; brier reaches 2
SIGNED = {"r2", "calibration"}  # may be below 0; r2 and every other figure is 1 at most


def reached(root: Path) -> dict[str, Any]:
    """Every metric of the tree's weighed model with its interval, and its figures by group, as JSON can hold them.

    The rows of one `gate.cluster` stand or fall together; intervals are two-sided, at 95 %.

    Raises:
        WeighlockError: the predictions, the metrics or the policy are missing or do not fit.
    """
    predictions = read_predictions(root / PREDICTIONS)
    policy = read_policy(predictions.task, root / PARAMS)
    units = units_of(predictions, policy, read_params(root / PARAMS).data.timezone)
    baseline = read_json(root / METRICS, "dvc repro").get("baseline", {})
    return {
        "digest": rows_digest(predictions),
        "rows": len(predictions.frame),
        "unit": UNIT[policy.cluster],
        "units": int(units.clusters.max()) + 1,
        "confidence": CONFIDENCE,
        "metrics": _metrics(predictions, units, policy, baseline),
        "groups": _groups(predictions, units, policy),
    }


def _metrics(
    predictions: Predictions, units: Units, policy: GateParams, baseline: dict[str, float]
) -> list[dict[str, Any]]:
    resampling, found = Resampling(policy.resamples, policy.seed), []
    for metric in metrics_of(predictions.task):
        try:
            estimate = level(metric, predictions.scored, units, resampling)
        except ValueError:  # these rows say nothing of it
            continue
        entry = {"name": metric.name, "better": metric.better, **_interval(metric.name, estimate)}
        found.append(entry | {"baseline": baseline.get(metric.name)})
    return found


def _groups(predictions: Predictions, units: Units, policy: GateParams) -> list[dict[str, Any]]:
    if policy.fairness is None or not policy.fairness.groups:
        return []
    rates = fairness_comparisons(predictions, predictions, units, policy.fairness).rates
    return [
        {"group": rate.group, "measure": rate.measure, "rows": rate.rows, **_interval(rate.measure, rate.challenger)}
        for rate in rates
    ]


def _interval(name: str, estimate: Estimate) -> dict[str, float | None]:
    """The figure and its interval, as far as it can reach."""
    lower, upper = estimate.interval(CONFIDENCE)
    least = -math.inf if name in SIGNED else 0.0
    most = math.inf if name in UNBOUNDED or name == "mean absolute error" else 1.0
    figures = {"value": estimate.value, "lower": max(lower, least), "upper": min(upper, most)}
    if not math.isfinite(estimate.error):
        figures |= {"lower": math.nan, "upper": math.nan}  # one cluster tells no spread
    return {key: round(value, DIGITS) if math.isfinite(value) else None for key, value in figures.items()}
