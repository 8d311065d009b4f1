"""What the doctor asks of files, stores and GitHub, and what it makes of silence."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from tests.unit.github.stub import Stub, serving

from weighlock.doctor.ask_github import read_remote
from weighlock.doctor.ask_local import read_rulesets, read_workflows
from weighlock.doctor.ask_places import OFFLINE, PROBE, TRY, Ask, log_place, within, without_password
from weighlock.doctor.facts import Unasked
from weighlock.errors import ConfigError, GitHubError

REPOSITORY = Path(__file__).parents[3]


def test_workflows_tell_what_they_name(tmp_path: Path) -> None:
    (tmp_path / "one.yml").write_text(
        "on:\n  schedule:\n    - cron: '0 3 * * *'\n# secrets.OLD\n"
        "env: {A: '${{ secrets.KEY }}', B: '${{ vars.WHERE || 1 }}'} # vars.OLD\n"
    )
    (tmp_path / "two.yml").write_text("on: push\n# - cron: never\n")
    one, two = read_workflows(tmp_path)

    assert (one.name, one.cron, one.secrets, one.variables) == ("one.yml", True, {"KEY"}, {"WHERE"})
    assert (two.name, two.cron, two.secrets, two.variables) == ("two.yml", False, set(), set())


def test_the_templates_own_files_are_read() -> None:
    clocks = {workflow.name for workflow in read_workflows(REPOSITORY / ".github/workflows") if workflow.cron}
    assert {"watch.yml", "retrain.yml"} <= clocks
    main = next(rules for rules in read_rulesets(REPOSITORY) if rules.name == "main")
    assert main.checks == {"required", "weighlock/gate"}
    assert "pull_request" in main.rules


@pytest.mark.parametrize("text", ["[]", "{", '{"name": "main", "rules": [{}]}', '{"rules": []}'])
def test_what_is_no_ruleset_is_named(tmp_path: Path, text: str) -> None:
    folder = tmp_path / ".github/rulesets"
    folder.mkdir(parents=True)
    (folder / "main.json").write_text(text)
    with pytest.raises(ConfigError, match=r"main\.json"):
        read_rulesets(tmp_path)


def test_a_store_that_hangs_is_unknown_and_one_that_refuses_says_why() -> None:
    answer, _ = within(0.05, threading.Event().wait)
    assert answer == Unasked("no answer within 0.05 s")

    def refuse() -> None:
        raise PermissionError("Access\nDenied")

    assert within(5, refuse) == (False, "PermissionError: Access Denied")
    assert within(5, lambda: None) == (True, "")


def test_a_store_is_asked_and_written_to_as_far_as_one_allows(tmp_path: Path) -> None:
    import fsspec

    params = (REPOSITORY / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(params.replace("log_url: null", "log_url: memory://doctor/log"))
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/doctor/log/kept", b"x")
    writes: list[str] = []

    for how, reached, writable in (
        (Ask(network=False), OFFLINE, OFFLINE), (Ask(), True, TRY), (Ask(probe=True), True, True),
    ):  # fmt: skip
        place = log_place(tmp_path, how)
        assert place is not None
        assert (place.reached, place.writable) == (reached, writable)
        writes += [name for name in memory.find("/doctor") if PROBE in name]
    assert writes == []  # what was tried with is taken away again

    (tmp_path / "days").mkdir()
    (tmp_path / "params.yaml").write_text(params.replace("log_url: null", "log_url: days"))
    place = log_place(tmp_path, Ask(network=False))
    assert place is not None
    assert (place.reached, place.writable) == (True, True)
    assert "out of reach for workflows" in place.said

    (tmp_path / "params.yaml").write_text(params.replace("log_url: null", "log_url: nowhere"))
    place = log_place(tmp_path, Ask())
    assert place is not None
    assert (place.reached, place.said) == (False, "no such folder")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://bucket/log", "s3://bucket/log"),
        ("https://ada:secret@host/x@y", "https://host/x@y"),
        ("/srv/a@b", "/srv/a@b"),
    ],
)
def test_passwords_are_not_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown


def answering(**refused: int) -> Stub:
    """A GitHub with nothing but settings; some of them refused with a status."""
    known = {
        "": {
            "default_branch": "trunk", "archived": False, "has_issues": True, "squash_merge_commit_message": "PR_BODY",
        },
        "actions/permissions": {"enabled": True},
        "actions/permissions/workflow": {
            "default_workflow_permissions": "write", "can_approve_pull_request_reviews": False,
        },
        "actions/secrets": {"secrets": [{"name": "KEY"}]},
        "actions/organization-secrets": {"secrets": [{"name": "SHARED"}]},
        "actions/variables": {"variables": []},
        "actions/organization-variables": {"variables": []},
        "rulesets": [
            {"id": 7, "name": "main", "enforcement": "active"}, {"id": 8, "name": "old", "enforcement": "disabled"},
        ],
        "rules/branches/trunk": [
            {"type": "deletion"},
            {"type": "required_status_checks", "parameters": {"required_status_checks": [{"context": "required"}]}},
        ],
        "pages": {"build_type": "workflow"},
        "actions/workflows": {"workflows": [{"path": ".github/workflows/watch.yml", "state": "disabled_fork"}]},
        "codeowners/errors": {"errors": [{"path": "CODEOWNERS", "line": 2, "kind": "Unknown owner", "source": "@x\n"}]},
    }  # fmt: skip

    class Settings(Stub):
        def answer(self, method: str, path: str, query: dict[str, str], body: object) -> tuple[int, object]:
            key = path.removeprefix("/repos/owner/name").strip("/")
            status = refused.get(key.replace("/", "_"))
            return (status, {"message": "no"}) if status else (200, known[key])

    return Settings()


def test_github_is_asked_for_its_settings() -> None:
    with serving(answering()) as client:
        found = read_remote(client)

    assert (found.default_branch, found.archived, found.issues, found.actions) == ("trunk", False, True, True)
    assert (found.opens_requests, found.writes, found.pages) == (False, True, "workflow")
    assert (found.secrets, found.variables) == ({"KEY", "SHARED"}, set())
    assert (found.rulesets, found.rules, found.checks) == (
        {"main": 7}, {"deletion", "required_status_checks"}, {"required"},
    )  # fmt: skip
    assert found.states == {"watch.yml": "disabled_fork"}
    assert found.owner_errors == ("CODEOWNERS:2: Unknown owner (@x)",)
    assert isinstance(found.deletes_merged, Unasked)
    assert found.keeps_words is False


def test_what_a_token_may_not_see_is_unknown_and_an_expired_one_is_told() -> None:
    with serving(answering(actions_secrets=403, pages=404, actions_permissions=404)) as client:
        found = read_remote(client)
    assert isinstance(found.secrets, Unasked)
    assert found.pages is None
    assert isinstance(found.actions, Unasked)
    assert found.variables == set()

    with serving(answering(actions_secrets=401)) as client, pytest.raises(GitHubError, match="expired"):
        read_remote(client)
