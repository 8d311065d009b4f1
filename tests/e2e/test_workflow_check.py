"""`check.yml` under act: green where all passes, and red by one job where anything does not; and `relock.yml`."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Clone, Project
from github import events
from github.fixtures import Host
from github.repository import Repository

HOOKS = """\
repos:
  - repo: local
    hooks:
      - {id: ruff, name: ruff, entry: ruff check --select F, language: system, types: [python]}
"""
TEST = """\
import sys
import pytest
import weighlock


def test_it_is_the_checkouts_own_code():
    assert "hostexecutor" in weighlock.__file__, (weighlock.__file__, sys.version)
    assert {fine}


@pytest.mark.processes
def test_it_starts_processes():
    assert True
"""


def with_small_tests(project: Project) -> Project:
    """The real commands over one linter and two tests: what is tested is the workflow."""
    root = project.path
    (root / ".pre-commit-config.yaml").write_text(HOOKS)
    makefile = root / "Makefile"
    text = makefile.read_text().replace(" -n 2 --dist worksteal", "")
    assert "\tuv pip compile" in text
    # what is newer is planted: the lock names `planted`
    text = (
        text[: text.index("\tuv pip compile")]
        + "\tcp newer.lock requirements.lock\n\n"
        + text[text.index("mlflow: env") :]
    )
    makefile.write_text(text)
    (root / "newer.lock").write_text((root / "requirements.lock").read_text())
    for folder in ("tests", "benchmarks", "src/flights"):
        project.run("git", "rm", "-rq", folder)
    for folder in ("unit", "e2e"):
        (root / "tests" / folder).mkdir(parents=True)
        (root / f"tests/{folder}/test_{folder}_one.py").write_text(TEST.format(fine=True))
    return project


@pytest.fixture(scope="module")
def repository(clone: Clone, host: Host) -> Repository:
    project = with_small_tests(clone("check"))
    project.commit("test: two small ones")
    return host(project)


def changed(repository: Repository, branch: str, file: str, content: str) -> events.Event:
    """A pull request that changes a file."""
    (repository.project.path / file).write_text(content)
    repository.commit(branch, f"feat: {branch}")
    return events.pull_request(repository.github, repository.open_pull(branch))


def test_a_push_passes_on_each_python(repository: Repository) -> None:
    run = repository.act("check.yml", events.push(repository.github, before="0" * 40)).passed()
    assert {name: job.conclusion for name, job in run.jobs.items()} == dict.fromkeys(
        ("check", "test", "e2e", "required"), "success"
    )
    for version in ("3.11", "3.12", "3.13"):
        assert f"Python {version}: " in run.jobs["test"].log
    assert "All that must pass did." in run.jobs["required"].log


def test_a_finding_and_a_test_that_fails_turn_the_required_job_red(repository: Repository) -> None:
    (repository.project.path / "src/untidy.py").write_text("import os\n")
    event = changed(repository, "broken", "tests/unit/test_unit_one.py", TEST.format(fine=False))
    run = repository.act("check.yml", event).refused()
    assert {name: job.conclusion for name, job in run.jobs.items()} == {
        "check": "failure", "test": "failure", "e2e": "success", "required": "failure"
    }  # fmt: skip
    assert "F401" in run.jobs["check"].log
    assert "::error::test: failure" in run.jobs["required"].log


def test_a_job_that_was_skipped_without_leave_turns_it_red(repository: Repository) -> None:
    repository.start("lazy")
    path = Path(".github/workflows/check.yml")
    text = (repository.project.path / path).read_text()
    event = changed(repository, "lazy", str(path), text.replace("    name: e2e\n", "    name: e2e\n    if: false\n"))
    run = repository.act("check.yml", event).refused()
    assert run.jobs["required"].conclusion == "failure"
    assert "::error::e2e: skipped; it is not on the list" in run.jobs["required"].log


def test_the_lock_is_proposed_once_and_only_where_something_is_newer(repository: Repository) -> None:
    github = repository.github
    event = events.schedule(github, "17 4 3 * *")
    run = repository.act("relock.yml", event).passed()
    assert "Nothing is newer." in run.log
    assert github.open_pull("relock") is None
    repository.start("main")
    with (repository.project.path / "newer.lock").open("a") as file:
        file.write("# newer\n")
    repository.commit("main", "test: something is newer")
    app = {"variables": {"WEIGHLOCK_APP_ID": "1"}, "secrets": {"WEIGHLOCK_APP_KEY": "a key"}}
    for _ in range(2):
        repository.act("relock.yml", events.schedule(github), **app).passed()
    (pull,) = [one for one in github.pulls if one.head == "relock"]
    assert pull.author == "weighlock-test[bot]"
    assert pull.files == ["requirements.lock"]
    github.expect_no_problems()
