"""Release, deploy, rollout and rollback as GitHub would run them: one story, and what must be refused."""

from __future__ import annotations

import pytest
from conftest import Clone
from github.fixtures import Host
from github.repository import Repository
from shipped import merge, pushed, state, with_release_params, with_tools


@pytest.fixture(scope="module")
def shop(with_model: Clone, host: Host, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A repository whose main has a model that is not released yet."""
    project = with_model("shop")
    with_release_params(project)
    project.run("dvc", "repro", "-q")
    project.commit("feat: my own table")
    return with_tools(host(project), tmp_path_factory.mktemp("tools") / "bin")


def test_a_release(shop: Repository) -> None:
    run = pushed(shop, shop.main, "release.yml").passed()
    print(run.log)
