"""`weighlock judge --apply`: the commit that an outcome asks for, in a repository with its history."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.deployment.judged import DIGESTS, Service

from support.stories import ROOT, START, Story, git, written
from weighlock.cli import main
from weighlock.deployment import judge_apply
from weighlock.deployment.environment import Candidate, Environment, Route, parse_environment

pytestmark = pytest.mark.processes

POLICY = "deploy: {judge: {min_requests: 50, must_show: [error_rate], error_rate: {margin: 0.05}}}\n"
AT = dt.datetime.fromtimestamp(START + 3600 * 24, dt.UTC).isoformat()


def begun(story: Story) -> None:
    head = (ROOT / "params.yaml").read_text().partition("\ndeploy:")[0]
    story.commit(
        {
            "params.yaml": f"{head}\n{POLICY}".encode(),
            "schema.yaml": (ROOT / "schema.yaml").read_bytes(),
            ".gitignore": b"reports/\n",
        },
        "a policy",
    )
    for version in ("v1", "v2"):
        story.release(version)
        story.move("staging", stable=version)
    story.move("production", stable="v1")
    story.move("production", candidate=Candidate(release="v2", route=Route(weight=10)))


@pytest.fixture
def repository(tmp_path: Path, release_of: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    def release(version: str, **change: Any) -> Any:
        made = release_of(version)
        digest = {"v1": DIGESTS["stable"], "v2": DIGESTS["candidate"]}[version]
        served = made.served.model_copy(update={"digest": digest})
        return made.model_copy(update={"served": served, **change})

    path = written(tmp_path, release, begun)
    monkeypatch.chdir(path)
    return path


@pytest.fixture
def services() -> Iterator[dict[str, Service]]:
    made = {"stable": Service("stable"), "candidate": Service("candidate")}
    with made["stable"].running() as stable, made["candidate"].running() as candidate:
        made["stable"].url, made["candidate"].url = stable, candidate  # type: ignore[attr-defined]
        yield made


def judge(services: dict[str, Any], *words: str) -> int:
    urls = [f"--url={variant}={service.url}" for variant, service in services.items()]
    return main(["judge", "production", "--at", AT, "--apply", *urls, *words])


def production() -> Environment:
    return parse_environment(git(Path.cwd(), "show", "HEAD:deploy/production.yaml"), "it")


def test_rollback_takes_the_candidate_away_and_says_why(
    repository: Path, services: dict[str, Service], capsys: pytest.CaptureFixture[str]
) -> None:
    assert judge(services) == 4
    before = git(repository, "rev-parse", "HEAD")
    services["stable"].answer(times=900)
    services["candidate"].answer(503, times=60)

    assert judge(services, "--dry-run") == 3
    assert git(repository, "rev-parse", "HEAD") == before
    capsys.readouterr()
    services["candidate"].answer(503, times=6)
    assert judge(services, "--json") == 3

    printed = capsys.readouterr()
    assert json.loads(printed.out)["outcome"] == "ROLLBACK"
    assert "v2 taken away and blocked" in printed.err
    found = production()
    assert (found.stable, found.candidate) == ("v1", None)
    assert found.blocked[0].release == "v2"
    assert found.blocked[0].reason.startswith("judge: 100 % of 66 requests failed")
    message = git(repository, "log", "-1", "--format=%B")
    assert "Weighlock-Evidence: judge ROLLBACK sha256:" in message


def test_advance_goes_one_step(repository: Path, services: dict[str, Service]) -> None:
    judge(services)
    services["stable"].answer(times=900)
    services["candidate"].answer(times=200)

    assert judge(services) == 0

    candidate = production().candidate
    assert candidate is not None
    assert candidate.route.weight == 50
    assert "Weighlock-Reason: judge: 0 % of 200 requests failed" in git(repository, "log", "-1", "--format=%B")


def test_a_judgement_of_a_step_that_is_over_moves_nothing(
    repository: Path, services: dict[str, Service], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    judge(services)
    services["stable"].answer(times=900)
    services["candidate"].answer(503, times=60)
    real = judge_apply.wanted

    def moved(name: str, root: Path) -> Any:
        path = root / "deploy/production.yaml"
        path.write_text(path.read_text().replace("weight: 10", "weight: 50"))
        git(root, "commit", "-qam", "someone else")
        return real(name, root)

    monkeypatch.setattr(judge_apply, "wanted", moved)

    assert judge(services) == 2
    assert "has moved on while it was judged" in capsys.readouterr().err
    assert production().candidate is not None
