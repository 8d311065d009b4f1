"""Three months of a small table lived again, killed in the middle, and lived again from what was kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import Clone, Project, with_small_table

COMMAND = ("weighlock", "replay", "--from", "2024-02-20", "--to", "2024-03-31", "--jobs", "1", "--search", "first")


@pytest.fixture(scope="module")
def project(clone: Clone) -> Project:
    """A clone with the small table; nothing is trained in it."""
    project = with_small_table(clone("replay"))
    project.commit("my own table")
    return project


def trainings(project: Project) -> dict[str, int]:
    """The finished ones, and when they were."""
    found = (project.path / ".replay/trainings").glob("*/training.json")
    return {path.parent.name: path.stat().st_mtime_ns for path in found}


def test_a_replay_that_was_killed_goes_on_and_all_policies_share_what_it_made(project: Project) -> None:
    # given a replay that is killed once its first training is complete
    process = subprocess.Popen(
        COMMAND, cwd=project.path, env=project.env, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 200
    while not trainings(project) and time.monotonic() < deadline:
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = trainings(project)
    assert len(kept) == 1

    # when it is run again
    said = project.run(*COMMAND).stdout

    # then it kept what was complete, and made no more than two trainings for four policies
    found = trainings(project)
    assert found.items() >= kept.items()
    assert len(found) == 2
    for policy in ("never", "always", "triggered", "gated"):
        assert f"| {policy} |" in said
    record = json.loads((project.path / "reports/replay/replay.json").read_text())
    assert record["policies"]["never"]["promotions"] == 0
    assert record["policies"]["always"]["promotions"] == 1
    assert record["policies"]["always"]["versions"][1] == {
        "name": "v2", "trained_until": "2024-02-27", "since": "2024-03-01",
    }  # fmt: skip
    for picture in ("months.png", "frontier.png"):
        assert (project.path / "reports/replay" / picture).stat().st_size > 5000
    # and the user's tree is as it was
    assert project.run("git", "status", "--porcelain").stdout == ""

    # when it is run a third time, then it says the same of the same files
    page = (project.path / "reports/replay/replay.md").read_bytes()
    project.run(*COMMAND)
    assert trainings(project) == found
    assert (project.path / "reports/replay/replay.md").read_bytes() == page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "2024-03", "--to", "2024-02"), "which is not after its first day"),
        (("--from", "2024-03", "--to", "soon"), "neither a month"),
        (("--from", "2024-03", "--to", "2024-03", "--policy", "hourly"), "no policy; there are never, always"),
        (("--from", "2024-01", "--to", "2024-03", "--policy", "never"), "Begin later"),
    ],
)
def test_what_cannot_be_replayed_is_told(project: Project, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    assert said in project.run("weighlock", "replay", *words, "--out", str(tmp_path), code=2).stderr
