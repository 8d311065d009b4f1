"""What a look at production comes to on GitHub: one issue, opened, updated or closed, and a retraining started."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import ConfigDict, Field

from weighlock.config import Strict, parse
from weighlock.decisions.markdown import escaped
from weighlock.files import read_json
from weighlock.github.comment import Posted
from weighlock.github.dispatch import dispatch, under_way
from weighlock.github.issue import close_issue, find_issue, keep_issue

if TYPE_CHECKING:
    from weighlock.github.api import Client

RETRAIN = "retrain.yml"
VERDICT, SUMMARY = "watch.json", "watch.md"
OPENS, UPDATES, CLOSES = frozenset({"WARN", "BROKEN"}), frozenset({"RETRAIN"}), frozenset({"OK"})


class Window(Strict):
    """The days that a look is about."""

    model_config = ConfigDict(extra="ignore", strict=False)

    start: dt.date
    end: dt.date


class Look(Strict):
    """A `watch.json`, as far as GitHub is told of it."""

    model_config = ConfigDict(extra="ignore", strict=False)

    environment: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    outcome: Literal["OK", "WARN", "RETRAIN", "BROKEN", "UNKNOWN"]
    window: Window
    reasons: list[str] = []

    @property
    def name(self) -> str:
        """By which `weighlock looks` keeps it: environment/day."""
        return f"{self.environment}/{self.window.end}"


@dataclass(frozen=True)
class Told:
    """What was done.

    Attributes:
        issue: what became of it.
        retraining: None where none was asked for; False where one is under way already.
    """

    issue: Posted
    retraining: bool | None


def read_look(folder: Path) -> Look:
    """The verdict in a folder of `weighlock watch`.

    Raises:
        EvidenceError: it is missing or torn.
        ConfigError: it is not what the watch writes.
    """
    return parse(read_json(folder / VERDICT, "weighlock watch"), Look, str(folder / VERDICT))


def tell(client: Client, look: Look, summary: str, run: str, login: str, branch: str) -> Told:
    """Open or update the issue on WARN and BROKEN, close it on OK; on RETRAIN update it, and start the retraining once.

    Args:
        client: of the repository.
        look: what was seen.
        summary: the watch's report, Markdown that may hold anyone's words.
        run: the address of the run that looked.
        login: who we are.
        branch: that the retraining starts from.

    Raises:
        GitHubError: GitHub refuses or does not answer.
    """
    issue = _issue(client, look, summary, run, login)
    if look.outcome != "RETRAIN":
        return Told(issue, None)
    if under_way(client, RETRAIN) is not None:
        return Told(issue, retraining=False)
    dispatch(client, RETRAIN, branch, {"look": look.name})
    return Told(issue, retraining=True)


def _issue(client: Client, look: Look, summary: str, run: str, login: str) -> Posted:
    marker = f"watch-{look.environment}"
    said = f"The watch of {look.environment} says **{look.outcome}** of {look.window.start} to {look.window.end}"
    if look.outcome in CLOSES:
        return close_issue(client, marker, login, f"{said}: {escaped('; '.join(look.reasons))}. See [the run]({run}).")
    opens = look.outcome in OPENS
    if not opens and (look.outcome not in UPDATES or find_issue(client, marker, login) is None):
        return Posted(0, "", "none")
    after = " A retraining is started." if look.outcome == "RETRAIN" else ""
    body = f"{said}.{after} [The run]({run}) holds Evidently's page and the timeline.\n\n{summary}"
    return keep_issue(client, marker, f"{look.environment}: the watch says {look.outcome}", body, login)
