"""The gate as it is used: a champion in git, newer data, a verdict, and what each planted fault makes of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from conftest import Clone, Project, with_small_table


def edit(project: Project, change: Callable[[dict[str, Any]], None]) -> None:
    path = project.path / "params.yaml"
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content, sort_keys=False))


def until(day: str) -> Callable[[dict[str, Any]], None]:
    return lambda params: params["data"]["window"].update(end=day)


@pytest.fixture(scope="module")
def retrained(clone: Clone) -> Project:
    """A champion up to the tenth of March, tagged; a challenger up to its end, committed."""
    project = with_small_table(clone("gate"))
    edit(project, until("2024-03-10"))
    project.run("dvc", "repro", "-q")
    project.commit("the champion")
    project.run("git", "tag", "champion")
    edit(project, until("2024-03-31"))
    project.run("dvc", "repro", "-q")
    project.commit("three weeks more")
    return project


@pytest.fixture
def project(retrained: Project, tmp_path: Path) -> Project:
    """The same, in a copy that a test may spoil."""
    path = tmp_path / "weighlock"
    shutil.copytree(retrained.path, path, symlinks=True)
    return Project(path, {**retrained.env, "PYTHONPATH": str(path / "src")})


def verdict(project: Project) -> dict[str, Any]:
    return json.loads((project.path / "reports/gate/gate.json").read_text())


def test_a_retraining_is_weighed_against_a_revision(project: Project, tmp_path: Path) -> None:
    output = tmp_path / "output"

    said = project.run("weighlock", "gate", "--champion", "champion", GITHUB_OUTPUT=str(output)).stdout

    found = verdict(project)
    assert said.startswith("PASS\n")
    assert output.read_text() == f"outcome=PASS\nevidence={found['evidence']}\n"
    assert (found["challenger"]["model"], found["champion"]["model"]) == ("weighed", "served")
    assert found["champion"]["trained_until"].startswith("2024-03-10")
    assert {c["result"] for c in found["checks"] if c["kind"] == "condition"} == {"pass"}
    report = (project.path / "reports/gate/gate.md").read_text()
    assert report.startswith("## Weighlock gate: PASS")
    assert len(report) < 60_000
    for title in ("Slices by harm", "Rows that moved most", "Standard errors", "data.window.end"):
        assert title in report
    before = {path.name: path.read_bytes() for path in (project.path / "reports/gate").iterdir()}
    project.run("weighlock", "gate", "--champion", "champion")
    assert {path.name: path.read_bytes() for path in (project.path / "reports/gate").iterdir()} == before


def test_a_worse_challenger_fails(project: Project) -> None:
    def cripple(params: dict[str, Any]) -> None:
        params["train"]["learners"] = {"linear": {"trials": 1, "fixed": {"C": 1e-6}}}
        params["gate"] |= {"floors": {"roc_auc": 0.5}, "harm_confidence": 0.9}

    edit(project, cripple)
    project.run("dvc", "repro", "-q")

    said = project.run("weighlock", "gate", "--champion", "champion", code=3).stdout

    assert said.startswith("FAIL\n")
    assert any(c["name"] == "log_loss" and c["result"] == "fail" for c in verdict(project)["checks"])
    refused = project.run("weighlock", "accept", "--reason", "we need it by tomorrow", code=2).stderr
    assert "no one can accept that" in refused


def test_an_inconclusive_passes_once_it_is_accepted_and_only_then(project: Project) -> None:
    edit(project, lambda params: params["gate"]["primary"].update(margin=0.0, require="superior", confidence=0.999))
    project.run("weighlock", "gate", "--champion", "champion", code=4)

    project.run("weighlock", "accept", "--reason", "It is the same recipe on newer rows.")

    accepted = project.run("weighlock", "gate", "--champion", "champion").stdout
    assert accepted.startswith("INCONCLUSIVE, accepted: It is the same recipe on newer rows. (Test <test@example")
    (file,) = (project.path / "releases/accepted").glob("*.yaml")
    assert yaml.safe_load(file.read_text())["evidence"] == verdict(project)["evidence"]
    edit(project, lambda params: params["gate"]["primary"].update(confidence=0.998))
    project.run("weighlock", "gate", "--champion", "champion", code=4)  # other evidence


def test_without_a_champion_floors_decide_and_the_verdict_says_so(project: Project) -> None:
    assert project.run("weighlock", "gate").stdout.startswith("PASS (bootstrap)")  # stable: null
    edit(project, lambda params: params["gate"].update(floors={"log_loss": 0.01}))
    assert project.run("weighlock", "gate", "--champion", "none", code=3).stdout.startswith("FAIL (bootstrap)")


def test_a_retraining_without_new_rows_is_nothing_new(project: Project, tmp_path: Path) -> None:
    output = tmp_path / "output"

    said = project.run("weighlock", "gate", "--champion", "HEAD", GITHUB_OUTPUT=str(output)).stdout

    assert said.startswith("nothing new")
    assert output.read_text() == "outcome=NOTHING NEW\n"
    assert not (project.path / "reports/gate").exists()


def test_what_is_not_of_this_tree_fails(project: Project) -> None:
    edit(project, lambda params: params["train"].update(seed=8))

    said = project.run("weighlock", "gate", "--champion", "champion", code=3).stdout

    assert "`dvc.lock` is not of this tree: `train` would run again" in said


def test_the_gate_is_tested_on_the_present_holdout(project: Project) -> None:
    said = project.run("weighlock", "gate", "--self-test").stdout

    assert "WRONG" not in said
    for name in ("clearly worse", "worse by the margin", "equal", "clearly better"):
        assert f"ok     {name}" in said


def test_models_from_elsewhere_are_weighed_by_their_files(project: Project, tmp_path: Path) -> None:
    edit(project, lambda params: params["gate"].update(must_run=[]))
    ours = pd.read_parquet(project.path / "reports/predictions.parquet")[["key", "time", "truth", "score"]]
    theirs = ours.assign(score=(ours["score"] * 0.97).round(4))
    for name, frame in (("ours.parquet", ours), ("theirs.csv", theirs)):
        write = frame.to_csv if name.endswith("csv") else frame.to_parquet
        write(tmp_path / name, index=False)
    files = ("--challenger", str(tmp_path / "ours.parquet"), "--champion", str(tmp_path / "theirs.csv"))

    said = project.run("weighlock", "gate", *files, code=None)

    found = verdict(project)
    assert said.returncode in {0, 4}
    assert {c["name"] for c in found["checks"] if c["result"] == "not run"} >= {"overlap", "lock", "parity", "size"}
    edit(project, lambda params: params["gate"].update(must_run=["overlap"]))
    assert "`gate.must_run` asks for it" in project.run("weighlock", "gate", *files, code=4).stdout


def spoilt(frame: pd.DataFrame, fault: str) -> pd.DataFrame:
    if fault == "column":
        return frame.drop(columns="score")
    if fault == "keys":
        return frame.assign(key=frame["key"].where(frame.index > 6, frame["key"] + "x"))
    if fault == "twice":
        return pd.concat([frame, frame.head(3)])
    if fault == "nan":
        return frame.assign(score=frame["score"].where(frame.index != 3))
    return frame.head(0) if fault == "empty" else frame


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("column", "should hold `score`"),
        ("keys", "7"),
        ("twice", "3"),
        ("nan", "row"),
        ("empty", "no rows"),
        ("same", "nothing to weigh"),
        ("missing", "missing"),
    ],
)
def test_bad_predictions_are_refused(project: Project, tmp_path: Path, fault: str, said: str) -> None:
    good = pd.read_parquet(project.path / "reports/predictions.parquet")[["key", "time", "truth", "score"]]
    if fault != "missing":
        spoilt(good, fault).to_parquet(tmp_path / "theirs.parquet", index=False)

    refused = project.run("weighlock", "gate", "--champion", str(tmp_path / "theirs.parquet"), code=2)

    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (project.path / "reports/gate").exists()


def test_a_champion_that_was_tampered_with_is_refused(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(project.path / "models/served", folder)
    content = bytearray((folder / "model.onnx").read_bytes())
    content[-1] ^= 1
    (folder / "model.onnx").unlink()
    (folder / "model.onnx").write_bytes(bytes(content))

    assert "digest" in project.run("weighlock", "gate", "--champion", str(folder), code=2).stderr
