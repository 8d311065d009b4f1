"""DVC as its users expect it: repro, diffs, experiments, remotes, and clones that have nothing."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from conftest import Clone, Project, small_table, with_small_table

from support.ports import free_port

STAGES = ["ingest", "validate", "split", "train", "evaluate", "refit"]


@pytest.fixture(scope="module")
def project(clone: Clone) -> Project:
    """The small table's result, committed; the module's tests build on one another's commits."""
    project = with_small_table(clone("dvc"))
    project.run("dvc", "repro")
    project.commit("first")
    return project


def ran(output: str) -> list[str]:
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]


def change(project: Project, file: str, old: str, new: str) -> None:
    path = project.path / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_nothing_changed_runs_nothing_and_leaves_a_clean_tree(project: Project) -> None:
    assert ran(project.run("dvc", "repro").stdout) == []
    assert project.run("git", "status", "--porcelain").stdout == ""


@pytest.mark.parametrize(
    ("file", "old", "new", "stages"),
    [
        ("params.yaml", "max_slices: 5", "max_slices: 4", ["evaluate"]),
        ("params.yaml", "min_rank_correlation: 0.5", "min_rank_correlation: 0.4", ["refit"]),
        ("params.yaml", "seed: 7", "seed: 8", ["train"]),
        ("params.yaml", "max_single_feature: 0.98", "max_single_feature: 0.97", ["validate"]),
        ("schema.yaml", "max: 100", "max: 101", ["validate", "train", "evaluate", "refit"]),
        ("libraries.yaml", "skl2onnx: ", "skl2onnx:  ", []),
        ("src/weighlock/plots.py", "POINTS = 200", "POINTS = 100", ["evaluate"]),
    ],
)
def test_what_is_read_and_only_that_makes_a_stage_stale(
    project: Project, file: str, old: str, new: str, stages: list[str]
) -> None:
    change(project, file, old, new)
    try:
        stale = json.loads(project.run("dvc", "status", "--json").stdout)
    finally:
        project.run("git", "checkout", "-q", ".")

    # of a stage that follows, DVC says so only once the one before it has run
    first = [s for s in STAGES if any("changed deps" in c for c in stale.get(s, []) if isinstance(c, dict))]
    assert first == stages


def test_the_diff_of_two_commits_shows_params_metrics_and_plots(project: Project) -> None:
    before = project.run("git", "rev-parse", "HEAD").stdout.strip()
    change(project, "params.yaml", "seed: 7", "seed: 11")
    change(project, "params.yaml", "{C: 1.0}", "{C: 0.01}")

    assert ran(project.run("dvc", "repro").stdout) == ["train", "evaluate", "refit"]
    project.commit("other trees")

    params = json.loads(project.run("dvc", "params", "diff", before, "HEAD", "--json").stdout)
    assert params["params.yaml"]["train.seed"] == {"old": 7, "new": 11, "diff": 4}
    metrics = json.loads(project.run("dvc", "metrics", "diff", before, "HEAD", "--json").stdout)
    moved = metrics["reports/metrics.json"]["model.log_loss"]
    assert moved["old"] != moved["new"]
    shown = project.run("dvc", "metrics", "show").stdout
    assert "model.log_loss" in shown
    project.run("dvc", "plots", "diff", before, "HEAD")
    page = (project.path / "dvc_plots/index.html").read_text()
    for title in ("ROC", "Calibration", "Confusion", "Scores", "Precision and recall"):
        assert title in page
    assert project.run("weighlock", "compare", before, "HEAD", code=3).stdout.startswith("different: ")


def test_a_clone_without_cache_or_remote_can_diff_and_rebuild_the_same(
    project: Project, environment: dict[str, str], tmp_path: Path
) -> None:
    subprocess.run(["git", "clone", "-q", "--no-local", str(project.path), str(tmp_path / "c")], check=True)
    other = Project(tmp_path / "c", {**environment, "PYTHONPATH": str(tmp_path / "c/src")})

    assert "model.log_loss" in other.run("dvc", "metrics", "diff", "HEAD~1").stdout
    assert ran(other.run("dvc", "repro").stdout) == STAGES
    assert other.run("git", "status", "--porcelain").stdout == ""
    assert other.run("weighlock", "compare", ".", str(project.path)).stdout.startswith("identical: ")


def test_an_experiment_changes_params_from_the_command_line(project: Project) -> None:
    done = project.run(
        "dvc", "exp", "run", "-S", "train.learners.linear.fixed.C=0.5", "-S", "refit.when=never", "-n", "try"
    )
    try:
        names = project.run("dvc", "exp", "list", "--name-only").stdout.split()
        weighed = (project.path / "models/weighed/model.onnx").read_bytes()
        served = (project.path / "models/served/model.onnx").read_bytes()
    finally:
        project.run("git", "checkout", "-q", ".")
        project.run("dvc", "checkout", "-q")

    assert "refit" in done.stdout + done.stderr
    assert names == ["try"]
    assert weighed == served  # refit: never ships what was weighed


