"""The clock's workflows, run by act: watch.yml and what comes of each verdict."""

from __future__ import annotations

import pytest
from conftest import Clone
from github import events
from github.clocked import Clocked, in_production
from github.fixtures import Host


@pytest.fixture(scope="module")
def clocked(with_model: Clone, host: Host, tmp_path_factory: pytest.TempPathFactory) -> Clocked:
    project = with_model("clock")
    log, store = tmp_path_factory.mktemp("log") / "log", tmp_path_factory.mktemp("store")
    in_production(project, log, store)
    return Clocked(host(project), log)


def test_it(clocked):
    clocked.served()
    run = clocked.watch().passed()
    print(run.log)
    assert run.jobs["look"].outputs == {}
