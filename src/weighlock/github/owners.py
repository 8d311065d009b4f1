"""Whether GitHub itself will not merge certain paths without an owner's approval: branch rules and CODEOWNERS."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from weighlock.github.api import Client

FILES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")  # GitHub takes the first


def unguarded(client: Client, branch: str, paths: Sequence[str], root: Path) -> str | None:
    """Why an owner's approval of these paths is not certain; None where it is.

    It is where an active rule of the branch asks for code owners' reviews of the newest commit, and CODEOWNERS, which
    GitHub finds sound, names an owner of each path.

    Args:
        root: main's clone: GitHub reads CODEOWNERS of the branch that is merged into.

    Raises:
        GitHubError: GitHub refuses or does not answer.
    """
    rules = list(client.pages(f"rules/branches/{branch}"))
    reviews = [r.get("parameters") or {} for r in rules if r.get("type") == "pull_request"]
    asked = [r for r in reviews if r.get("require_code_owner_review")]
    if not asked:
        return f"no branch rule of `{branch}` asks for code owners' reviews (`weighlock doctor` says how)"
    if not any(r.get("dismiss_stale_reviews_on_push") or r.get("require_last_push_approval") for r in asked):
        return f"the rules of `{branch}` let an approval stand after another push (`weighlock doctor` says how)"
    text = next(((root / f).read_text(encoding="utf-8") for f in FILES if (root / f).is_file()), "")
    if bare := [path for path in paths if not owners_of(path, text)]:
        return f"CODEOWNERS names no owner of `{bare[0]}`"
    return f"CODEOWNERS has errors: {told}" if (told := _errors(client, branch)) else None


def owners_of(path: str, codeowners: str) -> tuple[str, ...]:
    """The owners of a path: those of the last line whose pattern fits.

    Patterns are `.gitignore`'s without `!`, `[]` and `\\#`, as GitHub has them.
    """
    owners: tuple[str, ...] = ()
    for line in codeowners.splitlines():
        words = re.split(r"\s+", line.partition("#")[0].strip())
        if words[0] and pattern(words[0]).match(path):
            owners = tuple(word for word in words[1:] if "@" in word)
    return owners


def pattern(text: str) -> re.Pattern[str]:
    """A line's pattern, as a regular expression for whole paths."""
    anchored = "/" in text.rstrip("/")
    below = text.endswith("/")
    wild = {"/**/": "/(?:.*/)?", "**/": "(?:.*/)?", "/**": "/.*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"(/\*\*/|\*\*/|/\*\*|\*|\?)", text.strip("/"))
    parts = [wild.get(piece, re.escape(piece)) for piece in pieces]
    start = "" if anchored else "(?:.*/)?"
    # `docs/*` owns the files of docs, and none below its folders
    end = "/.*" if below else "" if text.endswith("/*") else "(?:/.*)?"
    return re.compile(f"{start}{''.join(parts)}{end}\\Z", re.DOTALL)


def _errors(client: Client, branch: str) -> str:
    found: Any = client.find("codeowners/errors", ref=branch)
    errors: Iterable[Any] = (found or {}).get("errors") or ()
    return "; ".join(str(error.get("kind") or error.get("message"))[:60] for error in list(errors)[:3])
