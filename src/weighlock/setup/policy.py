"""The policies that `weighlock init` starts with: `gate`, as it suits a table, `serve`, `monitoring.log` and so on."""

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


def deploy_policy(task: str) -> dict[str, Any]:
    """The content of `params.yaml: deploy`: the environments that the repository ships with, and the judge's rules.

    Args:
        task: a regression's loss has a unit of its own: until someone has set `cap` and `margin`, errors count up to 1.
    """
    metric = "absolute_error" if task == "regression" else "brier"
    judge = {
        "alpha": 0.05,
        "split": {"error_rate": 0.4, "latency": 0.2, "score": 0.2, "loss": 0.2},
        "error_rate": {"statuses": ["5xx", "429", "422"], "harm": 1.0, "margin": 0.005, "clump": 1},
        "latency": {"quantile": 0.99, "fast_enough_ms": 25.0, "harm": 2.0, "margin": 0.02, "clump": 3},
        "score": {"distance": 0.15, "paired": 0.05},
        "loss": {"metric": metric, "cap": 1.0, "harm": 0.0, "margin": 0.02},
        "must_show": ["error_rate", "latency", "score"],
        "min_requests": 500,
        "max_hold": "7d",
        "on_max_hold": "ROLLBACK",
    }
    sync = {"signatures": "optional", "allowed_signers": None, "ready_seconds": 60, "drain_seconds": 60}
    return {
        "environments": ["staging", "production"],
        "known": [],
        "signatures": "optional",
        "rollout": {"advance": "pull_request", "rollback": "commit"},
        "sync": sync,
        "judge": judge,
    }


def watch_policy(margin: float) -> dict[str, Any]:
    """The content of `params.yaml: watch`.

    Args:
        margin: the gain that a retraining has to promise, in the unit of the primary metric.
    """
    return {
        "window": "7d",
        "reference": "release",
        "history": "28d",
        "regret": "28d",
        "false_alarms": 0.05,
        "important": 0.005,
        "floors": {"shift": 0.1, "mix": 0.05, "nulls": 0.02},
        "faults": {"nulls": 0.05, "outside": 0.01, "unseen": 0.05, "jump": 1.0},
        "margin": margin,
        "max_age": "75d",
        "cooldown": "14d",
        "sample": 5000,
        "seed": 7,
    }
