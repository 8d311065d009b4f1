"""A branch's own run: the pipeline from where the branch began, and whether its `dvc.lock` is what comes out.

It starts from the `dvc.lock` of the commit that the branch began from, not from the branch's own, so that nothing is
taken for done because the branch says so. What it finds is information; `weigh.yml` decides.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighlock.errors import EvidenceError, WeighlockError
from weighlock.files import write_text
from weighlock.proposals.claim import Outcome, claim
from weighlock.revisions import LOCK, Revision

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from weighlock.proposals.changes import Changes

GATE = "reports/gate"
_RUNS = re.compile(r"^Running stage '([^']+)'", re.MULTILINE)


@dataclass(frozen=True)
class Reproduced:
    """What a branch's own run came to.

    Attributes:
        outcome: of the branch's `dvc.lock`, held against what comes out; `unchanged`: nothing of the model is.
        reasons: in words.
        ran: the stages that ran.
        verdict: of the branch's own gate; None where it weighed nothing.
        notes: what was not to be had.
    """

    outcome: Outcome
    reasons: tuple[str, ...] = ()
    ran: tuple[str, ...] = ()
    verdict: str | None = None
    notes: tuple[str, ...] = ()


def reproduce(root: Path, changes: Changes) -> Reproduced:
    """Run what is out of date, and only that; `dvc.lock` is then what came out.

    Raises:
        EvidenceError: a stage fails; `dvc.lock` is as it was.
    """
    if not changes.model:
        return Reproduced("unchanged", ("Nothing changed that a model is made of.",))
    lock = root / LOCK
    claimed = lock.read_text(encoding="utf-8") if lock.is_file() else ""
    notes = _bring(root, changes, lock)
    try:
        ran = _repro(root)
    except WeighlockError:
        if claimed:
            write_text(lock, claimed)
        raise
    outcome, reasons = claim(root, changes.head, claimed)
    return Reproduced(outcome, reasons, ran, own_verdict(root), tuple(notes))


def own_verdict(root: Path) -> str | None:
    """What the branch's own gate says; None where it can weigh nothing. Its report is in `reports/gate`."""
    record = root / GATE / "gate.json"
    record.unlink(missing_ok=True)
    done = _run(root, "weighlock", "gate")
    if not record.is_file():
        return "NOTHING NEW" if done.returncode == 0 else None
    return str(json.loads(record.read_text(encoding="utf-8"))["outcome"])


def differences(root: Path, base: str) -> Iterator[tuple[str, str]]:
    """(title, table in Markdown) of what changed in metrics, parameters and data since the commit `base`."""
    for title, words in (
        ("Metrics", ("metrics", "diff", "--md")),
        ("Parameters", ("params", "diff", "--md")),
        ("Data and models", ("diff", "--md")),
    ):
        done = subprocess.run(
            ["dvc", *words, base[:9]], cwd=root, env=_environment(), capture_output=True, text=True, check=False
        )
        yield title, done.stdout if done.returncode == 0 else f"`dvc {' '.join(words[:2])}` fails: {_last(done.stderr)}"


def _bring(root: Path, changes: Changes, lock: Path) -> list[str]:
    """What DVC has of both commits; then the `dvc.lock` from which the branch began."""
    from dvc.config import Config

    notes = []
    remote = Config(str(root / ".dvc"))["core"].get("remote")
    if remote and _run(root, "dvc", "fetch", "--quiet").returncode:
        notes.append("DVC's remote does not have, or does not show, everything of this branch.")
    try:
        write_text(lock, Revision(changes.base, root).text(LOCK).decode())
    except EvidenceError:
        lock.unlink(missing_ok=True)
        return [*notes, "The branch began where nothing had been reproduced yet: every stage runs."]
    if remote and _run(root, "dvc", "fetch", "--quiet").returncode:
        notes.append("DVC's remote cannot be read here: what is missing is made from its source.")
    _run(root, "dvc", "checkout", "--quiet", "--allow-missing", "--force")
    return notes


def _repro(root: Path) -> tuple[str, ...]:
    done = _run(root, "dvc", "repro")
    if done.returncode:
        raise EvidenceError(f"`dvc repro` ends with {done.returncode}: {_last(done.stdout)} Run it in your clone.")
    return tuple(dict.fromkeys(_RUNS.findall(done.stdout)))


def _run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command whose words are shown as they come, and kept."""
    print(f"$ {' '.join(words)}", file=sys.stderr, flush=True)
    with subprocess.Popen(
        words, cwd=root, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace",
    ) as process:  # fmt: skip
        said = []
        for line in process.stdout or ():
            print(line, end="", file=sys.stderr, flush=True)
            said.append(line)
    return subprocess.CompletedProcess(words, process.returncode, "".join(said), "")


def _environment() -> dict[str, str]:
    """This run's, without what is for its own outcome alone."""
    kept = {k: v for k, v in os.environ.items() if k not in {"GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"}}
    return kept | {"DVC_NO_ANALYTICS": "1"}


def _last(text: str) -> str:
    return " ".join(" ".join(text.strip().splitlines()[-3:]).split())[-400:]
