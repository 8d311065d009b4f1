"""What every page has: its head, the way around, a stamp; and the colours of outcomes."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from weighlock.decisions.figures import count
from weighlock.releases.card.page import STYLE
from weighlock.site.html import NOTHING, Child, Html, joined, tag

# Nothing is fetched and nothing runs: what someone's value might smuggle in could do nothing either.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
:root { --link: #0b5cad; --good: #0b6b3a; --warn: #7a5000; --bad: #b3261e; --wash: #f2f4f8 }
@media (prefers-color-scheme: dark) {
  :root { --link: #7fbcf8; --good: #6fd79b; --warn: #f0b860; --bad: #ff9a90; --wash: #1d212a }
}
body { overflow-wrap: anywhere; max-width: 74rem }
a { color: var(--link) } :focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 2px }
.skip { position: absolute; left: -99rem } .skip:focus { left: 1rem; top: .5rem;
  background: var(--paper); padding: .3rem }
header p { margin: 0 0 .6rem; color: var(--dim) } header nav { margin: 0 0 1.2rem } nav a { color: var(--link) }
nav a[aria-current] { color: var(--ink); font-weight: 600; text-decoration: none }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem }
.place { border: 1px solid var(--line); border-radius: 8px; padding: .2rem 1.1rem 1rem; margin: 1rem 0 }
.place h2 { border: 0; margin: .8rem 0 .4rem } .places { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 25rem), 1fr)) } .places .place { margin: 0 }
dl { margin: .4rem 0; display: grid; gap: .3rem }
dl div { display: grid; grid-template-columns: 7.5rem 1fr; gap: .8rem }
dt { color: var(--dim) } dd { margin: 0 } .big { font-size: 1.3rem; font-weight: 650 }
.mark { display: inline-block; border: 1.5px solid currentColor; border-radius: 4px; padding: 0 .4em; font-weight: 650;
  font-size: .86em; white-space: nowrap }
.good { color: var(--good) } .warn { color: var(--warn) } .bad { color: var(--bad) } .dim { color: var(--dim) }
caption { text-align: left; color: var(--dim); font-size: .92rem; padding: 0 0 .4rem }
tbody th { font-weight: 400; white-space: normal; min-width: 5.5rem } table { min-width: min(100%, 36rem) }
time, td > code, th > code { white-space: nowrap } td { min-width: 4rem } td.why { min-width: 16rem; max-width: 34rem }
td, th { overflow-wrap: normal } td.why, td.by { overflow-wrap: anywhere } td.why ul { margin: 0; padding-left: 1.1rem }
.narrow { display: none } ul { padding-left: 1.3rem } .note { border-left: 4px solid var(--warn);
  background: var(--wash); padding: .4rem .9rem; margin: .6rem 0 }
footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: .8rem; color: var(--dim); font-size: .9rem }
svg .grid { stroke: var(--line) } svg .limit { stroke: var(--bad); stroke-dasharray: 5 4 }
svg .band { fill: var(--wash); stroke: var(--dim) }
svg .now { fill: var(--bar); fill-opacity: .22; stroke: var(--bar) }
svg .whisker { stroke: var(--bar); stroke-width: 1.5 }
svg .hollow { fill: var(--paper); stroke: var(--bar); stroke-width: 2 }
svg .fgood { fill: var(--good) } svg .fwarn { fill: var(--warn) }
svg .fbad { fill: var(--bad) } svg .fdim { fill: var(--dim) }
@media (max-width: 50rem) { .wide { display: none } .narrow { display: block } }
@media (max-width: 34rem) { dl div { grid-template-columns: 1fr; gap: 0 } body { margin-top: 1rem } }
"""
_MAIL = re.compile(r"\s*<[^<>\s]+@[^<>\s]+>")
KINDS = {
    "PASS": "good", "OK": "good", "pass": "good", "FAIL": "bad", "BROKEN": "bad", "fail": "bad",
    "INCONCLUSIVE": "warn", "WARN": "warn", "RETRAIN": "warn", "inconclusive": "warn",
}  # fmt: skip


@dataclass(frozen=True)
class Frame:
    """Where a page stands.

    Attributes:
        site: what the site is about: the model's name.
        up: the way back to the site's folder: empty, or `../`.
        links: what the navigation shows: (text, path from the site's folder).
        current: the path of this page.
        stamp: what the foot says.
    """

    site: str
    up: str
    links: tuple[tuple[str, str], ...]
    current: str
    stamp: str


def page(frame: Frame, title: str, about: Child, *main: Child) -> str:
    """A whole page's text."""
    ways = [
        tag("a", name, href=f"{frame.up}{path}", aria_current="page" if path == frame.current else None)
        for name, path in frame.links
    ]
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("title", f"{title} · {frame.site}" if title != frame.site else f"{title}: status"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("style", Html(STYLE + _STYLE)),
    )
    body = tag(
        "body",
        tag("a", "Skip to the content", href="#main", class_="skip"),
        tag("header", tag("nav", joined(ways, " "), aria_label="Pages"), tag("h1", title), tag("p", about)),
        tag("main", *main, id="main"),
        tag("footer", frame.stamp),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en').text}\n"


def section(title: str, *children: Child, anchor: str) -> Html:
    """A part of a page under a heading of its own."""
    return tag("section", tag("h2", title, id=anchor), *children, aria_labelledby=anchor)


def mark(outcome: str) -> Html:
    """An outcome, which its word tells; the colour says it again."""
    return tag("span", outcome, class_=f"mark {KINDS.get(outcome, 'dim')}")


def note(child: Child) -> Html:
    """What a reader should not miss."""
    return tag("p", child, class_="note") if child else NOTHING


def moment(at: dt.datetime) -> Html:
    """A point in time, in UTC, to the minute."""
    utc = at.astimezone(dt.UTC)
    return tag("time", f"{utc:%Y-%m-%d %H:%M} UTC", datetime=f"{utc:%Y-%m-%dT%H:%M:%SZ}")


def days(start: dt.date | str, end: dt.date | str) -> Html:
    """From one day to another; a line may end between the two."""
    return joined([tag("time", f"{start}"), " to ", tag("time", f"{end}")])


def length(time: dt.timedelta) -> str:
    """As `12 days`, `5 hours` or `less than an hour`."""
    for unit, seconds in (("day", 86400), ("hour", 3600)):
        if (number := int(time.total_seconds() // seconds)) > 0:
            return count(number, unit)
    return "less than an hour"


def without_mail(said: str) -> str:
    """A text without the addresses of `Name <mail>`: pages are public, and addresses are reaped."""
    return _MAIL.sub("", said)


def person(author: str) -> str:
    """`Ada` of `Ada <ada@example.org>`."""
    return author.partition(" <")[0] or "nobody"
