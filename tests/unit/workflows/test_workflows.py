"""What every workflow and every action of ours must be, beyond what linters ask."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.y*ml"))
ACTIONS = sorted((GITHUB / "actions").rglob("action.y*ml"))
PINS = {
    words[0]: (words[1], words[2])
    for line in (Path(__file__).parent / "pins.txt").read_text().splitlines()
    if (words := line.split()) and not line.startswith("#")
}
USES = re.compile(r"(?<!\w)uses:\s*(?P<what>\S+)(?P<comment>\s+#.*)?$", re.MULTILINE)
every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
every_file = pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=lambda path: f"{path.parent.name}-{path.name}")


def problems(text: str) -> list[str]:
    """What is wrong with a workflow."""
    content = yaml.safe_load(text)
    events = content.get(True, content.get("on"))
    names = {events} if isinstance(events, str) else set(events)
    found = ["it has more than 150 lines"] * (len(text.splitlines()) > 150)
    found += ["`permissions: {}` is not at its top"] * (content.get("permissions") != {})
    found += ["no concurrency group"] * ("concurrency" not in content)
    found += ["it is started by `pull_request_target`"] * ("pull_request_target" in names)
    for name, job in content["jobs"].items():
        found += [f"{name}: no timeout-minutes"] * ("timeout-minutes" not in job and "uses" not in job)
        rights = job.get("permissions")
        found += [f"{name}: its permissions are not named one by one"] * (not isinstance(rights, dict))
        found += [f"{name}: {problem}" for step in job.get("steps", ()) for problem in of_step(step, rights or {})]
    return found


def of_step(step: dict[str, Any], rights: dict[str, str]) -> Iterator[str]:
    """What is wrong with a step."""
    run = step.get("run", "")
    if len(run.splitlines()) > 10:
        yield "a `run` has more than 10 lines"
    if "${{" in run:
        yield "an expression is inside `run`: hand it over through `env`"
    if str(step.get("uses", "")).startswith("actions/checkout@"):
        given = step.get("with") or {}
        kept = given.get("persist-credentials")
        if kept is None:
            yield "checkout does not say `persist-credentials`"
        elif kept and rights.get("contents") != "write" and "token" not in given:
            yield "checkout keeps credentials in a job that cannot push"


def unpinned(text: str) -> list[str]:
    """Uses of third parties' actions that the table does not name, or not with this tag and commit."""
    found = []
    for match in USES.finditer(text):
        what = match["what"].strip("'\"")
        if what.startswith("./"):
            continue
        name, _, commit = what.partition("@")
        tag, known = PINS.get("/".join(name.split("/")[:2]), ("", ""))
        if commit != known or (match["comment"] or "").split()[1:2] != [tag]:
            found.append(f"{what}{match['comment'] or ''}: pins.txt says {tag or 'nothing'} {known}")
    return found


@every_workflow
def test_a_workflow_is_thin_and_has_the_least_rights(path: Path) -> None:
    assert problems(path.read_text()) == []


@every_file
def test_actions_are_pinned_by_a_commit_of_the_table(path: Path) -> None:
    assert unpinned(path.read_text()) == []


@pytest.mark.parametrize("path", ACTIONS, ids=lambda path: path.parent.name)
def test_our_actions_are_thin(path: Path) -> None:
    steps = yaml.safe_load(path.read_text())["runs"]["steps"]
    assert [problem for step in steps for problem in of_step(step, {})] == []


GOOD = """\
name: good
on: [push]
permissions: {}
concurrency: {group: good}
jobs:
  one:
    runs-on: ubuntu-latest
    timeout-minutes: 5
    permissions: {contents: read}
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with: {persist-credentials: false}
      - env: {WHO: "${{ github.actor }}"}
        run: echo "$WHO"
"""


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("permissions: {}\n", "", "at its top"),
        ("permissions: {}\n", "permissions: {contents: read}\n", "at its top"),
        ("permissions: {contents: read}", "permissions: write-all", "one by one"),
        ("    permissions: {contents: read}\n", "", "one by one"),
        ("concurrency: {group: good}\n", "", "concurrency"),
        ("on: [push]", "on: pull_request_target", "pull_request_target"),
        ("on: [push]", "on: {pull_request_target: {}}", "pull_request_target"),
        ("    timeout-minutes: 5\n", "", "timeout"),
        ('echo "$WHO"', "echo ${{ github.actor }}", "through `env`"),
        ('echo "$WHO"', "|\n" + "          true\n" * 11, "10 lines"),
        ("        with: {persist-credentials: false}\n", "", "persist-credentials"),
        ("persist-credentials: false", "persist-credentials: true", "cannot push"),
        ('echo "$WHO"', 'echo "$WHO"\n' + "#\n" * 150, "150 lines"),
    ],
)
def test_a_planted_fault_is_found(before: str, after: str, words: str) -> None:
    assert before in GOOD
    assert problems(GOOD) == []
    (problem,) = problems(GOOD.replace(before, after))
    assert words in problem


@pytest.mark.parametrize(
    "line",
    [
        "uses: actions/checkout@v7",
        "uses: actions/checkout@main # v7.0.1",
        "uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1",
        "uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.0",
        "uses: actions/checkout@27d5ce7f107fe9357f9df03efb73ab90386fccae # v7.0.1",
        "uses: somebody/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
        "uses: docker://alpine:3",
    ],
)
def test_what_is_not_pinned_is_found(line: str) -> None:
    assert unpinned(f"      - {line}\n") != []
    assert unpinned(GOOD) == []


def test_main_is_guarded_by_the_jobs_that_the_workflows_set() -> None:
    rules = {
        rule["type"]: rule.get("parameters", {})
        for rule in json.loads((GITHUB / "rulesets/main.json").read_text())["rules"]
    }
    assert {"deletion", "non_fast_forward", "required_linear_history", "pull_request"} <= set(rules)
    assert rules["pull_request"]["require_code_owner_review"] is True
    asked = {one["context"] for one in rules["required_status_checks"]["required_status_checks"]}
    assert asked == {"required", "weighlock/gate"}
    check = yaml.safe_load((GITHUB / "workflows/check.yml").read_text())["jobs"]
    assert "required" in asked
    assert check["required"]["name"] == "required"
    assert set(check["required"]["needs"]) == set(check) - {"required"}
    assert check["required"]["if"] == "always()"


@pytest.mark.parametrize(
    "path", ["/params.yaml", "/schema.yaml", "/releases/accepted/", "/deploy/", "/.github/", "/src/flights/"]
)
def test_what_decides_has_owners(path: str) -> None:
    lines = [line.split() for line in (GITHUB / "CODEOWNERS").read_text().splitlines() if line and line[0] != "#"]
    assert any(path.startswith(words[0]) and len(words) > 1 for words in lines)
