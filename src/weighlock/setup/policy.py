"""The policies that `weighlock init` starts with: `gate`, as it suits a table, `serve`, `monitoring.log`, `release`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weighlock.schema import Schema

GUARDS: dict[str, list[tuple[str, str]]] = {
    "binary": [("roc_auc", "higher"), ("brier", "lower")],
    "multiclass": [("accuracy", "higher")],
    "regression": [("mae", "lower")],
}


def gate_policy(schema: Schema, metric: str) -> dict[str, Any]:
    """The content of `params.yaml: gate`, in shares of the champion's values: the size of a loss is not known yet.

    Args:
        schema: says the task, and whether rows have days or groups.
        metric: the primary one, as in `train.metric`.
    """
    return {
        "primary": rule(metric, "lower", "2%"),
        "guards": [rule(name, better, "2%") for name, better in GUARDS[schema.task]],
        "cluster": "group" if schema.group else "day" if schema.time else "none",
        "block_days": 1,
        "harm_confidence": 0.95,
        "slices": {"metric": metric, "margin": "5%", "min_rows": 200},
        "fairness": {"groups": [], "margin": 0.02, "min_rows": 200},
        "robustness": {"metric": metric, "margin": "5%", "noise": 0.1, "missing": [], "unseen": []},
        "floors": {metric: "baseline"},
        "max_megabytes": 50.0,
        "max_parity": 0.00001,
        "holdout_budget": 20,
        "must_run": ["overlap", "validation", "lock"],
        "resamples": 2000,
        "seed": 7,
    }


def rule(metric: str, better: str, margin: str | float) -> dict[str, Any]:
    """One metric and what has to be shown of it."""
    return {"metric": metric, "better": better, "margin": margin, "confidence": 0.95, "require": "not_worse"}


def serve_policy() -> dict[str, Any]:
    """The content of `params.yaml: serve`: closed, and odd values are flagged."""
    return {
        "strictness": "flag",
        "open": False,
        "docs": True,
        "max_kilobytes": 1024,
        "max_rows": 1000,
        "max_concurrent": 256,
        "timeout_seconds": 10.0,
        "on_log_failure": "refuse",
    }


def log_policy() -> dict[str, Any]:
    """The content of `params.yaml: monitoring.log`: everything is logged, and kept for a quarter of a year."""
    return {"sample": 1.0, "hash": [], "drop": [], "retention": "90d"}


def release_policy(target: str) -> dict[str, Any]:
    """The content of `params.yaml: release`: the model is called by what it says, and nobody has described it."""
    words = re.sub(r"[^a-z0-9]+", "-", target.lower()).strip("-")
    name = words if words[:1].isalpha() else f"model-{words}"
    card = {"use": "", "not_for": [], "limits": []}
    return {"name": name[:40].strip("-") if len(name) > 1 else "model", "card": card}
