# ruff: noqa: E501  (a table, one case a line)
"""Bad input: exit code 2, a message that names the file, key or column, and nothing half-written."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import Clone, Project, interruptible, small_table, with_small_table

STAGES = ("ingest", "validate", "split", "train", "evaluate", "refit")
OUTPUTS = ("data", "models", "reports")


@pytest.fixture(scope="module")
def project(clone: Clone) -> Project:
    """One clone with the small table, run once; each case changes a file and is put back."""
    project = with_small_table(clone("bad"))
    for stage in STAGES:
        project.run("weighlock", "stage", stage)
    project.commit("a result")
    return project


def snapshot(project: Project) -> dict[str, bytes]:
    files = [f for top in OUTPUTS for f in (project.path / top).rglob("*") if f.is_file()]
    return {str(f.relative_to(project.path)): f.read_bytes() for f in files}


def table(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], None]:
    return lambda root: change(small_table()).to_csv(root / "mine.csv", index=False)


def text(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        content = (root / name).read_text()
        assert old in content
        (root / name).write_text(content.replace(old, new))

    return change


def raw(content: bytes) -> Callable[[Path], None]:
    return lambda root: (root / "mine.csv").write_bytes(content)


def source(body: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        (root / "src/mine.py").write_text(body)
        text("params.yaml", "{files: mine.csv}", "{python: mine:load}")(root)

    return change


def sql(root: Path) -> None:
    text("params.yaml", "{files: mine.csv}", '{sql: {url_env: DB, query: "SELECT 1", timeout_seconds: 2}}')(root)


CASES: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "missing column": (table(lambda f: f.drop(columns="load")), "validate", "the data lack `load`"),
    "renamed column": (table(lambda f: f.rename(columns={"load": "loads"})), "validate", "renamed to `loads`"),
    "wrong type": (table(lambda f: f.assign(heat="hot")), "validate", "`heat` should be a number, but holds values such as 'hot'"),
    "some of the wrong type": (table(lambda f: f.assign(heat=["hot"] * 90 + list(f["heat"][90:]))), "validate", "`heat` is no number (90 rows)"),
    "empty file": (raw(b""), "ingest", "mine.csv` is empty"),
    "header only": (raw(b"id,made,heat,load,colour,broke\n"), "ingest", "mine.csv` has a header but no rows"),
    "one class only": (table(lambda f: f.assign(broke=True)), "validate", "the target `broke` is 1 in every row"),
    "all-null column": (table(lambda f: f.assign(load=np.nan)), "validate", "the feature `load` is null in every row"),
    "constant column": (table(lambda f: f.assign(colour="red")), "validate", "the feature `colour` is constant (red)"),
    "duplicate keys": (table(lambda f: f.assign(id="one")), "validate", "`id` stands in several rows that differ (900 rows)"),
    "unparsable times": (table(lambda f: f.assign(made="soon")), "ingest", "`made` has 900 values that are no time"),
    "mixed time zones": (table(lambda f: f.assign(made=f["made"].where(f.index > 3, f["made"] + "Z"))), "ingest", "mixes time zones: 4 rows carry an offset and 896 do not"),
    "not UTF-8": (raw(small_table().assign(colour="blé").to_csv(index=False).encode("latin-1")), "ingest", "is not utf-8: byte 0xe9 on line 2"),
    "semicolons": (raw(small_table().to_csv(index=False, sep=";").encode()), "ingest", "seems to be delimited by ';'"),
    "infinite values": (table(lambda f: f.assign(load=[np.inf] * 90 + list(f["load"][90:]))), "validate", "`load` is infinite (90 rows)"),
    "a leak": (table(lambda f: f.assign(load=f["broke"] * 2.0)), "validate", "the feature `load` predicts the target almost alone"),
    "known after the outcome": (text("schema.yaml", "load: {type: number, nullable: true}", "load: {type: number, nullable: true, known: after}"), "validate", "`load` is known only after the outcome"),
    "a window with no rows": (text("params.yaml", '"2024-01-01", end: "2024-03-31"', '"2025-01-01", end: "2025-03-31"'), "ingest", "no row is in the window 2025-01-01 to 2025-03-31"),
    "fewer rows than the split needs": (text("params.yaml", "holdout: 14d", "holdout: 80d"), "split", "leave none to train on"),
    "few rows": (table(lambda f: f.iloc[::-60]), "split", "train would have"),
    "misspelt key in params.yaml": (text("params.yaml", "seed: 7", "sede: 7"), "ingest", "`train.sede` is not a known key. Did you mean `seed`?"),
    "unknown key in params.yaml": (text("params.yaml", "refit:", "colour: red\nrefit:"), "ingest", "`colour` is not a known key"),
    "wrongly typed key in params.yaml": (text("params.yaml", "folds: 2", "folds: two"), "ingest", "`train.search.folds` should be a valid integer, but is 'two'"),
    "misspelt key in schema.yaml": (text("schema.yaml", "nullable: true", "nulable: true"), "ingest", "`features.load.nulable` is not a known key. Did you mean `nullable`?"),
    "wrongly typed key in schema.yaml": (text("schema.yaml", "min: 0,", "min: none,"), "ingest", "`features.heat.min` should be a valid number"),
    "unknown metric": (text("params.yaml", "metric: log_loss", "metric: logloss"), "train", "`logloss` is no metric of binary; there are log_loss, roc_auc"),
    "unknown learner": (text("params.yaml", "linear: {trials", "liner: {trials"), "train", "`train.learners.liner` is no learner"),
    "unknown setting of a learner": (text("params.yaml", "{C: 1.0}", "{c: 1.0}"), "train", "`linear`"),
    "unknown slice": (text("params.yaml", "slices: [colour]", "slices: [color]"), "evaluate", "`evaluate.slices` names `color`"),
    "a callable that raises": (source("def load(start, end):\n    raise RuntimeError('the feed is down')\n"), "ingest", "raised RuntimeError: the feed is down (`mine.py`, line 2)"),
    "a database that does not answer": (sql, "ingest", "the database `postgresql+psycopg://me:***@127.0.0.1:1/db` gave no rows"),
    "no such file": (text("params.yaml", "{files: mine.csv}", "{files: yours.csv}"), "ingest", "no file matches `yours.csv`"),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 2), (signal.SIGKILL, -9)])
def test_a_stage_that_is_stopped_leaves_the_old_outputs(project: Project, sent: signal.Signals, code: int) -> None:
    before = snapshot(project)
    text("params.yaml", "trials: 2,", "trials: 500,")(project.path)

    with subprocess.Popen(
        ["weighlock", "stage", "train"],
        cwd=project.path,
        env=project.env,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=interruptible,
    ) as process:
        assert process.stderr is not None
        next(line for line in process.stderr if line.startswith("lightgbm 2/"))
        process.send_signal(sent)
        rest = process.stderr.read()

    assert process.returncode == code
    assert snapshot(project) == before
    if sent is signal.SIGINT:
        assert "Interrupted." in rest
        assert "Traceback" not in rest
    project.run("git", "checkout", "-q", ".")
    project.run("weighlock", "stage", "train")  # running it again is safe
    assert snapshot(project) == before


@pytest.mark.parametrize("name", CASES)
def test_bad_input(project: Project, name: str) -> None:
    change, stage, said = CASES[name]
    project.run("git", "checkout", "-q", ".")
    project.run("git", "clean", "-qfd", "src")
    before = snapshot(project)
    change(project.path)

    # what comes before the failing stage runs as well, so that the failure is that of this input
    first = {"evaluate": "evaluate", "train": "train"}.get(stage, "ingest")
    done = None
    for step in STAGES[STAGES.index(first) :]:
        done = project.run("weighlock", "stage", step, code=None, DB="postgresql+psycopg://me:secret@127.0.0.1:1/db")
        if done.returncode:
            break

    assert done is not None
    assert done.returncode == 2, done.stdout + done.stderr
    assert step == stage
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stdout + done.stderr
    assert not list(project.path.glob(".staging-*"))
    later = (
        ("models/", "data/split/", "data/valid") if stage in {"ingest", "validate", "split"} else ("models/served/",)
    )
    after = snapshot(project)
    for file in before:
        if file.startswith(later) and not (stage == "split" and file.startswith("data/valid")):
            assert after[file] == before[file], f"{file} was touched"


def test_a_category_never_seen_in_training_scores(project: Project) -> None:
    project.run("git", "checkout", "-q", ".")
    table(lambda f: f.assign(colour=f["colour"].where(f["made"] < "2024-03-18", "violet")))(project.path)

    for stage in STAGES:
        project.run("weighlock", "stage", stage)

    predictions = pd.read_parquet(project.path / "reports/predictions.parquet")
    assert set(predictions["colour"]) == {"violet"}
    assert predictions["score"].between(0, 1).all()


def test_twenty_thousand_categories_train(project: Project) -> None:
    project.run("git", "checkout", "-q", ".")
    frame = small_table(20_000)
    frame.assign(colour=[f"shade-{i}" for i in range(20_000)]).to_csv(project.path / "mine.csv", index=False)

    for stage in STAGES:
        project.run("weighlock", "stage", stage)

    assert (project.path / "models/weighed/model.onnx").stat().st_size < 500_000


def test_a_full_disk_changes_nothing(project: Project, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("a small file system can only be mounted by root")
    project.run("git", "checkout", "-q", ".")
    full = project.path / "data"
    kept = {f.relative_to(full): f.read_bytes() for f in full.rglob("*") if f.is_file()}
    mount = tmp_path / "small-disk"
    mount.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24k", "tmpfs", str(mount)], check=False).returncode:
        pytest.skip("this machine does not let root mount a file system")
    try:
        clone = mount / "p"
        clone.mkdir()
        for name in ("params.yaml", "schema.yaml", "libraries.yaml"):
            (clone / name).write_bytes((project.path / name).read_bytes())
        text("params.yaml", "{files: mine.csv}", f"{{files: {project.path}/mine.csv}}")(clone)
        here = Project(clone, project.env)

        done = here.run("weighlock", "stage", "ingest", code=2)

        assert "No space left on device. Nothing was changed" in done.stderr
        assert sorted(p.name for p in clone.iterdir()) == ["libraries.yaml", "params.yaml", "schema.yaml"]
    finally:
        subprocess.run(["umount", str(mount)], check=True)
    assert {f.relative_to(full): f.read_bytes() for f in full.rglob("*") if f.is_file()} == kept
