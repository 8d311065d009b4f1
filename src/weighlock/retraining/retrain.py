"""A retraining from the moved window to the pull request, on a branch of its own."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighlock.errors import EvidenceError, ModelError
from weighlock.files import outputs, read_json, to_json
from weighlock.layout import METRICS
from weighlock.params import FILE as PARAMS
from weighlock.params import read_params
from weighlock.releases.repository import ask, committer, last_words
from weighlock.retraining.branches import PREFIX
from weighlock.retraining.knobs import END, with_value
from weighlock.retraining.request import Findings, Request, message_of, request_of
from weighlock.retraining.workplace import Workplace, alone, bring_files, checked_out, workplace
from weighlock.revisions import git
from weighlock.schema import FILE as SCHEMA
from weighlock.schema import read_schema

if TYPE_CHECKING:
    from weighlock.retraining.evidence import Watched
    from weighlock.retraining.newest import Newest

OUT = Path("reports/retrain")
BODY, RECORD = "pull-request.md", "pull-request.json"
GATE = Path("reports/gate")
WEIGHED = {0, 3, 4}  # exit codes of `weighlock gate` with a verdict


@dataclass(frozen=True)
class Retrained:
    """A finished retraining.

    Attributes:
        request: to be opened.
        commit: that its branch holds.
        outcome: the gate's.
    """

    request: Request
    commit: str
    outcome: str


def branch_of(end: dt.date) -> str:
    """The branch of a retraining."""
    return f"{PREFIX}{end}"


def retrain(newest: Newest, watched: Watched | None, root: Path) -> Retrained | None:
    """Train up to the newest complete day, weigh, commit on a branch of its own.

    Returns:
        None where the gate says that nothing is new.

    Raises:
        ConfigError: git does not know who commits.
        ModelError: a stage or the gate stopped; nothing is left of the attempt.
        RepositoryError: git refuses.
    """
    committer(root)  # before an hour's work
    with alone(root):
        return _retrain(newest, watched, root)


def _retrain(newest: Newest, watched: Watched | None, root: Path) -> Retrained | None:
    place = workplace(root, branch_of(newest.day).replace("/", "-"))
    path = place.folder / PARAMS
    text = path.read_text(encoding="utf-8")
    path.write_text(with_value(text, END, f'"{newest.day}"'), encoding="utf-8")
    if files := read_params(path).data.source.files:
        bring_files(place, files)
    try:
        _checked(place, "dvc", "repro")
        outcome, report = _weigh(place)
    except ModelError:
        place.remove()
        raise
    if outcome == "NOTHING NEW":
        place.remove()
        return None
    found = Findings(
        branch_of(newest.day), newest.before, newest.day, newest.rows, newest.waiting, _metrics(place),
        read_schema(place.folder / SCHEMA).task, outcome, report, watched,
    )  # fmt: skip
    commit = place.commit(message_of(found), found.branch)
    place.remove()
    return Retrained(request_of(found), commit, outcome)


def write(done: Retrained, out: Path) -> None:
    """Write what opens the pull request.

    Raises:
        StorageError: the disk is full or read-only.
    """
    request = done.request
    with outputs("retrain", out) as staged:
        staged.path(BODY).write_text(request.body, encoding="utf-8")
        content = {"title": request.title, "branch": request.branch, "draft": request.draft}
        content |= {"commit": done.commit, "outcome": done.outcome, "body": BODY}
        staged.path(RECORD).write_text(to_json(content), encoding="utf-8")


def push(branch: str, root: Path, remote: str) -> None:
    """Push what DVC holds, where it has a remote, and then the branch.

    Raises:
        ModelError: `dvc push` stopped.
        RepositoryError: the remote refuses.
    """
    from dvc.config import Config

    if Config(str(root / ".dvc"))["core"].get("remote"):
        with checked_out(
            root, branch
        ) as place:  # `dvc push` knows no revisions: it pushes what its folder's lock names
            _checked(place, "dvc", "push")
    ask(root, "push", "--quiet", remote, f"refs/heads/{branch}:refs/heads/{branch}")


def _weigh(place: Workplace) -> tuple[str, str]:
    """The gate's outcome and report."""
    done = place.run("weighlock", "gate", "--out", str(GATE))
    if done.returncode not in WEIGHED:
        raise ModelError(f"`weighlock gate` stopped with {done.returncode}: {_last(done.stdout)}")
    record = place.folder / GATE / "gate.json"
    if not record.is_file():
        return "NOTHING NEW", ""
    content = read_json(record, "weighlock gate")
    return str(content["outcome"]), (place.folder / GATE / "gate.md").read_text(encoding="utf-8")


def _metrics(place: Workplace) -> dict[str, tuple[float | None, float]]:
    """The holdout's metrics, as the base commit had them and as they are now."""
    now: dict[str, float] = read_json(place.folder / METRICS, "dvc repro")["model"]
    shown = git(place.root, "show", f"{place.base}:./{METRICS}")
    before: dict[str, Any] = {}
    if shown.returncode == 0:
        try:
            before = json.loads(shown.stdout)["model"]
        except (ValueError, KeyError, TypeError) as error:
            raise EvidenceError(f"`{METRICS}` of the last commit is torn. Run `dvc repro` and commit it.") from error
    return {name: (before.get(name), value) for name, value in now.items()}


def _checked(place: Workplace, *words: str) -> None:
    done = place.run(*words)
    if done.returncode:
        raise ModelError(
            f"`{' '.join(words)}` stopped with {done.returncode}; nothing was changed. {_last(done.stdout)} "
            "Mend that, then run this again."
        )


def _last(output: str) -> str:
    """What a command's error said: from its last `error:` line on."""
    lines = [line.strip() for line in output.strip().splitlines() if line.strip()]
    told = [place for place, line in enumerate(lines) if line.lower().startswith("error:")]
    return lines[told[0]] if told else (lines or [last_words(b"")])[-1]
