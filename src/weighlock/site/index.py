"""The first page: what runs where, since when and why; releases; what the gate has said; the newest changes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from weighlock.deployment.status import Variant
from weighlock.site.gather import Facts, Place
from weighlock.site.html import Child, Html, facts, items, joined, marked, table, tag
from weighlock.site.parts import card_path, environment_path, headline, judged, moves, release_link, weighings
from weighlock.site.shell import Frame, length, mark, moment, note, page, person, section
from weighlock.site.weighings import Recorded

NEWEST = 10  # changes


def index(frame: Frame, site: Facts) -> str:
    """The page's text."""
    known = {one.release.version for one in site.releases}
    newest = list(itertools.islice((e for e in reversed(site.history.events)), NEWEST))
    about = "What runs where, since when, and the verdict behind it; from git, and from what the watch has seen."
    places = [_place(place, site) for place in site.places]
    changes = moves(newest, "", known, f"Changes of environments, newest first; at most {NEWEST}", named=True)
    return page(
        frame,
        site.name,
        about,
        problems(site),
        _part("What runs", tag("div", *places, class_="places"), places, "`deploy/` holds no environment."),
        _part("Newest changes", changes, newest, "Nothing has been promoted yet."),
        _part("Releases", _releases(site), site.releases, "Nothing has been released yet."),
        _part("Gate", weighings(site.weighings, ""), site.weighings, "The gate has said nothing yet."),
    )


def problems(site: Facts) -> Html:
    """What does not read, where something does not."""
    if not site.problems:
        return Html("")
    return section("What does not read", tag("div", items(site.problems), class_="note"), anchor="problems")


def variants(place: Place, site: Facts, up: str) -> Html:
    """What runs in an environment's two places, and the verdict behind it."""
    if place.status is None:
        return note(marked(f"What should run cannot be said: {place.fault}"))
    if place.status.state.stable is None:
        return _empty("Nothing runs here yet.")
    return joined(_variant(variant, site, up) for variant in place.status.variants if variant.wanted)


def blocked(place: Place) -> Html:
    """What was rolled back, and why."""
    entries = place.status.state.blocked if place.status else []
    return items(f"{entry.release} is blocked: {entry.reason}" for entry in entries)


def _part(title: str, shown: Html, found: Sequence[object], otherwise: str) -> Html:
    """A section, or that there is nothing in it yet."""
    return section(title, shown if found else _empty(otherwise), anchor=title.lower().replace(" ", "-"))


def _place(place: Place, site: Facts) -> Html:
    name = tag("a", place.name, href=environment_path(place.name))
    watched = _watched(place, site)
    heading = tag("h2", name, id=f"place-{place.name}")
    return tag(
        "article", heading, variants(place, site, ""), blocked(place), watched,
        class_="place", aria_labelledby=f"place-{place.name}",
    )  # fmt: skip


def _variant(variant: Variant, site: Facts, up: str) -> Html:
    version = variant.wanted.version if variant.wanted else ""
    found = site.release(version)
    how = f" {variant.how}" if variant.how else ""
    since: Child = None
    if variant.since:
        since = joined([moment(variant.since), f" ({length(site.at - variant.since)}), by {person(variant.by or '')}"])
    what = joined([tag("span", release_link(version, up, found is not None), class_="big"), f" is {variant.name}{how}"])
    return joined([
        tag("p", what),
        facts([
            ("since", since),
            ("verdict", judged(found.release) if found else None),
            ("reached", headline(found.reached) if found else None),
            ("made of rows", _rows(found.release.data.start, found.release.data.end) if found else None),
            ("model card", _card(found, up) if found and found.card else None),
        ]),
    ])  # fmt: skip


def _rows(start: str | None, end: str | None) -> str:
    return f"{start or 'the first'} to {end or 'the last'}" if start or end else "all of the source"


def _watched(place: Place, site: Facts) -> Html:
    if not place.looks:
        return tag("p", f"No look of the watch was found in {site.watch}.", class_="dim")
    seen = place.looks[-1].seen
    said = joined([
        "Last look: ", mark(seen.outcome), f" {seen.window.start} to {seen.window.end}. ",
        marked("; ".join(seen.reasons)),
    ])  # fmt: skip
    return tag("p", said)


def _releases(site: Facts) -> Html:
    where: dict[str, list[str]] = {}
    for place in site.places:
        for period in place.periods:
            if period.end is None:
                where.setdefault(period.version, []).append(f"{place.name} ({period.variant})")
    rows = [
        (
            release_link(one.release.version, ""), one.release.at.replace("T", " ")[:16], person(one.release.by),
            judged(one.release), headline(one.reached) or "unknown",
            ", ".join(where.get(one.release.version, [])) or "nowhere",
            _card(one, "") if one.card else "evidence is not whole",
        )
        for one in site.releases
    ]  # fmt: skip
    head = ("release", "recorded (UTC)", "by", "verdict", "reached", "runs in", "model card")
    return table("Every release, newest first", head, rows)


def _card(one: Recorded, up: str) -> Html:
    return tag("a", f"card of {one.release.version}", href=f"{up}{card_path(one.release.version)}")


def _empty(said: str) -> Html:
    return tag("p", marked(said), class_="dim")
