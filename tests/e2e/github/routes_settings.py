"""A repository's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from github.description import Exactly
from github.routes import Refused, Request, route, user

if TYPE_CHECKING:
    from github.server import GitHub


@route("repos/get-repo-rulesets")
def rulesets_list(github: GitHub, request: Request) -> tuple[int, Any]:
    kept = ("id", "name", "target", "enforcement", "source", "source_type")
    return 200, [{key: one[key] for key in kept if key in one} for one in github.rulesets]


@route("repos/get-repo-ruleset")
def rulesets_get(github: GitHub, request: Request) -> tuple[int, Any]:
    found = [one for one in github.rulesets if one["id"] == int(request.values["ruleset_id"])]
    if not found:
        raise Refused(404, "Not Found")
    return 200, ruleset_json(found[0])


def ruleset_json(ruleset: dict[str, Any]) -> dict[str, Any]:
    return {key: Exactly(value) for key, value in ruleset.items()}


@route("repos/create-repo-ruleset")
def rulesets_create(github: GitHub, request: Request) -> tuple[int, Any]:
    ruleset = {**request.body, "id": next(github.ids), "source": github.repository, "source_type": "Repository"}
    github.rulesets.append(ruleset)
    return 201, ruleset_json(ruleset)


@route("repos/update-repo-ruleset")
def rulesets_update(github: GitHub, request: Request) -> tuple[int, Any]:
    rulesets_get(github, request)
    ruleset = next(one for one in github.rulesets if one["id"] == int(request.values["ruleset_id"]))
    ruleset.update(request.body)
    return 200, ruleset_json(ruleset)


@route("repos/get-branch-rules")
def rules_of_branch(github: GitHub, request: Request) -> tuple[int, Any]:
    active = [one for one in github.rulesets if one.get("target") == "branch" and one.get("enforcement") == "active"]
    return 200, [
        Exactly({**rule, "ruleset_id": one["id"], "ruleset_source": github.repository,
                 "ruleset_source_type": "Repository"})
        for one in active for rule in one.get("rules", ())
    ]  # fmt: skip


@route("repos/codeowners-errors")
def codeowners_errors(github: GitHub, request: Request) -> tuple[int, Any]:
    return 200, {"errors": []}


@route("actions/list-repo-secrets")
def secrets_list(github: GitHub, request: Request) -> tuple[int, Any]:
    return 200, {"total_count": len(github.secrets), "secrets": [{"name": name} for name in github.secrets]}


@route("actions/list-repo-variables")
def variables_list(github: GitHub, request: Request) -> tuple[int, Any]:
    shown = [{"name": name, "value": value} for name, value in github.variables.items()]
    return 200, {"total_count": len(shown), "variables": shown}


@route("actions/get-repo-variable")
def variables_get(github: GitHub, request: Request) -> tuple[int, Any]:
    name = request.values["name"]
    if name not in github.variables:
        raise Refused(404, "Not Found")
    return 200, {"name": name, "value": github.variables[name]}


@route("repos/get-all-environments")
def environments_list(github: GitHub, request: Request) -> tuple[int, Any]:
    shown = [{"name": name} for name in github.environments]
    return 200, {"total_count": len(shown), "environments": shown}


@route("repos/get-pages")
def pages_get(github: GitHub, request: Request) -> tuple[int, Any]:
    if github.pages is None:
        raise Refused(404, "Not Found")
    return 200, github.pages


@route("actions/get-github-actions-default-workflow-permissions-repository")
def workflow_permissions(github: GitHub, request: Request) -> tuple[int, Any]:
    return 200, github.actions_permissions


@route("actions/get-github-actions-permissions-repository")
def actions_permissions(github: GitHub, request: Request) -> tuple[int, Any]:
    return 200, {"enabled": github.actions_enabled, "allowed_actions": "all"}


@route("actions/list-repo-organization-secrets", "actions/list-repo-organization-variables")
def shared_list(github: GitHub, request: Request) -> tuple[int, Any]:
    return 200, {"total_count": 0, request.operation.rpartition("-")[2]: []}


@route("apps/get-repo-installation")
def installation_get(github: GitHub, request: Request) -> tuple[int, Any]:
    if github.installation is None:
        raise Refused(404, "Not Found")
    return 200, {"permissions": github.installation}


@route("rate-limit/get")
def rate_limit(github: GitHub, request: Request) -> tuple[int, Any]:
    return 200, {}


@route("users/get-authenticated")
def myself(github: GitHub, request: Request) -> tuple[int, Any]:
    return 200, user(request.token.author)
