"""What we wrote, found again: a hidden word at a body's start, and ourselves as its author."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from typing import Any

from weighlock.errors import ConfigError
from weighlock.github.text import LIMIT, escape, fit

ACTIONS = "github-actions[bot]"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,60}")


def marker(name: str) -> str:
    """The hidden line.

    Raises:
        ConfigError: the name could end the comment that hides it.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"`--marker {name}`: a marker is made of a-z, 0-9 and `-`, such as `gate`.")
    return f"<!-- weighlock: {name} -->"


def ourselves(environ: Mapping[str, str] = os.environ) -> str:
    """Who writes with this token: `WEIGHLOCK_LOGIN`, such as `weighlock[bot]` for an App's; else GitHub Actions."""
    return environ.get("WEIGHLOCK_LOGIN") or ACTIONS


def marked(name: str, markdown: str, ours: Collection[str]) -> str:
    """A body that `is_ours` knows again: the hidden line, then the document, escaped and cut to what GitHub takes."""
    head = marker(name)
    return f"{head}\n{fit(escape(markdown, ours), LIMIT - len(head) - 1)}"


def is_ours(element: Any, name: str, login: str) -> bool:
    """Whether a comment or an issue is ours. Anyone may write the marker: only what `login` wrote counts."""
    author = (element.get("user") or {}).get("login")
    return author == login and (element.get("body") or "").replace("\r\n", "\n").startswith(f"{marker(name)}\n")
