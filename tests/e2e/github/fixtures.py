"""Fixtures for tests of workflows; tests/e2e/conftest.py hands them out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from github.description import Description, NoDescriptionError
from github.repository import Repository, hosted
from support.needs import needing

if TYPE_CHECKING:
    from conftest import Clone, Project

Host = Callable[["Project"], Repository]


@pytest.fixture(scope="session")
def github_description(tmp_path_factory: pytest.TempPathFactory) -> Description:
    """GitHub's description of its API, from npm."""
    with needing("workflows under act", NoDescriptionError):
        for tool in ("npm", "node"):
            if not shutil.which(tool):
                raise NoDescriptionError(f"There is no `{tool}` on the PATH.")
        return Description.fetched(tmp_path_factory.mktemp("github-description"))


@pytest.fixture(scope="session")
def host(github_description: Description, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Host a clone: `host(project)` gives a repository with main at the clone's HEAD, until the session ends."""
    with ExitStack() as stack:

        def make(project: Project) -> Repository:
            return stack.enter_context(hosted(project, github_description, tmp_path_factory.mktemp("github")))

        yield make


@pytest.fixture
def hosted_model(with_model: Clone, host: Host) -> Iterator[Repository]:
    """The small table's project with its model, committed and hosted, for one test; what the API did not know fails."""
    project = with_model("hosted")
    project.commit("feat: my own table")
    repository = host(project)
    yield repository
    repository.github.expect_no_problems()
