"""Acceptances: only of an INCONCLUSIVE, only of exactly the evidence that is named."""

from __future__ import annotations

import datetime as dt
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from weighlock.errors import ConfigError, EvidenceError
from weighlock.files import to_json
from weighlock.releases.acceptance import accept, acceptance_of, evidence_digest, file_of

NOW = dt.datetime(2013, 9, 1, 12, 0, tzinfo=dt.UTC)
REASON = "The storm of the 12th explains it; see the plot by day."


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(variable, "/dev/null")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for key, value in (("user.name", "A Reviewer"), ("user.email", "reviewer@example.org")):
        subprocess.run(["git", "config", key, value], cwd=tmp_path, check=True)
    return tmp_path


def written(folder: Path, outcome: str, /, **change: Any) -> Path:
    content: dict[str, Any] = {"outcome": outcome, "challenger": {"digests": {"weighed": "sha256:aa", "served": None}}}
    content["evidence"] = evidence_digest(content)
    path = folder / "gate.json"
    path.write_text(to_json(content | change), encoding="utf-8")
    return path


def test_an_inconclusive_is_accepted_once(repository: Path) -> None:
    verdict = written(repository, "INCONCLUSIVE")

    path, new = accept(verdict, REASON, repository, NOW)
    again, newer = accept(verdict, "Another reason altogether.", repository, NOW)

    assert (path, new, newer) == (again, True, False)
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert content == {
        "evidence": content["evidence"],
        "challenger": {"weighed": "sha256:aa", "served": None},
        "reason": REASON,
        "by": "A Reviewer <reviewer@example.org>",
        "at": "2013-09-01T12:00:00Z",
    }
    assert path == repository / "releases/accepted" / f"{content['evidence'].removeprefix('sha256:')}.yaml"
    found = acceptance_of(content["evidence"], repository)
    assert found is not None
    assert found.reason == REASON


@pytest.mark.parametrize(("outcome", "said"), [("FAIL", "no one can accept that"), ("PASS", "nothing to accept")])
def test_nothing_else_is(repository: Path, outcome: str, said: str) -> None:
    with pytest.raises(EvidenceError, match=said):
        accept(written(repository, outcome), REASON, repository, NOW)
    assert not (repository / "releases").exists()


def test_a_verdict_that_was_edited_is_refused(repository: Path) -> None:
    failed = written(repository, "FAIL", outcome="INCONCLUSIVE")

    with pytest.raises(EvidenceError, match="its digest differs"):
        accept(failed, REASON, repository, NOW)


@pytest.mark.parametrize("reason", ["", "  ok \n", "-"])
def test_a_reason_says_something(repository: Path, reason: str) -> None:
    with pytest.raises(ConfigError, match="should say why"):
        accept(written(repository, "INCONCLUSIVE"), reason, repository, NOW)


def test_someone_accepts(repository: Path) -> None:
    subprocess.run(["git", "config", "--unset", "user.email"], cwd=repository, check=True)

    with pytest.raises(ConfigError, match=r"user\.email"):
        accept(written(repository, "INCONCLUSIVE"), REASON, repository, NOW)


def test_an_acceptance_of_other_evidence_is_none(repository: Path) -> None:
    path, _ = accept(written(repository, "INCONCLUSIVE"), REASON, repository, NOW)
    other = file_of("sha256:" + "0" * 64, repository)
    path.rename(other)

    with pytest.raises(ConfigError, match="not the evidence that it is named after"):
        acceptance_of("sha256:" + "0" * 64, repository)
    assert acceptance_of("sha256:" + "1" * 64, repository) is None


def test_the_digest_is_of_everything_but_itself() -> None:
    content = {"outcome": "PASS", "checks": [1, 2]}

    assert evidence_digest(content) == evidence_digest(content | {"evidence": "x", "accepted": None})
    assert evidence_digest(content) == evidence_digest(dict(reversed(content.items())))
    assert evidence_digest(content) != evidence_digest(content | {"outcome": "FAIL"})


def test_examples_of_rows_are_no_part_of_the_evidence() -> None:
    content = {"outcome": "PASS", "checks": [{"name": "log_loss"}]}

    assert evidence_digest(content | {"flips": [{"features": {"age": 41}}]}) == evidence_digest(content)
    assert evidence_digest(content | {"checks": []}) != evidence_digest(content)
