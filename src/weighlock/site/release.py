"""A release's page: what let it through, what it reached, and where it ran."""

from __future__ import annotations

from weighlock.releases.card.blocks import value
from weighlock.site.gather import Facts
from weighlock.site.html import Html, facts, items, joined, marked, table, tag
from weighlock.site.parts import SHORT, card_path, checks, environment_path, judged, metrics
from weighlock.site.shell import Frame, moment, note, page, person, section
from weighlock.site.weighings import Recorded

UP = "../"


def release(frame: Frame, site: Facts, one: Recorded) -> str:
    """The page's text."""
    record = one.release
    card = tag("a", "Model card", href=f"{UP}{card_path(record.version)}") if one.card else None
    rows = facts([
        ("verdict", judged(record)),
        ("recorded", f"{record.at.replace('T', ' ')[:16]} UTC by {person(record.by)}"),
        ("made of", _window(record.data.start, record.data.end)),
        ("made by", joined(["commit ", tag("code", record.commit[:SHORT])])),
        ("ships", tag("code", record.served.digest)),
        ("weighed", tag("code", record.weighed.digest) if record.weighed.digest != record.served.digest else None),
        ("image", tag("code", record.image) if record.image else "none was recorded"),
        ("card", card or "none: its evidence is not whole"),
    ])  # fmt: skip
    return page(
        frame,
        f"{record.name} {record.version}",
        "What let it through, what it reached, and where it ran.",
        note(joined(map(marked, one.problems), "; ")) if one.problems else None,
        section("The release", rows, anchor="release"),
        section("Verdict", *_verdict(one), anchor="verdict"),
        section("What it reached", metrics(one.reached, record.version) if one.reached else _plain(record.metrics),
                anchor="reached"),
        section("Where it ran", _ran(site, record.version), anchor="ran"),
    )  # fmt: skip


def _verdict(one: Recorded) -> list[Html]:
    if one.gate is None:
        return [tag("p", "The verdict's evidence does not read; the record holds its outcome alone.", class_="dim")]
    found = [items(one.gate.reasons)]
    if one.gate.checks:
        found.append(checks(one.gate.checks))
    return found


def _plain(found: dict[str, float]) -> Html:
    rows = [(name, f"{metric:.6g}") for name, metric in found.items()]
    return table("The record's metrics, without intervals", ("metric", "value"), rows, frozenset({1}))


def _ran(site: Facts, version: str) -> Html:
    rows = [
        (
            tag("a", place.name, href=f"{UP}{environment_path(place.name)}"), period.variant, moment(period.start),
            moment(period.end) if period.end else "now",
        )
        for place in site.places
        for period in place.periods
        if period.version == version
    ]  # fmt: skip
    if not rows:
        return tag("p", marked(f"{value(version)} has run nowhere yet."), class_="dim")
    return table(f"Where {version} ran", ("environment", "as", "from", "to"), rows)


def _window(start: str | None, end: str | None) -> str:
    return f"rows of {start or 'the first day'} to {end or 'the last'}" if start or end else "all rows of the source"
