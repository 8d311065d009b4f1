"""One run for each distinct result: find it, sweep what an interrupted attempt left, or log it whole."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weighlock.errors import TrackingError
from weighlock.tracking.content import PARENT, fill
from weighlock.tracking.result import Commit, Result, read_commit, read_result
from weighlock.tracking.server import connected, masked, tracking_uri

if TYPE_CHECKING:
    from collections.abc import Mapping

EXPERIMENT = "MLFLOW_EXPERIMENT_NAME"
IDENTITY = "weighlock.result"
COMPLETE = "weighlock.complete"  # the last thing that is written: a run without it was interrupted


@dataclass(frozen=True)
class Tracked:
    """Where a result is tracked.

    Attributes:
        new: whether this call logged it; else it was there.
        commit: what the run names as its commit.
        shown: the address, without secrets.
    """

    result: Result
    new: bool
    run_id: str
    commit: Commit | None
    experiment: str
    experiment_id: str
    shown: str


def track(environ: Mapping[str, str] = os.environ) -> Tracked:
    """Log the result in the current folder to MLflow, unless it is there.

    Raises:
        ConfigError: `params.yaml` does not fit.
        EvidenceError: the result is not whole.
        TrackingError: MLflow does not answer, or refuses; what was logged by then is discarded, now or next time.
    """
    result, commit = read_result(), read_commit()
    uri, name = tracking_uri(environ), environ.get(EXPERIMENT, "").strip() or result.target
    with connected(uri) as client:
        experiment_id = ensure_experiment(client, name)
        run, mine = find(client, experiment_id, result.identity), None
        if run is None:
            sweep(client, experiment_id, result.identity)
            mine = log(client, experiment_id, result, commit)
            run = find(client, experiment_id, result.identity)
        recorded = settle(client, run, commit)
    return Tracked(result, run.info.run_id == mine, run.info.run_id, recorded, name, experiment_id, masked(uri))


def ensure_experiment(client: Any, name: str) -> str:
    """The id of the experiment of a name, which is made where there is none."""
    found = client.get_experiment_by_name(name)
    if found is None:
        return str(client.create_experiment(name))
    if found.lifecycle_stage != "active":
        raise TrackingError(
            f"the experiment `{name}` is deleted. Restore it (`mlflow experiments restore -x {found.experiment_id}`), "
            f"or set `{EXPERIMENT}` to another name."
        )
    return str(found.experiment_id)


def find(client: Any, experiment_id: str, identity: str) -> Any:
    """The run that holds the result whole, or None; of two that were logged at the same moment, the first stays."""
    runs = client.search_runs([experiment_id], f"{_is(IDENTITY, identity)} AND {_is(COMPLETE, 'true')}")
    runs = sorted(runs, key=lambda run: (run.info.start_time, run.info.run_id))
    for run in runs[1:]:
        with suppress(Exception):  # whoever logged the other one may be faster
            discard(client, experiment_id, run.info.run_id)
    return runs[0] if runs else None


def sweep(client: Any, experiment_id: str, identity: str) -> None:
    """Discard what interrupted attempts at this result have left."""
    for run in client.search_runs([experiment_id], _is(IDENTITY, identity)):
        discard(client, experiment_id, run.info.run_id)


def discard(client: Any, experiment_id: str, run_id: str) -> None:
    """Delete a run with its models and nested runs; itself last, so that the rest can still be found by it."""
    for model in client.search_logged_models([experiment_id], filter_string=f"source_run_id = '{run_id}'"):
        client.delete_logged_model(model.model_id)
    for run in client.search_runs([experiment_id], _is(PARENT, run_id)):
        client.delete_run(run.info.run_id)
    client.delete_run(run_id)


def settle(client: Any, run: Any, commit: Commit | None) -> Commit | None:
    """The commit that the run names; where it was logged before it was committed, it is told now."""
    tags = run.data.tags
    if commit and not commit.dirty and tags.get("weighlock.dirty") != "false":
        for key, value in _commit_tags(commit).items():
            client.set_tag(run.info.run_id, key, value)
        return commit
    named = tags.get("weighlock.commit")
    return Commit(named, tags["weighlock.dirty"] == "true") if named else None


def log(client: Any, experiment_id: str, result: Result, commit: Commit | None) -> str:
    """Log the result and return its run's id; it is complete only with the last tag, and discarded if that fails."""
    name = f"{result.chosen} {result.identity[:7]}"  # not the commit, which it may be told later
    run_id = str(client.create_run(experiment_id, tags=tags_of(result, commit), run_name=name).info.run_id)
    try:
        fill(client, experiment_id, run_id, result)
        client.set_tag(run_id, COMPLETE, "true")
    except BaseException as error:
        swept = False
        with suppress(Exception):  # the next attempt sweeps what this one cannot
            swept = client.get_run(run_id).info.lifecycle_stage != "active"
            discard(client, experiment_id, run_id)
        if swept:
            raise TrackingError(
                "another `weighlock track` is logging the same result and took this attempt for an interrupted one. "
                "Nothing is lost: let it end, then run this again."
            ) from error
        raise
    return run_id


def tags_of(result: Result, commit: Commit | None) -> dict[str, str]:
    """What a run is found and told apart by."""
    tags = {
        IDENTITY: result.identity,
        "weighlock.task": result.task,
        "weighlock.target": result.target,
        "weighlock.learner": result.chosen,
        "weighlock.data": result.data,
        "weighlock.weighed": result.weighed.digest,
        "weighlock.served": result.served.digest,
        "mlflow.source.name": "weighlock track",
    }
    return tags | (_commit_tags(commit) if commit else {})


def _commit_tags(commit: Commit) -> dict[str, str]:
    # the second name is the one that MLflow's own pages show
    tags = {"weighlock.commit": commit.id, "mlflow.source.git.commit": commit.id}
    return tags | {"weighlock.dirty": "true" if commit.dirty else "false"}


def _is(tag: str, value: str) -> str:
    return f"tags.`{tag}` = '{value}'"
