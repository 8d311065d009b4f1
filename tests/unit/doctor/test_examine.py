"""The doctor's judgement, by facts that were worked out by hand: what is there, what is missing, what nobody knows."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.doctor.examine import examine
from weighlock.doctor.facts import Local, Place, Remote, Ruleset, Unasked, Workflow, unasked
from weighlock.doctor.finding import Finding
from weighlock.doctor.telling import as_json, lines, outcome, summary

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
WATCH = Workflow("watch.yml", cron=True, secrets=frozenset({"GITHUB_TOKEN", "WEIGHLOCK_APP_KEY", "AWS_ACCESS_KEY_ID"}))
RETRAIN = Workflow("retrain.yml", cron=True, variables=frozenset({"WEIGHLOCK_APP_ID", "WEIGHLOCK_REGISTRY"}))
MAIN = Ruleset(".github/rulesets/main.json", "main", frozenset({"pull_request", "deletion"}), frozenset({"required"}))
HERE = Local(
    committer="Ada <ada@example.org>", slug="acme/parts", origin="git@github.com:acme/parts.git", shallow=False,
    branch="main", last_commit=NOW - dt.timedelta(days=2), owners=("@acme/models",), stable={"production": "v1"},
    remote=Place("store (s3://bucket)", reached=True, writable=True),
    log=Place("s3://bucket/log", reached=True, writable=True), outcomes="outcomes.csv", database=False, hashes=False,
    workflows=(WATCH, RETRAIN), rulesets=(MAIN,),
    tools={"git": True, "dvc": True, "gh": True, "nginx": True, "docker": True, "promtool": True},
)  # fmt: skip
THERE = Remote(
    default_branch="main", archived=False, issues=True, actions=True, opens_requests=True, writes=False,
    secrets=frozenset({"WEIGHLOCK_APP_KEY", "AWS_ACCESS_KEY_ID"}), variables=frozenset({"WEIGHLOCK_APP_ID"}),
    rulesets={"main": 7}, rules=frozenset({"pull_request", "deletion"}), checks=frozenset({"required"}),
    pages="workflow", states={"watch.yml": "active", "retrain.yml": "active"}, owner_errors=(),
    deletes_merged=True, keeps_words=True,
)  # fmt: skip


def of(name: str, local: Local = HERE, remote: Remote = THERE) -> Finding:
    return next(finding for finding in examine(local, remote, NOW) if finding.name == name)


def test_where_all_is_well_all_is_found() -> None:
    findings = examine(HERE, THERE, NOW)

    assert [finding.name for finding in findings if finding.state != "found"] == []
    assert all(not finding.fix or finding.state == "found" for finding in findings)
    assert outcome(findings) == "OK"


@pytest.mark.parametrize(
    ("name", "needed", "fix", "local"),
    [
        ("git identity", True, "git config user.name", {"committer": None}),
        ("origin", True, "gh repo create", {"slug": None, "origin": None}),
        ("origin", True, "git remote set-url", {"slug": None, "origin": "/srv/parts.git"}),
        ("history", True, "git fetch --unshallow", {"shallow": True}),
        ("activity", False, "git commit --allow-empty", {"last_commit": NOW - dt.timedelta(days=50)}),
        ("CODEOWNERS", True, "CODEOWNERS", {"owners": None}),
        ("CODEOWNERS", True, "CODEOWNERS", {"owners": ()}),
        ("CODEOWNERS", True, "CODEOWNERS", {"owners": ("@weighlock/maintainers",)}),
        ("CODEOWNERS", True, "CODEOWNERS", {"owners": ("acme",)}),
        ("DVC remote", False, "dvc remote add", {"remote": None}),
        (
            "DVC remote",
            True,
            "dvc remote modify",
            {"remote": Place("s3://b", reached=False, writable=False, said="no")},
        ),
        ("DVC remote, writable", True, "dvc remote modify", {"remote": Place("s3://b", reached=True, writable=False)}),
        ("prediction log", False, "monitoring.log_url", {"log": None}),
        ("outcomes", False, "monitoring.outcomes", {"outcomes": None}),
        ("gh", False, "apt-get install gh", {"tools": {"git": True, "dvc": True}}),
    ],
)
def test_what_the_clone_lacks(name: str, needed: bool, fix: str, local: dict[str, Any]) -> None:
    finding = of(name, replace(HERE, **local))

    assert (finding.state, finding.needed) == ("missing", needed)
    assert fix in finding.fix
    assert finding.why


@pytest.mark.parametrize(
    ("name", "needed", "fix", "remote"),
    [
        ("repository", True, "gh repo unarchive acme/parts", {"archived": True}),
        ("Actions", True, "actions/permissions -F enabled=true", {"actions": False}),
        ("issues", True, "--enable-issues", {"issues": False}),
        ("GITHUB_TOKEN reads only", False, "default_workflow_permissions=read", {"writes": True}),
        ("Actions may open pull requests", False, "can_approve_pull_request_reviews=true", {"opens_requests": False}),
        ("merged branches go", False, "--delete-branch-on-merge", {"deletes_merged": False}),
        ("squashed merges keep words", True, "squash_merge_commit_message=COMMIT_MESSAGES", {"keeps_words": False}),
        ("Pages", False, "--method POST repos/acme/parts/pages -f build_type=workflow", {"pages": None}),
        ("Pages", False, "--method PUT repos/acme/parts/pages", {"pages": "legacy"}),
        ("owners on GitHub", True, "codeowners/errors", {"owner_errors": ("CODEOWNERS:2: Unknown owner",)}),
        ("main", True, "--method POST repos/acme/parts/rulesets --input .github/rulesets/main.json", {"rulesets": {}}),
        ("main", True, "--method PUT repos/acme/parts/rulesets/7", {"rules": frozenset({"deletion"})}),
        ("main", True, "rulesets/7", {"checks": frozenset()}),
        ("WEIGHLOCK_APP_ID", False, "gh variable set WEIGHLOCK_APP_ID --repo acme/parts", {"variables": frozenset()}),
        ("WEIGHLOCK_APP_KEY", False, "< private-key.pem", {"secrets": frozenset({"AWS_ACCESS_KEY_ID"})}),
        ("AWS_ACCESS_KEY_ID", True, "gh secret set AWS_ACCESS_KEY_ID", {"secrets": frozenset()}),
        ("watch.yml", True, "gh workflow enable watch.yml", {"states": {"watch.yml": "disabled_inactivity"}}),
        ("retrain.yml", True, "gh workflow enable retrain.yml", {"states": {"watch.yml": "active"}}),
    ],
)
def test_what_github_lacks(name: str, needed: bool, fix: str, remote: dict[str, Any]) -> None:
    finding = of(name, remote=replace(THERE, **remote))

    assert (finding.state, finding.needed) == ("missing", needed)
    assert fix in finding.fix
    assert finding.why


def test_without_an_app_actions_have_to_open_pull_requests_themselves() -> None:
    remote = replace(THERE, opens_requests=False, secrets=frozenset(), variables=frozenset())

    assert of("Actions may open pull requests", remote=remote).stops


def test_a_template_owner_is_right_in_the_template_alone() -> None:
    owners = ("@weighlock/maintainers",)

    assert of("CODEOWNERS", replace(HERE, owners=owners, slug="Weighlock/weighlock")).state == "found"
    assert (
        of("CODEOWNERS", replace(HERE, owners=owners)).detail
        == "names @weighlock/maintainers, who does not review here"
    )


def test_secrets_of_what_is_not_used_are_not_asked_for() -> None:
    local = replace(HERE, remote=None, log=Place("/srv/log", reached=True, writable=True))
    names = [finding.name for finding in examine(local, replace(THERE, secrets=frozenset()), NOW)]

    assert "AWS_ACCESS_KEY_ID" not in names
    assert "GITHUB_TOKEN" not in names
    assert of("WEIGHLOCK_REGISTRY").state == "found"
    assert of("WEIGHLOCK_REGISTRY").detail == "not set: ghcr.io, with the job's own token"


def test_offline_nothing_of_github_is_called_missing() -> None:
    nowhere = Unasked("not asked (--offline)")
    local = replace(HERE, remote=Place("s3://b", nowhere, nowhere))
    findings = examine(local, unasked("not asked (--offline)"), NOW)

    assert {f.state for f in findings} == {"found", "unknown"}
    assert of("main", remote=unasked("x")).state == "unknown"
    assert outcome(findings) == "UNKNOWN"
    assert of("DVC remote", local).detail == "s3://b: not asked (--offline)"


def test_the_table_says_why_and_how_and_shouts_what_is_needed_alone() -> None:
    local = replace(HERE, committer=None, outcomes=None)
    told = "\n".join(lines(examine(local, replace(THERE, pages=Unasked("not seen")), NOW)))

    assert "  MISSING  git identity" in told
    assert "           fix: git config user.name" in told
    assert "  missing  outcomes" in told
    assert "  unknown  Pages" in told
    assert told.endswith("1 missing that is needed, 1 missing that would help, 1 unknown.")
    content = as_json(examine(local, THERE, NOW))
    assert content["outcome"] == "MISSING"
    assert content["findings"][0]["state"] == "missing"


@given(st.lists(st.sampled_from(["found", "missing", "unknown"]), max_size=6), st.booleans())
def test_it_stops_exactly_where_something_needed_is_missing(states: list[Any], needed: bool) -> None:
    findings = [Finding("area", str(i), state, needed) for i, state in enumerate(states)]

    assert (outcome(findings) == "MISSING") == (needed and "missing" in states)
    assert summary(findings).startswith(f"{states.count('found')} found")
