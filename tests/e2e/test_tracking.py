"""`weighlock track` against SQLite, and against a real MLflow server on a real PostgreSQL."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, Project
from postgres_cluster import PASSWORD
from tracked import Tracked, check

from support.ports import free_port

# What MLflow 3.17 raises while it is imported and used in this process; warnings of ours stay errors.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy"),  # its models, of SQLAlchemy 2.1
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),  # mlflow.pyfunc, of itself
]

ALL_STAGES = """
import importlib
from weighlock.cli.stage import STAGES
for name in STAGES:
    importlib.import_module(f"weighlock.stages.{name}").run()
"""
# `weighlock track`, hit by a signal once MLflow has done `function` for the `calls`-th time.
INTERRUPTED = """
import os, signal, sys
import mlflow, mlflow.onnx
from weighlock.cli import main
real, calls = {function}, 0
def interrupted(*args, **kwargs):
    global calls
    done = real(*args, **kwargs)
    calls += 1
    if calls == {calls}:
        os.kill(os.getpid(), signal.{signal})
    return done
{function} = interrupted
sys.exit(main(["track"]))
"""
PARAMS = """\
data: {{source: {{files: mine.csv}}, depends_on: mine.csv}}
validate: {{max_bad_share: 0.01, max_single_feature: 0.99}}
split: {{by: hash, validation: 0.25, holdout: 0.25}}
train:
  seed: 7
  metric: {metric}
  max_categories: 20
  search: {{folds: 2, max_rows: 5000}}
  learners:
    linear: {{trials: 1, fixed: {{C: 1.0}}}}
    lightgbm: {{trials: 2, fixed: {{n_estimators: 8}}, space: {{num_leaves: {{low: 4, high: 8}}}}}}
  calibration: auto
  threshold: {{rule: f1}}
evaluate: {{baseline: prior, slices: [colour], max_slices: 5, bins: 5}}
refit: {{when: always, min_rank_correlation: 0.3}}
"""
SCHEMA = """\
task: {task}
target: {target}
classes: {classes}
key: id
features:
  heat: {{type: number, min: 0, max: 100}}
  load: {{type: number, nullable: true}}
  doors: {{type: integer}}
  colour: {{type: category, values: open}}
"""
TASKS = {
    "binary": ("broke", "[false, true]", "log_loss"),
    "multiclass": ("state", "[bad, fair, good]", "log_loss"),
    "regression": ("years", "null", "rmse"),
}


def cars(rows: int = 500) -> pd.DataFrame:
    """One table with a target for each task."""
    random = np.random.default_rng(5)
    heat, load = random.uniform(0, 100, rows).round(2), random.normal(0, 1, rows).round(3)
    doors = random.integers(2, 6, rows)
    strain = (heat - 60) / 12 + load + doors / 4 + random.logistic(size=rows)
    load[::17] = np.nan
    return pd.DataFrame(
        {
            "id": [f"car-{i}" for i in range(rows)],
            "heat": heat,
            "load": load,
            "doors": doors,
            "colour": random.choice(["red", "green", "blue"], rows),
            "broke": strain > 0,
            "state": np.select([strain > 2, strain > -2], ["bad", "fair"], "good"),
            "years": (20 - strain).round(3),
        }
    )


@pytest.fixture(scope="module")
def env(environment: dict[str, str]) -> dict[str, str]:
    """Everything in these folders, an MLflow server too, runs this checkout's code and calls nobody."""
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    return {**environment, **quiet, "PYTHONPATH": str(ROOT / "src")}


@pytest.fixture(scope="module")
def built(env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Project]:
    """By task: a folder with a committed result, made by the stages themselves."""
    projects = {}
    for task, (target, classes, metric) in TASKS.items():
        projects[task] = project = Project(tmp_path_factory.mktemp(task), env)
        (project.path / "params.yaml").write_text(PARAMS.format(metric=metric))
        (project.path / "schema.yaml").write_text(SCHEMA.format(task=task, target=target, classes=classes))
        (project.path / ".gitignore").write_text("mlflow.db\nmlruns/\n")
        cars().to_csv(project.path / "mine.csv", index=False)
        project.run(sys.executable, "-c", ALL_STAGES)
        project.run("git", "init", "-q")
        project.commit("a result")
    return projects


