"""An environment's page: what runs and why, what ran when, what the watch has seen, and every change."""

from __future__ import annotations

from weighlock.decisions.figures import count
from weighlock.site import charts
from weighlock.site.gather import Facts, Place
from weighlock.site.html import Html, items, marked, tag
from weighlock.site.index import blocked, variants
from weighlock.site.parts import looks, metrics, moves, reports
from weighlock.site.shell import Frame, length, mark, page, section

UP = "../"


def environment(frame: Frame, site: Facts, place: Place, copied: set[str]) -> str:
    """The page's text; `copied` are the reports that are part of the site."""
    known = {one.release.version for one in site.releases}
    changes = f"Every change of {place.name}, newest first"
    return page(
        frame,
        place.name,
        "What runs here, what ran before, and what the watch has seen.",
        section("What runs", variants(place, site, UP), blocked(place), *_behind(place, site), anchor="runs"),
        section("What ran when", charts.runs(place.periods, site.at) if place.periods else _nothing(), anchor="when"),
        section("Watch", *_watch(place, site, copied), anchor="watch"),
        section("Changes", moves(reversed(place.events), UP, known, changes), anchor="changes"),
    )  # fmt: skip


def _behind(place: Place, site: Facts) -> list[Html]:
    """The verdict behind each release that runs: its reasons and metrics."""
    found = []
    for version in place.status.state.releases if place.status else []:
        one = site.release(version)
        if one is None:
            continue
        reasons = items(one.gate.reasons) if one.gate else tag("p", "Its verdict does not read.", class_="dim")
        found.append(tag("h3", f"Why {version} passed"))
        found += [reasons, metrics(one.reached, version)] if one.reached else [reasons]
    return found


def _watch(place: Place, site: Facts, copied: set[str]) -> list[Html]:
    if not place.looks:
        said = (
            f"No look was found in `{site.watch}`. `weighlock watch {place.name}` takes one; `weighlock site --watch "
            "DIR` shows all of a folder."
        )
        return [tag("p", marked(said), class_="dim")]
    last = place.looks[-1]
    seen = last.seen
    ago = length(site.at - charts.midnight_after(seen.window.end))
    about = f"{seen.model.name}, held against {seen.reference.name} ({count(seen.reference.days, 'day')})"
    window = f" {seen.window.start} to {seen.window.end}, which ended {ago} ago: {about}."
    found = [tag("p", mark(seen.outcome), window), items(seen.reasons)]
    if seen.notes:
        found += [tag("h3", "Noted, without effect"), items(seen.notes)]
    links = reports(last, place.name, UP, copied)
    return [
        *found, tag("p", "Its reports: ", links, "."), charts.timeline(place.looks),
        looks(place.looks, place.name, UP, copied),
    ]  # fmt: skip


def _nothing() -> Html:
    return tag("p", "Nothing has run here yet.", class_="dim")
