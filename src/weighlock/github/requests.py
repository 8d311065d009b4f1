"""What other commands wrote for GitHub: bodies, and records of pull requests."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field

from weighlock.config import Strict, parse
from weighlock.errors import ConfigError, EvidenceError
from weighlock.files import read_json
from weighlock.github.pull_request import NewPull

LARGEST = 2**20  # bytes of a body that are read; GitHub takes far less


class Record(Strict):
    """A pull request as a command recorded it; `body` is a file beside the record. Other keys are the command's own."""

    model_config = ConfigDict(extra="ignore")

    title: Annotated[str, Field(min_length=1)]
    branch: Annotated[str, Field(min_length=1)]
    body: str
    draft: bool = False


def read_request(
    record: Path | None, branch: str | None, title: str | None, body: Path | None, *, draft: bool, base: str
) -> NewPull:
    """A pull request from its record; what is named beside it replaces what the record says.

    Raises:
        ConfigError: neither says what branch, title or body it has.
        EvidenceError: a file is missing or torn.
    """
    if record is not None:
        found = parse(read_json(record, "the command that writes it"), Record, str(record))
        branch, title = branch or found.branch, title or found.title
        body, draft = body or record.parent / found.body, draft or found.draft
    if not branch or not title or body is None:
        raise ConfigError("`weighlock github pull-request` needs `--record`, or `--branch`, `--title` and `--body`.")
    return NewPull(title, read_body(body), branch, base, draft)


def read_body(path: Path) -> str:
    """A Markdown file; what is not UTF-8 in it is shown as such.

    Raises:
        EvidenceError: it is missing.
    """
    try:
        with path.open("rb") as file:
            return file.read(LARGEST).decode("utf-8", errors="replace")
    except OSError as error:
        raise EvidenceError(
            f"`{path}` cannot be read ({error.strerror}). Run the command that writes it first."
        ) from None