def test_a_new_month_adds_one_object_and_rewrites_none(project: Project) -> None:
    raw = project.path / "data/raw"
    change(project, "params.yaml", 'end: "2024-03-31"', 'end: "2024-02-29"')
    project.run("dvc", "repro", "-s", "ingest")
    before = {p.name: p.read_bytes() for p in raw.iterdir()}
    change(project, "params.yaml", 'end: "2024-02-29"', 'end: "2024-03-31"')

    output = project.run("dvc", "repro", "-s", "ingest").stdout

    after = {p.name: p.read_bytes() for p in raw.iterdir()}
    assert sorted(after) == ["2024-01.parquet", "2024-02.parquet", "2024-03.parquet"]
    assert {name: after[name] for name in before} == before
    assert "past has changed" not in output


def test_a_source_whose_past_has_changed_is_reported(project: Project) -> None:
    frame = small_table()
    frame.loc[0, "heat"] = 50.0
    frame.to_csv(project.path / "mine.csv", index=False)
    try:
        output = project.run("dvc", "repro", "-s", "ingest").stdout
    finally:
        project.run("git", "checkout", "-q", ".")
        project.run("dvc", "checkout", "-q")

    assert "warning: the source's past has changed: 2024-01 had" in output
    assert "2024-02 had" not in output


def push_and_pull(project: Project, other: Project, **env: str) -> None:
    project.run("dvc", "push", **env)
    other.run("dvc", "pull", **env)

    assert ran(other.run("dvc", "repro").stdout) == []
    assert other.run("weighlock", "compare", ".", str(project.path)).stdout.startswith("identical: ")


def with_remote(project: Project, environment: dict[str, str], path: Path, *commands: list[str]) -> Project:
    for command in commands:
        project.run("dvc", "remote", *command)
    if project.run("git", "status", "--porcelain").stdout:
        project.commit("a remote")
    subprocess.run(["git", "clone", "-q", "--no-local", str(project.path), str(path)], check=True)
    return Project(path, {**environment, "PYTHONPATH": str(path / "src")})


def test_push_and_pull_with_a_local_remote(project: Project, environment: dict[str, str], tmp_path: Path) -> None:
    other = with_remote(
        project, environment, tmp_path / "c", ["add", "--local", "-d", "here", str(tmp_path / "remote")]
    )
    shutil.copy(project.path / ".dvc/config.local", other.path / ".dvc/config.local")

    push_and_pull(project, other)

    project.run("dvc", "remote", "remove", "--local", "here")
    assert any((tmp_path / "remote").rglob("*"))


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[str]:
    """A server of moto's that speaks S3 on loopback."""
    port = free_port()
    with (tmp_path / "moto.log").open("wb") as log:
        server = subprocess.Popen(
            [str(Path(sys.executable).parent / "moto_server"), "-H", "127.0.0.1", "-p", str(port)],
            stdout=log,
            stderr=log,
        )
        url = f"http://127.0.0.1:{port}"
        try:
            for _ in range(150):
                try:
                    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
                    connection.request("PUT", "/models")  # the bucket
                    connection.getresponse().read()
                    connection.close()
                    break
                except OSError:
                    time.sleep(0.2)
            yield url
        finally:
            server.terminate()
            server.wait(timeout=20)


def test_push_and_pull_with_s3(project: Project, environment: dict[str, str], tmp_path: Path, s3: str) -> None:
    other = with_remote(
        project,
        environment,
        tmp_path / "c",
        ["add", "-d", "store", "s3://models/weighlock"],
        ["modify", "store", "endpointurl", s3],
    )

    push_and_pull(
        project, other, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION="us-east-1"
    )

    assert "secret" not in (project.path / ".dvc/config").read_text().lower()


def test_a_revision_whose_files_are_nowhere_is_told(
    project: Project, environment: dict[str, str], tmp_path: Path
) -> None:
    subprocess.run(["git", "clone", "-q", "--no-local", str(project.path), str(tmp_path / "c")], check=True)
    other = Project(tmp_path / "c", {**environment, "PYTHONPATH": str(tmp_path / "c/src")})
    (other.path / ".dvc/config").write_text("[core]\n    analytics = false\n")
    commits = other.run("git", "log", "--format=%H", "--", "dvc.lock").stdout.split()

    done = other.run("weighlock", "compare", commits[0], commits[1], code=2)

    assert "is neither in DVC's cache nor in a remote" in done.stderr
    assert "dvc fetch" in done.stderr


def test_the_lock_in_git_is_that_of_the_stages_in_git() -> None:
    lock = yaml.safe_load(Path("dvc.lock").read_text(encoding="utf-8"))

    assert list(lock["stages"]) == STAGES
