"""A committed repository with a whole result, and a way to record it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.results import REACHED, make_result, sh, verdict


@pytest.fixture(scope="session", autouse=True)
def alone() -> Iterator[None]:
    """Git as it is without anyone's configuration."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
            patch.setenv(variable, "/dev/null")
        yield


@pytest.fixture(scope="session")
def template(alone: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `result` copies: to make a repository takes as long as a test."""
    root = tmp_path_factory.mktemp("template") / "repository"
    sh(root.parent, "init", "-q", "-b", "main", "--template=", str(root))
    for key, value in (("user.name", "Ada"), ("user.email", "ada@example.org")):
        sh(root, "config", key, value)
    make_result(root)
    sh(root, "add", ".")
    sh(root, "commit", "-q", "-m", "a result")
    return root


@pytest.fixture
def result(template: Path, tmp_path: Path) -> Path:
    """A committed repository with a result, and no release."""
    root = tmp_path / "repository"
    shutil.copytree(template, root)
    return root


Release = Callable[..., Any]


@pytest.fixture(scope="session")
def recorded() -> Release:
    """`recorded(root)`: record the tree's result as the next release, and commit it."""
    from weighlock.releases.commits import commit_files
    from weighlock.releases.compose import Made, compose, files_of, read_models
    from weighlock.releases.evidence import gather
    from weighlock.releases.record import Judged

    def record(root: Path, **change: Any) -> Any:
        path = verdict(root)
        judged = Judged(
            outcome="PASS", bootstrap=True, evidence=json.loads(path.read_text())["evidence"], champion=None
        )
        evidence = gather(root, path, REACHED)
        judged, commit = change.pop("judged", judged), sh(root, "rev-parse", "HEAD")
        release = compose(
            root, read_models(root), judged, evidence, Made(**change), commit, "Ada <ada@example.org>",
            "2024-04-01T00:00:00Z",
        )  # fmt: skip
        commit_files(root, files_of(release, evidence), f"release: {release.name} {release.version}")
        return release

    return record
