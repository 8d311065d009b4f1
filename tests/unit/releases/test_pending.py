"""What has become of the tree's models: nothing yet, proposed in a branch, or released."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.results import sh
from weighlock.errors import RepositoryError
from weighlock.releases.compose import locked
from weighlock.releases.pending import find_pending, switch_to
from weighlock.releases.repository import upstream_of

pytestmark = pytest.mark.processes


@pytest.fixture
def shared(result: Path, tmp_path: Path) -> Path:
    """The repository, with a remote that has its main."""
    sh(tmp_path, "init", "-q", "--bare", "-b", "main", "--template=", "origin.git")
    sh(result, "remote", "add", "origin", str(tmp_path / "origin.git"))
    sh(result, "push", "-q", "--set-upstream", "origin", "main")
    return result


def proposed(root: Path, recorded: Callable[..., Any], run: str = "") -> str:
    """A record in the branch of the remote, as an earlier run has left it."""
    sh(root, "switch", "-q", "-c", "release/v1")
    recorded(root)
    if run:
        sh(root, "commit", "-q", "--amend", "-m", f"release: parts v1\n\nOf: 1\nRun: {run}\n")
    sh(root, "push", "-q", "origin", "release/v1")
    tip = sh(root, "rev-parse", "HEAD")
    sh(root, "switch", "-q", "main")
    sh(root, "branch", "-q", "-D", "release/v1")
    return tip


def test_new_models_get_the_next_version_and_recorded_ones_keep_theirs(
    result: Path, recorded: Callable[..., Any]
) -> None:
    found = find_pending(result)
    assert (found.state, found.version, found.branch, found.tip) == ("new", "v1", "release/v1", None)

    recorded(result)

    assert (find_pending(result).state, find_pending(result).version) == ("released", "v1")


def test_another_file_is_another_model(result: Path, recorded: Callable[..., Any]) -> None:
    recorded(result)
    lock = result / "dvc.lock"
    lock.write_text(lock.read_text().replace(locked(result)["models/served/model.onnx"], "0" * 32))

    assert (find_pending(result).state, find_pending(result).version) == ("new", "v2")


def test_what_a_killed_run_has_proposed_is_gone_on_with(shared: Path, recorded: Callable[..., Any]) -> None:
    tip = proposed(shared, recorded, run="77")

    found = find_pending(shared)

    assert (found.state, found.version, found.tip, found.run) == ("proposed", "v1", tip, "77")
    assert find_pending(shared, fetch=False) == found
    switch_to(found, shared)
    assert sh(shared, "rev-parse", "HEAD") == tip
    upstream = upstream_of("release/v1", shared)
    assert upstream is not None
    assert upstream.name == "origin/release/v1"


def test_a_branch_of_other_models_is_not_taken_for_ours(shared: Path, recorded: Callable[..., Any]) -> None:
    proposed(shared, recorded)
    sh(shared, "fetch", "-q", "origin")
    lock = shared / "dvc.lock"
    lock.write_text(lock.read_text().replace("md5: ", "md5: 0", 20))

    with pytest.raises(RepositoryError, match="`release/v1` proposes a release of other models"):
        find_pending(shared)


def test_a_remote_that_does_not_answer_is_no_answer(shared: Path) -> None:
    sh(shared, "remote", "set-url", "origin", str(shared / "nowhere"))

    with pytest.raises(RepositoryError, match="cannot be known"):
        find_pending(shared)
