"""What a look leaves behind: `reports/watch/<env>/`: the summary, the timeline, Evidently's report, and the verdict."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from weighlock.decisions.watch_report import Context, report
from weighlock.files import outputs
from weighlock.statistics.drift_distance import moments
from weighlock.watching.timeline import timeline

if TYPE_CHECKING:
    from weighlock.decisions.watch import Rules
    from weighlock.watching.evidently_report import Drawn
    from weighlock.watching.look import Look

FOLDER = "reports/watch"
SUMMARY, VERDICT, PICTURE = "watch.md", "watch.json", "timeline.png"
PAGE, MACHINE = "evidently.html", "evidently.json"


def context_of(look: Look, environment: str, model: str, drawn: Drawn | None, sample: int) -> Context:
    """What the report names."""
    bins = look.watched.bins
    units = {
        name: moments(counts, values)[1]
        for name, counts in look.reference.columns.items()
        if (values := bins[name].centres) is not None
    }
    files = {"timeline": PICTURE}
    if drawn is not None:
        files |= {"Evidently's page": PAGE, "Evidently's result": MACHINE}
    return Context(
        environment, model, f"{look.reference_name}, {len(look.reference.days)} of them", units,
        float(look.rows.flagged.mean()) if len(look.rows) else 0.0, unseen_share(look),
        (len(look.labelled), len(np.unique(look.labelled.day))), drawn.columns if drawn else None,
        min(sample, len(look.rows)), files,
    )  # fmt: skip


def unseen_share(look: Look) -> float:
    """The share of the window's rows with a category that the model does not know."""
    odd = np.zeros(len(look.rows), dtype=bool)
    for feature in look.watched.signature.features:
        if feature.type == "category" and feature.name in look.rows.features:
            values = look.rows.features[feature.name]
            odd |= (values.notna() & ~values.isin(feature.categories or ())).to_numpy()
    return float(odd.mean()) if len(odd) else 0.0


def write(look: Look, rules: Rules, context: Context, drawn: Drawn | None, folder: Path) -> None:
    """Write everything, or nothing.

    Raises:
        StorageError: the disk is full or read-only.
    """
    from weighlock.watching import evidently_report

    folder.mkdir(parents=True, exist_ok=True)
    with outputs("watch", folder) as out:
        out.path(SUMMARY).write_text(report(look.verdict, look.evidence, rules, context), encoding="utf-8")
        out.json(VERDICT, content_of(look, context))
        timeline(look, out.path(PICTURE))
        if drawn is not None:
            evidently_report.write(drawn, out.path(PAGE), out.path(MACHINE))


def content_of(look: Look, context: Context) -> dict[str, Any]:
    """The verdict and everything behind it, for machines."""
    evidence, verdict = look.evidence, look.verdict
    content = {
        "version": 1,
        "environment": context.environment,
        "model": {"name": context.model, "digest": look.watched.signature.digest},
        "window": {"start": evidence.days[0], "end": evidence.days[-1], "rows": sum(evidence.rows)},
        "reference": {"name": look.reference_name, "days": len(look.reference.days)},
        "outcome": verdict.outcome,
        "reasons": verdict.reasons,
        "notes": verdict.notes,
        "retrain": asdict(verdict.retrain),
        "flagged": context.flagged,
        "unseen": context.unseen,
        "labelled": {"rows": context.labelled[0], "days": context.labelled[1]},
        "faults": [asdict(fault) for fault in evidence.faults],
        "drifts": [{**asdict(drift), "drifted": drift.drifted} for drift in evidence.drifts or ()],
        "gains": [
            {"by": gain.name, "gain": gain.estimate.value, "error": gain.estimate.error, "rows": gain.estimate.rows}
            for gain in evidence.gains
        ],
        "evidently": {
            name: {"value": value, "threshold": threshold, "method": method, "drifted": value > threshold}
            for name, (value, threshold, method) in (context.evidently or {}).items()
        },
    }
    return {key: _plain(value) for key, value in content.items()}


def _plain(value: Any) -> Any:
    """As JSON knows it: days as text, what is no number as null."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | bool | int | None) else str(value)
