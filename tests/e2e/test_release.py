"""Releases of the small table, as a user makes, shows, serves, loses and gets them back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from conftest import SMALL_PARAMS, Clone, Project
from served import add_key, serving

RELEASE = "release: {name: parts, card: {use: 'Says which parts break.', not_for: [], limits: []}}\n"
# What `make env` does at that commit, without the minutes: the environment is that of these tests.
MAKEFILE = "env:\n\tln -s {prefix} .venv\n"


@pytest.fixture(scope="module")
def released(with_model: Clone) -> Project:
    """A clone with the small table and an origin of its own, whose model is v1, tagged and pushed."""
    project = with_model("released")
    (project.path / "params.yaml").write_text(SMALL_PARAMS + RELEASE)
    (project.path / "Makefile").write_text(MAKEFILE.format(prefix=sys.prefix))
    project.run("dvc", "repro", "-q")
    project.commit("my own table")
    origin = project.path.parent / "origin.git"
    project.run("git", "init", "-q", "--bare", str(origin))
    project.run("git", "remote", "set-url", "origin", str(origin))
    project.run("git", "switch", "-q", "-C", "main", "--no-track")
    project.run("git", "push", "-q", "--set-upstream", "origin", "main")
    project.run("weighlock", "gate")
    said = project.run("weighlock", "release", "--tag", "--push").stdout
    assert said.splitlines()[0].startswith("releases/v1.yaml: recorded, ")
    assert said.splitlines()[-1] == "pushed to origin/main"
    return project


def test_the_record_is_of_the_commit_before_and_the_tag_is_gtos(released: Project) -> None:
    record = yaml.safe_load((released.path / "releases/v1.yaml").read_text())
    parent = released.run("git", "rev-parse", "flights@v1.0.0^", code=None)
    assert parent.returncode  # it is called by its own name
    assert record["commit"] == released.run("git", "rev-parse", "parts@v1.0.0^{commit}^").stdout.strip()
    assert released.run("git", "status", "--porcelain").stdout == ""
    assert "v1.0.0" in released.run("gto", "show", "parts", "--repo", ".").stdout
    shown = json.loads(released.run("gto", "show", "parts", "--repo", ".", "--json").stdout)
    assert [(entry["version"], entry["artifact"]) for entry in shown] == [("v1.0.0", "parts")]
    asked = "from gto.tag import parse_name; print(parse_name('parts@v1.0.0'))"
    assert "'version': 'v1.0.0'" in released.run(sys.executable, "-c", asked).stdout


def test_it_is_recorded_once(released: Project) -> None:
    before = released.run("git", "rev-parse", "HEAD").stdout
    assert "is there already" in released.run("weighlock", "release", "--tag", "--push").stdout
    assert released.run("git", "rev-parse", "HEAD").stdout == before


def test_the_card_is_of_the_evidence_alone(released: Project, tmp_path: Path) -> None:
    fresh = Project(tmp_path / "fresh", released.env)
    released.run("git", "clone", "-q", str(released.path), str(fresh.path))  # no model, no data

    text = fresh.run("weighlock", "card", "v1").stdout
    fresh.run("weighlock", "card", "v1", "--html", "--out", "out/card.html")

    assert text.startswith("# parts v1\n")
    assert "Says which parts break." in text
    assert "`log_loss` ↓" in text
    assert (fresh.path / "out/card.html").read_text().startswith("<!doctype html>")
    (fresh.path / "releases/evidence/v1/metrics.json").write_text("{}")
    assert "was edited" in fresh.run("weighlock", "card", "v1", code=2).stderr


def test_every_command_takes_it(released: Project, tmp_path: Path) -> None:
    released.run("weighlock", "fetch", "v1")
    key = add_key(released)
    with serving(released, key, "--release", "v1") as service:
        service.answers()
        about = service.ask("GET", "/v1/model")[1]
        assert (about["name"], about["version"]) == ("parts", "v1")
        url = f"http://127.0.0.1:{service.port}"
        released.run("weighlock", "smoke", url, "--release", "v1", WEIGHLOCK_KEY=key, WEIGHLOCK_API_KEY=key)
    released.run("weighlock", "score", "mine.csv", str(tmp_path / "scores.csv"), "--release", "v1")
    home = str(tmp_path / "bentos")
    assert released.run("weighlock", "bento", "--release", "v1", BENTOML_HOME=home).stdout.startswith("parts:v1  ")
    (released.path / "keys.json").unlink()


def test_a_stale_branch_is_refused(released: Project, tmp_path: Path) -> None:
    other = Project(tmp_path / "other", released.env)
    released.run("git", "clone", "-q", str(released.path.parent / "origin.git"), str(other.path))
    (other.path / "note.txt").write_text("someone else\n")
    other.commit("someone else's")
    other.run("git", "push", "-q", "origin", "HEAD:main")

    assert "`main` is stale: it lacks 1 commit" in released.run("weighlock", "release", code=2).stderr
    released.run("git", "pull", "-q", "--rebase")
    released.run("weighlock", "release")


@pytest.fixture(scope="module")
def second(released: Project) -> Project:
    """The same, with another challenger in the tree."""
    path = released.path / "params.yaml"
    content = yaml.safe_load(path.read_text())
    content["train"]["learners"] = {"linear": {"trials": 1, "fixed": {"C": 0.1}}}
    path.write_text(yaml.safe_dump(content))
    released.run("dvc", "repro", "-q")
    released.commit("another challenger")
    return released


def test_refusals(second: Project) -> None:
    def refused(*arguments: str) -> str:
        return second.run("weighlock", "release", "--offline", *arguments, code=2).stderr

    head = second.run("git", "rev-parse", "HEAD").stdout.strip()
    assert "is of another challenger" in refused()
    second.run("weighlock", "gate", "--champion", "none")
    assert "There is no bento `parts:v9`" in refused("--bento", "parts:v9")
    (second.path / "mine.csv").write_text("id\n")
    assert "`mine.csv`: changed and not committed" in refused()
    second.run("git", "checkout", "-q", "mine.csv")
    params = second.path / "params.yaml"
    params.write_text(params.read_text().replace("max_categories: 20", "max_categories: 21"))
    second.commit("not run")
    assert "`dvc.lock` is not of this tree" in refused()
    second.run("git", "reset", "-q", "--hard", head)


def test_the_gate_weighs_against_a_record(second: Project) -> None:
    second.run("weighlock", "gate", "--champion", "v1", code=None)

    verdict = json.loads((second.path / "reports/gate/gate.json").read_text())
    assert verdict["about"]["names"]["champion"] == "v1"
    record = yaml.safe_load((second.path / "releases/v1.yaml").read_text())
    assert verdict["champion"]["digests"]["weighed"] == record["weighed"]["digest"]


def test_killed_at_any_time_it_is_done_or_undone_the_next_time(second: Project) -> None:
    second.run("weighlock", "gate", "--champion", "none")
    head = second.run("git", "rev-parse", "HEAD").stdout
    begun = time.monotonic()
    second.run("weighlock", "release", "--offline", "--dry-run")
    length = time.monotonic() - begun
    for part in (0.8, 0.95, 1.0):
        process = subprocess.Popen(
            ["weighlock", "release", "--offline"], cwd=second.path, env=second.env, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(length * part)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for left in (second.path / ".git").rglob("*.lock"):
        left.unlink()  # git's own, which it asks its user to remove
    second.run("weighlock", "release", "--offline", "--tag")
    assert second.run("git", "rev-parse", "HEAD~1").stdout == head
    assert second.run("git", "status", "--porcelain").stdout == ""
    assert second.run("git", "tag").stdout.split()[-2:] == ["parts@v1.0.0", "parts@v2.0.0"]


def test_mlflow_shows_what_git_says(second: Project) -> None:
    """Made again from git alone: of v1 there is neither a run nor a tree, and its model comes from DVC's cache."""
    path = second.path / "deploy/production.yaml"
    path.write_text(path.read_text().replace("stable: null", "stable: v1"))

    for attempt in ("v1, v2 new", "nothing new"):
        said = second.run("weighlock", "track").stdout
        assert said.splitlines()[-1] == f"registry  parts: {attempt}, champion is v1"

    digest = yaml.safe_load((second.path / "releases/v1.yaml").read_text())["served"]["digest"]
    asked = (
        "import mlflow; mlflow.set_tracking_uri('sqlite:///mlflow.db');"
        "v = mlflow.MlflowClient().get_model_version_by_alias('parts', 'champion');"
        "print(v.tags['weighlock.version'], v.tags['weighlock.served']);"
        "mlflow.pyfunc.load_model('models:/parts@champion')"
    )
    assert f"v1 {digest}" in second.run(sys.executable, "-c", asked).stdout
    second.run("git", "checkout", "-q", "deploy")


def test_a_model_that_is_nowhere_is_made_again(released: Project) -> None:
    for gone in (".dvc/cache", "models/releases"):
        shutil.rmtree(released.path / gone, ignore_errors=True)
    assert "is nowhere to be had" in released.run("weighlock", "fetch", "v1", "--no-rebuild", code=2).stderr

    done = released.run("weighlock", "fetch", "v1")

    assert done.stdout.splitlines()[-1] == "models/releases/v1: v1 from a rebuild; both digests verify"
    assert "not from DVC's remote: DVC has no default remote" in done.stdout
    assert "$ dvc repro" in done.stderr
    assert len(released.run("git", "worktree", "list").stdout.splitlines()) == 1
    shutil.rmtree(released.path / "models/releases")
    assert "from DVC's cache" in released.run("weighlock", "fetch", "v1").stdout  # what was made again stays
