"""Asks GitHub for what its settings are. What the token may not see stays unknown, and says so."""

from __future__ import annotations

import http
from typing import TYPE_CHECKING, Any, TypeVar

from weighlock.doctor.facts import Maybe, Remote, Unasked
from weighlock.errors import GitHubError

if TYPE_CHECKING:
    from collections.abc import Callable

    from weighlock.github.api import Client

T = TypeVar("T")


def read_remote(client: Client) -> Remote:
    """Everything that GitHub tells this token.

    Raises:
        GitHubError: GitHub does not answer, the token has expired, or there is no such repository.
    """
    about = client.get("")
    default = str(about["default_branch"])
    token = _tell(lambda: client.get("actions/permissions/workflow"))
    rules = _tell(lambda: list(client.pages(f"rules/branches/{default}")))
    return Remote(
        default_branch=default,
        archived=bool(about["archived"]),
        issues=bool(about["has_issues"]),
        actions=_tell(lambda: bool(client.get("actions/permissions")["enabled"])),
        opens_requests=_of(token, lambda found: bool(found["can_approve_pull_request_reviews"])),
        writes=_of(token, lambda found: found["default_workflow_permissions"] == "write"),
        secrets=_tell(lambda: _names(client, "secrets", "secrets")),
        variables=_tell(lambda: _names(client, "variables", "variables")),
        rulesets=_tell(lambda: _rulesets(client)),
        rules=_of(rules, lambda found: frozenset(str(rule["type"]) for rule in found)),
        checks=_of(rules, _checks),
        pages=_tell(lambda: _pages(client)),
        states=_tell(lambda: _states(client)),
        owner_errors=_tell(lambda: _owner_errors(client)),
        deletes_merged=_of(_shown(about, "delete_branch_on_merge"), bool),
        keeps_words=_of(_shown(about, "squash_merge_commit_message"), lambda found: found == "COMMIT_MESSAGES"),
    )


def _tell(ask: Callable[[], T]) -> Maybe[T]:
    """The answer, or why there is none; an expired token and a GitHub that is away are for the caller."""
    try:
        return ask()
    except GitHubError as error:
        if error.status == http.HTTPStatus.FORBIDDEN:
            return Unasked("the token may not see it: an owner's token does (`gh auth token`)")
        if error.status == http.HTTPStatus.NOT_FOUND:
            return Unasked("GitHub does not show it to this token")
        raise


def _shown(about: Any, key: str) -> Maybe[Any]:
    """A setting that GitHub shows to those alone who may change it."""
    return about[key] if key in about else Unasked("GitHub does not show it to this token")


def _of(answer: Maybe[Any], read: Callable[[Any], T]) -> Maybe[T]:
    return answer if isinstance(answer, Unasked) else read(answer)


def _names(client: Client, kind: str, key: str) -> frozenset[str]:
    """The repository's own, and the organisation's that reach it."""
    names = {str(found["name"]) for found in client.pages(f"actions/{kind}", key)}
    shared = _tell(lambda: {str(found["name"]) for found in client.pages(f"actions/organization-{kind}", key)})
    return frozenset(names if isinstance(shared, Unasked) else names | shared)


def _rulesets(client: Client) -> dict[str, int]:
    found = client.pages("rulesets", includes_parents="true")
    return {str(rules["name"]): int(rules["id"]) for rules in found if rules["enforcement"] == "active"}


def _checks(rules: list[Any]) -> frozenset[str]:
    required = [rule["parameters"] for rule in rules if rule["type"] == "required_status_checks"]
    return frozenset(str(check["context"]) for part in required for check in part["required_status_checks"])


def _pages(client: Client) -> str | None:
    found = client.find("pages")
    return None if found is None else str(found.get("build_type") or "legacy")


def _states(client: Client) -> dict[str, str]:
    found = client.pages("actions/workflows", "workflows")
    return {str(workflow["path"]).rpartition("/")[2]: str(workflow["state"]) for workflow in found}


def _owner_errors(client: Client) -> tuple[str, ...]:
    """None of them where there is no `CODEOWNERS`, which the clone tells already."""
    found = client.find("codeowners/errors")
    errors = [] if found is None else found["errors"]
    return tuple(dict.fromkeys(f"{e['path']}:{e['line']}: {e['kind']} ({e['source'].strip()})" for e in errors))
