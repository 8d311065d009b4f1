"""The record of a branch that is not weighed: no model, another's code, an old beginning, or nothing to open."""

from __future__ import annotations

import base64
import json
import zipfile
from pathlib import Path

import pytest
from tests.unit.github.stub import Stub, serving
from tests.unit.proposals.branches import TRAIN, alone, begun, branch, commit, sh, with_params

from weighlock.errors import EvidenceError
from weighlock.github.text import escape
from weighlock.proposals import fetch
from weighlock.proposals.archive import OWN_VERDICT, READ
from weighlock.proposals.fetch import fetch_artifact, fetch_commit
from weighlock.proposals.weigh import Proposal, weigh_proposal

pytestmark = pytest.mark.processes  # git, over and over

POLICY = with_params("margin: 0.2", "margin: 0.9")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    alone(monkeypatch)
    (tmp_path / "tree").mkdir()
    return begun(tmp_path / "tree")


def artifact(folder: Path, own: str | None) -> Path:
    path = folder / "artifact.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in READ:
            archive.writestr(name, "{}")
        if own:
            archive.writestr(OWN_VERDICT, json.dumps({"outcome": own, "reasons": ["@all [x](http://evil.example)"]}))
    return path


def proposal(repository: Path, head: str, found: Path | None = None, *, reproduced: bool = True) -> Proposal:
    return Proposal(repository, head, found, reproduced, "https://github.com/o/n/actions/runs/1")


def test_without_a_model_it_is_green_at_once_and_quiet(repository: Path, tmp_path: Path) -> None:
    head = branch(repository, {"docs/a.md": "x"})
    record, _ = weigh_proposal(proposal(repository, head), tmp_path)
    assert (record.state, record.outcome, record.fresh, record.head) == ("success", "NO MODEL CHANGED", False, head)


def test_a_policy_is_for_its_owners(repository: Path, tmp_path: Path) -> None:
    record, comment = weigh_proposal(proposal(repository, branch(repository, POLICY)), tmp_path)
    assert (record.state, record.owners) == ("success", ["params.yaml"])
    assert "Computed by this branch's own code" in comment


@pytest.mark.parametrize(
    ("own", "reproduced", "state"),
    [
        ("PASS", True, "success"),
        ("INCONCLUSIVE", True, "success"),
        ("FAIL", True, "failure"),
        (None, True, "failure"),
        ("PASS", False, "failure"),
    ],
)
def test_a_branchs_own_verdict_can_only_speak_against_it(
    repository: Path, tmp_path: Path, own: str | None, reproduced: bool, state: str
) -> None:
    head = branch(repository, TRAIN | {"schema.yaml": "x"})
    record, comment = weigh_proposal(
        proposal(repository, head, artifact(tmp_path, own), reproduced=reproduced), tmp_path
    )
    assert (record.state, record.owners) == (state, ["schema.yaml"])
    assert "](http://evil" not in escape(comment)


def test_an_own_model_without_an_artifact_is_red(repository: Path, tmp_path: Path) -> None:
    head = branch(repository, TRAIN | {"schema.yaml": "x"})
    assert weigh_proposal(proposal(repository, head), tmp_path)[0].state == "failure"


def test_an_old_beginning_is_red_and_says_what_changed(repository: Path, tmp_path: Path) -> None:
    head = branch(repository, TRAIN)
    commit(repository, {"dvc.lock": "newer"})
    record, comment = weigh_proposal(proposal(repository, head), tmp_path)
    assert (record.state, record.outcome) == ("failure", "BEHIND")
    assert "`dvc.lock`" in comment


def test_what_cannot_be_weighed_is_an_error_with_its_reason(repository: Path, tmp_path: Path) -> None:
    head = branch(repository, TRAIN)
    record, comment = weigh_proposal(proposal(repository, head), tmp_path)
    assert (record.state, record.outcome) == ("error", "REFUSED")
    assert "handed over no model" in comment
    assert weigh_proposal(proposal(repository, "f" * 40), tmp_path)[0].state == "error"


def test_a_commit_is_fetched_and_no_file_of_it_checked_out(repository: Path, tmp_path: Path) -> None:
    head = branch(repository, {"evil.py": "x"})
    sh(repository, "branch", "-m", "branch", "hidden")
    sh(repository, "update-ref", "refs/pull/1/head", head)
    sh(repository, "branch", "-D", "hidden")
    sh(tmp_path, "clone", "-q", str(repository), "clone")
    clone = tmp_path / "clone"
    with serving(Stub()) as client:
        fetch_commit(client, head, clone)
        fetch_commit(client, head, clone)
        with pytest.raises(EvidenceError, match="git fetch origin"):
            fetch_commit(client, "f" * 40, clone)
    assert sh(clone, "cat-file", "-t", head) == "commit"
    assert not (clone / "evil.py").exists()
    assert "refs/pull" not in sh(clone, "for-each-ref")


def test_a_token_goes_to_git_where_nobody_sees_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: dict[str, object] = {}

    def git(*words: object, env: dict[str, str]) -> object:
        seen.update(words=words, env=env)
        raise EvidenceError("enough")

    monkeypatch.setattr(fetch, "git", git)
    monkeypatch.setattr(fetch, "find_commit", lambda *_: None)
    with serving(Stub()) as client, pytest.raises(EvidenceError, match="enough"):
        fetch_commit(client, "a" * 40, tmp_path)
    env = seen["env"]
    assert isinstance(env, dict)
    assert base64.b64decode(env["GIT_CONFIG_VALUE_0"].rpartition(" ")[2]) == b"x-access-token:secret-token"
    assert env["GIT_CONFIG_KEY_0"] == "http.https://github.com/.extraheader"
    assert "secret" not in str(seen["words"])


def test_an_artifact_is_brought_unopened_and_a_huge_one_is_not(tmp_path: Path) -> None:
    stub = Stub()
    listed = {"artifacts": [{"id": 1, "name": "other", "size_in_bytes": 5}]}
    newest = [{"id": n, "name": "proposal", "size_in_bytes": 5, "expired": n == 9} for n in (2, 4, 9)]
    with serving(stub) as client:
        stub.failing = [(200, {}, listed)]
        assert not fetch_artifact(client, 7, tmp_path / "a.zip")
        stub.failing = [(200, {}, {"artifacts": newest}), (200, {}, b"no zip")]
        assert fetch_artifact(client, 7, tmp_path / "a.zip")
        assert stub.asked[-1][1] == "/repos/owner/name/actions/artifacts/4/zip"
        assert (tmp_path / "a.zip").read_bytes() == b"no zip"
        stub.failing = [(200, {}, {"artifacts": [newest[0] | {"size_in_bytes": 2**40}]})]
        with pytest.raises(EvidenceError, match="bytes; 536,870,912 are allowed"):
            fetch_artifact(client, 7, tmp_path / "a.zip")
        assert not (tmp_path / "a.zip").exists()
