"""From a commit to what answers: a real nginx, real services of two releases, clients that never stop asking."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Clone
from drill import Clients, Fleet, answered, fleet, rollback_of, two_releases

SECONDS = 10.0


@pytest.fixture(scope="module")
def site(nginx: None, with_model: Clone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    factory = with_model("factory")
    two_releases(factory, train="C: 0.01")
    folder = Path(tmp_path_factory.mktemp("fleet"))
    folder.chmod(0o755)
    with fleet(factory, folder) as found:
        yield found


def test_the_drill(site: Fleet) -> None:
    # nothing runs yet
    first = site.sync()
    assert (first["outcome"], first["serves"]) == ("SYNCED", [])
    site.order("promote", "v1", "production", "--reason", "the first of them all", "--push")
    planned = site.sync("--dry-run")["said"]
    assert "1. start v1 on port" in planned
    assert site.sync()["outcome"] == "SYNCED"
    assert site.sync()["outcome"] == "OK"
    told = site.factory.path / "src/weighlock/deployment/syncing/report.py"
    told.write_text(told.read_text().replace('"SYNCED  {', '"SYNCED BY NEW CODE  {'))
    site.factory.commit("feat: another word")
    site.factory.run("git", "push", "-q")
    assert "SYNCED BY NEW CODE" in site.sync()["said"]

    site.order("promote", "v2", "staging", "--push")
    site.order("advance", "staging", "--to", "stable", "--push")
    with Clients(site) as clients:
        answered(clients, 20)
        site.order("promote", "v2", "production", "--push")
        site.sync()
        began = answered(clients, 400)
        assert 0.03 < clients.share("v2", began) < 0.25
        site.order("advance", "production", "--reason", "nothing odd", "--push")
        site.sync()
        site.order("advance", "production", "--to", "stable", "--push")
        site.sync()
        assert clients.since(answered(clients, 100)) == {"v2"}
        taken = [rollback_of(site, clients)]
        if taken[0] > SECONDS:  # once more, on a machine that has other things to do
            unblock = ["--unblock", "--reason", "another drill of the same"]
            site.order("promote", "v2", "production", "--push", *unblock)
            site.sync()
            answered(clients, 200)
            taken.append(rollback_of(site, clients))

    print(
        f"{taken} s from the pushed commit to the last answer by v2; {len(clients.answers)} answers, "
        f"{clients.again} asked again on a new connection"
    )
    assert clients.failed == []
    assert 0 < min(taken) <= SECONDS
