"""What an audit finds wrong: where, what, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from weighlock.deployment.ledger import Entry

Kind = Literal[
    "edited", "removed", "renamed", "gap", "torn", "no release", "no verdict", "rewritten", "order", "blocked",
    "skipped", "untold", "no author", "unreadable", "rendered",
]  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """Something that should not have happened.

    Attributes:
        kind: what it is, in a word.
        entry: the commit in which it happened.
        path: of the file.
        what, todo: in words.
        version: the release that it is about.
        known: why someone no longer minds, by `params.yaml: deploy.known`.
    """

    kind: Kind
    entry: Entry
    path: str
    what: str
    todo: str
    version: str | None = None
    known: str | None = None
