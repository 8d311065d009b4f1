"""What came of a sync: for whoever reads it in a terminal, in `reports/sync/<env>.json`, or in a workflow's output."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from weighlock.config import Strict
from weighlock.files import to_json, write_text
from weighlock.outcome import announce

FOLDER = "reports/sync"
Outcome = Literal["OK", "SYNCED", "PLANNED", "REFUSED", "FAILED"]
CODES: dict[Outcome, int] = {"OK": 0, "SYNCED": 0, "PLANNED": 0, "REFUSED": 2, "FAILED": 3}


class Serves(Strict):
    """A service that should run, and where."""

    variant: Literal["stable", "candidate"]
    version: str
    port: int
    digest: str


class Report(Strict):
    """What came of a sync.

    Attributes:
        environment: such as production.
        at: when it began, in UTC.
        outcome: OK: nothing was to do; SYNCED: something was done; PLANNED: it is only shown; REFUSED: the commit may
            not be applied; FAILED: it could not be, and the machine is as it was.
        commit: the branch's newest; None: it could not be found.
        before, applied: what was applied before and after.
        steps: what was done, or would be.
        serves: what git wants, of the commit that is applied.
        reason: of REFUSED and FAILED, and what to do.
        notes: what else one should know.
        seconds: that it took.
    """

    environment: str
    at: str
    outcome: Outcome
    commit: str | None
    before: str | None
    applied: str | None
    steps: list[str] = []
    serves: list[Serves] = []
    reason: str | None = None
    notes: list[str] = []
    seconds: float = 0.0

    @property
    def code(self) -> int:
        """The exit code."""
        return CODES[self.outcome]


def tell(report: Report, root: Path) -> None:
    """Write the report, and announce the outcome."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / f"{report.environment}.json", to_json(report.model_dump()))
    announce(outcome=report.outcome, applied=report.applied or "")


def lines(report: Report) -> list[str]:
    """The report for a terminal."""
    commit = (report.commit or "?")[:9]
    serves = ", ".join(f"{one.variant} {one.version} on port {one.port}" for one in report.serves) or "no release"
    head = {
        "OK": f"OK  {report.environment} is at {commit}: {serves}.",
        "SYNCED": f"SYNCED  {report.environment} is at {commit} after {report.seconds:.1f} s: {serves}.",
        "PLANNED": f"{report.environment} would go to {commit}: {serves}.",
        "REFUSED": f"REFUSED  {report.environment} stays as it is: {report.reason}",
        "FAILED": f"FAILED  {report.environment} stays as it was: {report.reason}",
    }[report.outcome]
    steps = [f"  {number}. {step}" for number, step in enumerate(report.steps, 1)]
    nothing = ["  Nothing is to do."] if report.outcome == "PLANNED" and not steps else []
    return [head, *steps, *nothing, *(f"  note: {note}" for note in report.notes)]
