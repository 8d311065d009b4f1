"""What is not GitHub's API: questions of the stand-ins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from github.routes import APP
from github.state import Token

if TYPE_CHECKING:
    from github.server import GitHub


def standin(github: GitHub, path: str, body: Any) -> dict[str, Any]:
    """A token of the App; whether a push is allowed."""
    if path == "/_standin/app-token":
        held = github.installation or {"*": "write"}
        token = f"ghs_app{next(github.ids)}"
        asked = {scope: min(right, held.get(scope, held.get("*", "none")), key=["none", "read", "write", "admin"].index)
                 for scope, right in body.items()}  # fmt: skip
        github.tokens[token] = Token(APP, asked or held)
        return {"token": token}
    token = github.tokens.get(body["token"])
    if token is None:
        return {"refusal": "remote: Invalid username or token."}
    if not token.may("contents", "write"):
        return {"refusal": f"remote: Permission to {github.repository}.git denied to {token.author}."}
    for _, _, ref in body["pushed"]:
        if ref == "refs/heads/main" and token.author != APP and _guarded(github):
            return {"refusal": f"remote: error: GH013: Repository rule violations found for {ref}."}
    return {"refusal": ""}


def _guarded(github: GitHub) -> bool:
    """Whether main takes changes by pull requests only; the App is on the list of those who may go past that."""
    active = [one for one in github.rulesets if one.get("target") == "branch" and one.get("enforcement") == "active"]
    return any(rule["type"] == "pull_request" for one in active for rule in one.get("rules", ()))
