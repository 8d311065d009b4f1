"""`weighlock track`: log the result to MLflow, once, and show the releases in its registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from weighlock.tracking.registry import Projected
    from weighlock.tracking.runs import Tracked


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments: none, for MLflow's own environment variables say where to."""
    parser.epilog = (
        "MLFLOW_TRACKING_URI says where (unset: SQLite in this folder), "
        "MLFLOW_EXPERIMENT_NAME in which experiment (unset: the target's name)."
    )


def run(args: argparse.Namespace) -> None:  # noqa: ARG001
    """Log the result of the current folder and say where it is; then the releases, where there are any."""
    from pathlib import Path

    from weighlock.releases.record import versions
    from weighlock.tracking.runs import track

    print(describe(track()))
    root = Path.cwd()
    if versions(root):
        from weighlock.deployment.environment import read_environment
        from weighlock.tracking.registry import CANDIDATE, CHAMPION, project_releases

        production = read_environment("production", root)
        candidate = production.candidate.release if production.candidate else None
        print(told(project_releases(root, {CHAMPION: production.stable, CANDIDATE: candidate})))


def describe(tracked: Tracked) -> str:
    """Two lines: what is logged, and where to look."""
    result, commit = tracked.result, tracked.commit
    parts = [f"{'logged' if tracked.new else 'already there'}  {result.target}: {result.chosen}"]
    scores = [result.metrics.get(f"{who}.{result.metric}") for who in ("model", "baseline")]
    if None not in scores:
        parts.append(f"{result.metric} {scores[0]:.5f} (baseline {scores[1]:.5f})")
    parts.append(f"{len(result.learners)} learner(s), weighed and served model")
    parts.append(f"commit {commit.id[:7]}{' with changes' if commit.dirty else ''}" if commit else "no commit")
    return f"{', '.join(parts)}\n{_look(tracked)}"


def _look(tracked: Tracked) -> str:
    if tracked.shown.startswith("http"):
        server = tracked.shown.replace("***@", "").rstrip("/")
        return f"{server}/#/experiments/{tracked.experiment_id}/runs/{tracked.run_id}"
    return f"run {tracked.run_id} of experiment `{tracked.experiment}` in {tracked.shown}; `make mlflow` shows it"


def told(projected: Projected) -> str:
    """What the registry shows."""
    aliases = ", ".join(f"{alias} is {version}" for alias, version in projected.aliases) or "no alias"
    new = f"{', '.join(projected.new)} new" if projected.new else "nothing new"
    missing = "".join(f"\n  not {version}: {reason}" for version, reason in projected.missing)
    return f"registry  {projected.name}: {new}, {aliases}{missing}"