def copy(project: Project, folder: Path) -> Project:
    return replace(project, path=Path(shutil.copytree(project.path, folder / "project")))


@pytest.fixture
def project(built: dict[str, Project], tmp_path: Path) -> Project:
    """A copy of the binary result, to do with as one likes."""
    return copy(built["binary"], tmp_path)


@pytest.fixture(autouse=True)
def reading(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """MLflow in this process reads where a test says, and forgets it again."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "unset")  # MLflow sets it itself: this puts it back
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    yield
    if mlflow := sys.modules.get("mlflow"):
        mlflow.set_tracking_uri(None)


def in_folder(project: Project, experiment: str = "broke") -> Tracked:
    return Tracked(f"sqlite:///{project.path}/mlflow.db", experiment)


def contents(project: Project) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in project.path.rglob("*") if p.is_file()}


@pytest.mark.parametrize("task", TASKS)
def test_the_result_of_any_task_is_logged_whole(built: dict[str, Project], tmp_path: Path, task: str) -> None:
    project, target = copy(built[task], tmp_path), TASKS[task][0]

    done = project.run("weighlock", "track")

    assert done.stdout.startswith(f"logged  {target}: ")
    assert (len(done.stdout.splitlines()), done.stderr) == (2, "")
    tracked = in_folder(project, target)
    assert (tracked.count, tracked.model_count) == (3, 2)  # the result and its two learners
    check(tracked, project, tmp_path)
    assert project.run("git", "status", "--porcelain").stdout == ""


def test_a_result_is_logged_once_and_other_metrics_are_another(project: Project) -> None:
    first = project.run("weighlock", "track")
    again = project.run("weighlock", "track")
    assert again.stdout.startswith("already there  broke: ")
    assert first.stdout.splitlines()[1] == again.stdout.splitlines()[1]
    assert (in_folder(project).count, in_folder(project).model_count) == (3, 2)

    path = project.path / "reports/metrics.json"
    metrics = json.loads(path.read_text())
    metrics["model"]["log_loss"] += 0.001
    path.write_text(json.dumps(metrics))
    other = project.run("weighlock", "track")

    assert other.stdout.startswith("logged  broke: ")
    assert " with changes" in other.stdout
    losses = sorted(run.data.metrics["model.log_loss"] for run in in_folder(project).runs)
    assert losses[1] - losses[0] == pytest.approx(0.001)


def test_a_result_that_is_committed_later_is_told_its_commit(project: Project) -> None:
    path = project.path / "reports/metrics.json"
    path.write_text(path.read_text() + "\n")  # the same content: the same result
    project.run("weighlock", "track", MLFLOW_EXPERIMENT_NAME="mine")
    (before,) = in_folder(project, "mine").complete
    head = project.commit("the result")

    project.run("weighlock", "track", MLFLOW_EXPERIMENT_NAME="mine")

    (run,) = in_folder(project, "mine").complete
    assert (before.data.tags["weighlock.dirty"], run.data.tags["weighlock.dirty"]) == ("true", "false")
    assert before.data.tags["weighlock.commit"] != run.data.tags["weighlock.commit"] == head


@pytest.mark.parametrize(
    ("function", "calls"),
    [("mlflow.MlflowClient.set_terminated", 1), ("mlflow.onnx.log_model", 2)],
    ids=["after the first learner", "before the last word"],
)
def test_a_killed_attempt_does_not_count_and_is_swept(project: Project, function: str, calls: int) -> None:
    script = INTERRUPTED.format(function=function, calls=calls, signal="SIGKILL")
    project.run(sys.executable, "-c", script, code=-signal.SIGKILL)
    left = in_folder(project)
    assert (len(left.runs), left.complete) == (1, [])

    assert project.run("weighlock", "track").stdout.startswith("logged  ")

    tracked = in_folder(project)
    assert (tracked.count, len(tracked.complete), tracked.model_count) == (3, 1, 2)
    assert tracked.complete[0].info.run_id != left.runs[0].info.run_id


def test_ctrl_c_takes_back_what_was_logged(project: Project) -> None:
    script = INTERRUPTED.format(function="mlflow.onnx.log_model", calls=1, signal="SIGINT")

    done = project.run(sys.executable, "-c", script, code=2, MLFLOW_LOGGING_LEVEL="ERROR")

    assert done.stdout == ""
    assert done.stderr.startswith("Interrupted.")
    tracked = in_folder(project)
    assert (tracked.count, tracked.model_count) == (0, 0)


@contextlib.contextmanager
def silence() -> Iterator[int]:
    """The port of something that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("scheme", ["http", "postgresql"])
@pytest.mark.parametrize("silent", [False, True], ids=["refuses", "is silent"])
def test_an_unreachable_server_is_told_in_seconds_and_changes_nothing(
    project: Project, scheme: str, silent: bool
) -> None:
    before, begun = contents(project), time.monotonic()

    with silence() if silent else contextlib.nullcontext(free_port()) as port:
        where = f"{scheme}://ann:{PASSWORD}@127.0.0.1:{port}/x"
        done = project.run("weighlock", "track", code=2, MLFLOW_TRACKING_URI=where)

    assert time.monotonic() - begun < 20
    assert done.stderr.startswith(f"error: MLflow at `{scheme}://***@127.0.0.1:{port}/x` cannot be used: ")
    reasons = ("timed out", "timeout") if silent else ("Connection refused",)
    assert any(reason in done.stderr for reason in reasons)
    assert PASSWORD not in done.stderr + done.stdout
    assert len(done.stderr.splitlines()) == 1
    assert contents(project) == before


def test_a_database_of_something_else_is_told_at_once(project: Project) -> None:
    (project.path / "mlflow.db").write_text("no database" * 200)

    done = project.run("weighlock", "track", code=2)

    assert "MLflow at `sqlite:///mlflow.db` cannot be used: file is not a database" in done.stderr


@pytest.fixture
def server(postgres: str, env: dict[str, str], tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address and the process of an MLflow server on PostgreSQL, as a team would run it."""
    port, log = str(free_port()), tmp_path / "server.log"
    command = ["mlflow", "server", "--backend-store-uri", postgres, "--artifacts-destination", str(tmp_path / "store"),
               "--host", "127.0.0.1", "--port", port, "--workers", "1"]  # fmt: skip
    with log.open("wb") as out:  # a session of its own, so that its workers can be stopped with it
        process = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=out, stderr=out, start_new_session=True)
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process, log)
        yield f"http://127.0.0.1:{port}", process
    finally:
        stop(process)


def wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=2) as answer:  # noqa: S310
            if answer.status == 200:
                return
        time.sleep(0.3)
    raise AssertionError(f"{address} did not answer in time:\n{log.read_text()}")


def stop(process: subprocess.Popen[bytes]) -> None:
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=15)
            return


def test_a_teams_server_on_postgresql(
    project: Project, server: tuple[str, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    (address, process), before = server, contents(project)

    first = project.run("weighlock", "track", MLFLOW_TRACKING_URI=address)
    again = project.run("weighlock", "track", MLFLOW_TRACKING_URI=address)

    assert first.stdout.startswith("logged  broke: ")
    assert again.stdout.startswith("already there  broke: ")
    assert first.stderr == again.stderr == ""
    assert contents(project) == before  # nothing of it is in the folder
    tracked = Tracked(address, "broke")
    assert (tracked.count, tracked.model_count) == (3, 2)
    page = f"{address}/#/experiments/{tracked.id}/runs/{tracked.complete[0].info.run_id}"
    assert first.stdout.splitlines()[1] == page
    check(tracked, project, tmp_path)
    assert len(list((tmp_path / "store").rglob("model.onnx"))) == 2  # the server stored them, not the client

    stop(process)
    begun = time.monotonic()
    gone = project.run("weighlock", "track", code=2, MLFLOW_TRACKING_URI=address)
    assert time.monotonic() - begun < 20
    assert "Connection refused" in gone.stderr
    assert contents(project) == before
