"""The gate's record for machines: what `gate.json` holds, keys in one order, without NaN or infinities."""

from __future__ import annotations

import math
from dataclasses import asdict
from numbers import Integral
from typing import Any

from weighlock.decisions.context import Context, Side
from weighlock.decisions.figures import CONFIDENCE
from weighlock.decisions.verdict import Check, Verdict

DIGITS = 10  # of a figure: more would differ between processors, and with them the evidence's digest


def to_json(verdict: Verdict, context: Context) -> dict[str, Any]:
    """Everything that the verdict hangs on, and under `about` what was only said beside it.

    `evidence` is the digest of the rest but `accepted`, `about` and `flips`: what is said beside hangs on who looks
    from where (how many models their clone has seen weighed), and an acceptance must not.
    """
    about = {
        "names": {"challenger": context.challenger.name, "champion": context.champion and context.champion.name},
        "weighed_on_holdout": context.holdout.weighed,
        "warnings": context.warnings,
        "params": None if context.params is None else [asdict(change) for change in context.params],
        "data": context.data and asdict(context.data),
        "plots": [{"title": title, "file": file} for title, file in context.plots],
    }
    holdout = {key: value for key, value in asdict(context.holdout).items() if key != "weighed"}
    content = {
        "outcome": verdict.outcome,
        "bootstrap": verdict.bootstrap,
        "reasons": verdict.reasons,
        "task": context.task,
        "target": context.target,
        "challenger": _side(context.challenger),
        "champion": context.champion and _side(context.champion),
        "holdout": holdout,
        "metrics": {"slices": context.slice_metric, "robustness": context.robustness_metric},
        "checks": [_check(check) for check in verdict.checks],
        "turns": context.turns and asdict(context.turns),
        "flips": [asdict(flip) | {"features": dict(flip.features)} for flip in context.flips],
        "evidence": context.evidence,
        "accepted": context.accepted,
        "about": about,
    }
    cleaned: dict[str, Any] = _plain(content)
    return cleaned


def _side(side: Side) -> dict[str, Any]:
    return {
        "model": side.model,
        "digests": dict(side.digests),
        "trained_until": side.trained_until,
        "why": side.why,
    }


def _check(check: Check) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "kind": check.kind,
        "name": check.name,
        "result": check.result,
        "reason": check.reason,
        "confidence": check.confidence,
        "p_harm": check.p_harm,
        "more_units": check.more_units,
    }
    comparison = check.comparison
    if comparison is None:
        return entry | {"comparison": None}
    confidence = CONFIDENCE if check.confidence is None else check.confidence
    gain = comparison.gain
    figures = asdict(gain) | {
        "effective_rows": gain.effective_rows,
        "interval": {
            "confidence": 2 * confidence - 1,
            "lower": gain.lower(confidence),
            "upper": gain.upper(confidence),
        },
    }
    return entry | {
        "comparison": {
            "champion": comparison.champion,
            "challenger": comparison.challenger,
            "margin": comparison.margin,
            "gain": figures,
        }
    }


def _plain(value: Any) -> Any:
    """As JSON can hold it: tuples as lists, figures rounded, None for what is not finite."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Integral):  # numpy's own, too
        return int(value)
    figure = float(value)
    return float(f"{figure:.{DIGITS}g}") if math.isfinite(figure) else None
