"""What the job without rights hands on to the job with rights: a verdict, as data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from weighlock.config import Strict, parse
from weighlock.errors import EvidenceError
from weighlock.files import outputs, read_json, to_json

FILE, COMMENT = "verdict.json", "comment.md"
LARGEST = 2**20  # bytes of either

State = Literal["success", "failure", "error"]


class Record(Strict):
    """A verdict on a pull request.

    Attributes:
        head: the commit that it is of.
        main: the commit whose code, policy and rows it is by.
        outcome: in a word.
        state: of the commit's status.
        description: of the status, on one line.
        fresh: whether a comment is worth writing where there is none yet.
        owners: paths without whose owners' approval the state may not be a success.
        evidence: of the gate; None where nothing was weighed.
    """

    head: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    main: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    outcome: Annotated[str, Field(pattern=r"^[A-Z ]{1,40}$")]
    state: State
    description: Annotated[str, Field(max_length=1000)]
    fresh: bool = True
    owners: Annotated[list[str], Field(max_length=10_000)] = []
    evidence: Annotated[str | None, Field(pattern=r"^sha256:[0-9a-f]{64}$")] = None


def write_record(record: Record, comment: str, folder: Path) -> None:
    """Write verdict and comment.

    Raises:
        StorageError: the disk is full or read-only; nothing was changed.
    """
    with outputs("verdict", folder) as out:
        out.path(FILE).write_text(to_json(record.model_dump()), encoding="utf-8")
        out.path(COMMENT).write_text(comment, encoding="utf-8")


def read_record(folder: Path, head: str) -> tuple[Record, str]:
    """Verdict and comment of the commit `head`.

    Raises:
        EvidenceError: they are missing, too large, or of another commit.
        ConfigError: the verdict is none.
    """
    for path in (folder / FILE, folder / COMMENT):
        if not path.is_file() or path.is_symlink() or path.stat().st_size > LARGEST:
            raise EvidenceError(f"`{path}` is missing or too large: the job that weighs did not end. See its log.")
    record = parse(read_json(folder / FILE, "weighlock proposal weigh"), Record, str(folder / FILE))
    if record.head != head:
        raise EvidenceError(f"`{folder / FILE}` is of the commit {record.head}, not of {head}. Run the workflow again.")
    return record, (folder / COMMENT).read_text(encoding="utf-8", errors="replace")
