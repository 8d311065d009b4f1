"""How many models were weighed on a holdout, as far as git can tell."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from repository import Repository, alone, make_repository

from weighlock.weighing.wear import Wear, models_weighed, weighed_on

LOCK = """\
schema: '2.0'
stages:
  split:
    cmd: weighlock stage split
    outs:
    - path: data/split/holdout.parquet
      hash: md5
      md5: unlike
  evaluate:
    cmd: weighlock stage evaluate
    deps:
    - path: data/split/holdout.parquet
      hash: md5
      md5: {holdout}
      size: 1
    - path: models/weighed/model.onnx
      hash: md5
      md5: {model}
      size: 2
    params:
      params.yaml:
        evaluate:
          slices:
          - port
    outs:
    - path: reports/predictions.parquet
      md5: p
  refit:
    cmd: weighlock stage refit
    deps:
    - path: models/weighed/model.onnx
      md5: unlike
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    alone(monkeypatch)
    return make_repository(tmp_path / "r", None)


def lock(repository: Repository, model: str, holdout: str = "h1", commit: bool = True) -> None:
    (repository.root / "dvc.lock").write_text(LOCK.format(holdout=holdout, model=model))
    if commit:
        repository.commit()


def test_the_pair_is_what_the_stage_evaluate_read() -> None:
    assert weighed_on(LOCK.format(holdout="h1", model="m1").encode()) == ("h1", "m1")
    assert weighed_on(LOCK.format(holdout="h1", model="m1").replace("\n", "\r\n").encode()) == ("h1", "m1")
    assert weighed_on(LOCK.partition("  refit")[0].rstrip().format(holdout="h1", model="m1").encode()) == ("h1", "m1")


HALF = LOCK.partition("    params")[0]


def test_a_digest_of_digits_alone_stands_in_quotes() -> None:
    assert weighed_on(LOCK.format(holdout="'01'", model="'23'").encode()) == ("01", "23")


def test_the_repositorys_own_lock_is_read() -> None:
    content = Path(__file__).parents[3].joinpath("dvc.lock").read_bytes()
    stages = yaml.safe_load(content)["stages"]
    reads = {dep["path"]: dep["md5"] for dep in stages["evaluate"]["deps"]}

    assert weighed_on(content) == (reads["data/split/holdout.parquet"], reads["models/weighed/model.onnx"])


@pytest.mark.parametrize(
    "content",
    [
        "",
        "stages: {}",
        "schema: '2.0'\nstages:\n  split: {}\n",
        HALF.replace("- path", "- p"),
        HALF.replace("    - path: models", "=======\n    - path: models"),
        HALF.replace("    deps:", "<<<<<<< HEAD\n    deps:"),
    ],
)
def test_what_says_nothing_is_passed_over(content: str) -> None:
    assert weighed_on(content.encode()) is None


def test_distinct_models_on_this_holdout_are_counted_over_all_refs(repository: Repository) -> None:
    lock(repository, "m1", "h0")  # another holdout
    lock(repository, "m1")
    lock(repository, "m2")
    lock(repository, "m1")  # once more
    repository.git("checkout", "-q", "-b", "tried")
    lock(repository, "m3")
    repository.git("checkout", "-q", "main")
    lock(repository, "m4", commit=False)

    assert models_weighed(repository.root) == Wear(4, 5, shallow=False)


def test_a_model_that_a_merge_threw_away_is_counted(repository: Repository) -> None:
    lock(repository, "m1")
    repository.git("checkout", "-q", "-b", "tried")
    lock(repository, "m2")
    repository.git("checkout", "-q", "main")
    repository.git("merge", "-q", "-s", "ours", "--no-edit", "tried")
    repository.git("branch", "-q", "-D", "tried")

    assert models_weighed(repository.root).models == 2


def test_a_detached_head_is_seen(repository: Repository) -> None:
    lock(repository, "m1")
    repository.git("checkout", "-q", "--detach")
    lock(repository, "m2")
    lock(repository, "m3", commit=False)

    assert models_weighed(repository.root).models == 3


def test_a_shallow_clone_says_so(repository: Repository, tmp_path: Path) -> None:
    for model in ("m1", "m2", "m3"):
        lock(repository, model)
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--depth", "1", repository.root.as_uri(), str(clone)], check=True)

    found = models_weighed(clone)

    assert (found.models, found.shallow) == (1, True)
    assert "git fetch --unshallow" in found.caveat


def test_a_project_in_a_folder_of_the_repository_has_its_own_lock(repository: Repository) -> None:
    lock(repository, "m1")
    inner = repository.root / "inner"
    inner.mkdir()
    for model in ("m2", "m3"):
        (inner / "dvc.lock").write_text(LOCK.format(holdout="h1", model=model))
        repository.commit()

    assert models_weighed(inner) == Wear(2, 2, shallow=False)


def test_without_history_or_lock_it_says_so(repository: Repository, tmp_path: Path) -> None:
    assert models_weighed(repository.root).models == 0
    assert "none is counted" in models_weighed(repository.root).caveat
    lock(repository, "m1", commit=False)
    assert "no git history" in models_weighed(repository.root).caveat
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain/dvc.lock").write_text(LOCK.format(holdout="h1", model="m1"))

    found = models_weighed(tmp_path / "plain")

    assert (found.models, found.commits, found.shallow) == (1, 0, False)
    assert "no git history" in found.caveat


def test_hundreds_of_commits_are_read_at_once(repository: Repository) -> None:
    stream = ["reset refs/heads/many\n"]
    for i in range(300):
        content = LOCK.format(holdout="h1", model=f"m{i % 150}")
        stream.append(
            f"commit refs/heads/many\ncommitter T <t@example.invalid> {i} +0000\ndata 1\nx\n"
            f"M 100644 inline dvc.lock\ndata {len(content)}\n{content}\n"
        )
    subprocess.run(["git", "fast-import", "--quiet"], cwd=repository.root, input="".join(stream).encode(), check=True)
    lock(repository, "m0")

    assert models_weighed(repository.root) == Wear(150, 301, shallow=False)
