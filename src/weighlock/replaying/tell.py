"""A replay as a table, a picture and JSON."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weighlock.decisions.markdown import escaped
from weighlock.files import outputs, to_json
from weighlock.replaying.measure import Account, Contrast
from weighlock.replaying.plots import draw_frontier, draw_months

if TYPE_CHECKING:
    from pathlib import Path

    from weighlock.replaying.year import Year

RECORD, REPORT, MONTHS, FRONTIER = "replay.json", "replay.md", "months.png", "frontier.png"
MOST = 240  # characters of a reason
CONFIDENCE = 0.95  # of each end of an interval


@dataclass(frozen=True)
class Replay:
    """What a replay came to.

    Attributes:
        year: what was lived.
        accounts: of the policies, in the order in which they were asked for.
        contrasts: between them, on the days from `since` on.
        since: the first day that counts for contrasts.
        searched: whether each training searched its hyperparameters anew.
        seconds: that the run took.
    """

    year: Year
    accounts: tuple[Account, ...]
    contrasts: tuple[Contrast, ...]
    since: dt.date
    searched: bool
    seconds: float


def write(replay: Replay, out: Path) -> None:
    """Write the table, the pictures and the record to a folder, whose other files stay.

    Raises:
        StorageError: the disk is full or read-only; nothing was changed.
    """
    with outputs("replay", out) as staged:
        staged.path(RECORD).write_text(to_json(record(replay)), encoding="utf-8")
        staged.path(REPORT).write_text(render(replay), encoding="utf-8")
        draw_months(replay.accounts, replay.year.metric, staged.path(MONTHS))
        draw_frontier(points(replay), replay.year.metric, staged.path(FRONTIER))


def points(replay: Replay) -> list[tuple[str, int, float]]:
    """Of each policy its name, promotions, and the primary metric over all days."""
    metric = replay.year.metric
    return [(a.life.policy.name, a.life.count("promotion"), a.overall[metric]) for a in replay.accounts]


def record(replay: Replay) -> dict[str, Any]:
    """The content of `replay.json`."""
    year, calendar = replay.year, replay.year.calendar
    return {
        "from": calendar.first.isoformat(),
        "to": calendar.last.isoformat(),
        "label_delay_days": calendar.delay,
        "metric": year.metric,
        "holdout": year.holdout,
        "hyperparameters": "searched in each training" if replay.searched else "searched in the first training",
        "seconds": round(replay.seconds, 1),
        "gate": year.gate.model_dump(mode="json"),
        "watch": year.watch.model_dump(mode="json"),
        "policies": {a.life.policy.name: _policy(a) for a in replay.accounts},
        "contrasts_since": replay.since.isoformat(),
        "contrasts": [
            {"policy": c.policy, "than": c.than, "gain": c.gain.value, "error": c.gain.error,
             "lower": c.gain.lower(CONFIDENCE), "upper": c.gain.upper(CONFIDENCE), "days": c.gain.clusters}
            for c in replay.contrasts
        ],
    }  # fmt: skip


def render(replay: Replay) -> str:
    """The content of `replay.md`."""
    calendar = replay.year.calendar
    lines = [
        f"# {calendar.first} to {calendar.last}, lived again",
        "",
        _how(replay),
        "",
        *summary(replay),
        "",
        "## By month",
        "",
        *by_month(replay),
        "",
        f"![By month]({MONTHS})",
        "",
        f"![Loss against promotions]({FRONTIER})",
        "",
        "## What happened",
    ]
    for account in replay.accounts:
        lines += ["", f"### {account.life.policy.name}", ""]
        lines += [f"- {e.day} {e.kind}: {escaped(e.said, MOST)}" for e in account.life.events] or ["- nothing"]
    return "\n".join(lines) + "\n"


def summary(replay: Replay) -> list[str]:
    """A table: what each policy came to, and how it compares."""
    names = list(replay.accounts[0].overall)
    bases = [base for base in ("always", "never") if any(c.than == base for c in replay.contrasts)]
    heads = [f"better than *{base}* since {replay.since}, 90 % interval" for base in bases]
    columns = ["policy", *names, "promotions", "retrainings", "refusals", "alarms", *heads]
    lines = [f"| {' | '.join(columns)} |", "| --- " * len(columns) + "|"]
    for account in replay.accounts:
        life = account.life
        counts = [str(life.count(kind)) for kind in ("promotion", "retraining", "refusal", "alarm")]
        cells = [life.policy.name, *(f"{account.overall[name]:.4f}" for name in names), *counts]
        lines.append(f"| {' | '.join([*cells, *(_cell(replay, life.policy.name, base) for base in bases)])} |")
    return lines


def by_month(replay: Replay) -> list[str]:
    """A table: each month's figures and version, a policy a column."""
    names = list(replay.accounts[0].overall)
    heads = [f"{a.life.policy.name}: {', '.join(names)}, version" for a in replay.accounts]
    lines = [f"| month | rows | {' | '.join(heads)} |", "| --- " * (len(heads) + 2) + "|"]
    for place, month in enumerate(replay.accounts[0].months):
        cells = []
        for account in replay.accounts:
            own = account.months[place]
            cells.append(f"{', '.join(f'{own.values[name]:.4f}' for name in names)}, {own.version}")
        lines.append(f"| {month.name} | {month.rows:,} | {' | '.join(cells)} |")
    return lines


def _how(replay: Replay) -> str:
    searched = "searched in each of them" if replay.searched else "searched in the first training and carried over"
    return (
        f"Outcomes are known {replay.year.calendar.delay} days later. Retrainings begin on the first of a month, on "
        f"all rows whose outcome is known by then; hyperparameters are {searched}."
    )


def _cell(replay: Replay, policy: str, base: str) -> str:
    found = next((c.gain for c in replay.contrasts if (c.policy, c.than) == (policy, base)), None)
    if found is None:
        return ""
    return f"{found.value:+.4f} ({found.lower(CONFIDENCE):+.4f} to {found.upper(CONFIDENCE):+.4f})"


def _policy(account: Account) -> dict[str, Any]:
    life = account.life
    return {
        "overall": account.overall,
        "promotions": life.count("promotion"),
        "retrainings": life.count("retraining"),
        "refusals": life.count("refusal"),
        "alarms": life.count("alarm"),
        "versions": [
            {"name": v.name, "trained_until": v.end.isoformat(), "since": v.since.isoformat()} for v in life.versions
        ],
        "months": [
            {"month": m.name, "rows": m.rows, **m.values, "version": m.version, "trained_until": m.end.isoformat()}
            for m in account.months
        ],
        "events": [{"day": e.day.isoformat(), "kind": e.kind, "said": e.said} for e in life.events],
    }
