"""What changes with time, drawn as SVG in the page's own colours. Each drawing says in words what it shows; the numbers
stand in a table beside it."""

from __future__ import annotations

import datetime as dt
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from weighlock.decisions.figures import count, number
from weighlock.site.gather import Period
from weighlock.site.html import NOTHING, Html, joined, tag
from weighlock.site.looks import Look
from weighlock.site.shell import KINDS

WIDE, NARROW = 760.0, 326.0  # drawings for wide windows, and for narrow ones: texts are of one size in both
LEFT, RIGHT = 76.0, 22.0
LANE, PANEL, TICKS = 34.0, 164.0, 26.0
TITLE, APART = 34.0, 14.0  # pixels that a panel's name takes, and from one label to the next
TICK = 105.0  # pixels from one to the next, at least
NEWEST = 8  # looks in a narrow drawing
CHARACTER = 6.9  # pixels of one, roughly
FARTHEST = 3.0  # times the limit; what lies beyond is drawn there, with its number
ERRORS = 2.0  # standard errors that a whisker shows
SHORTEST = 3  # days that are told by their dates; fewer are told by hours
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Span:
    """The time that a drawing shows, across its width."""

    start: dt.datetime
    end: dt.datetime
    width: float

    @property
    def right(self) -> float:
        """Where it ends."""
        return self.width - RIGHT

    def x(self, at: dt.datetime) -> float:
        """Where a moment is."""
        share = (at - self.start) / (self.end - self.start)
        return LEFT + min(max(share, 0.0), 1.0) * (self.right - LEFT)

    def ticks(self, y: float) -> Html:
        """Days along the bottom, or hours."""
        days = (self.end - self.start) / DAY
        most = int((self.right - LEFT) / TICK)
        steps = max(min(most, int(days)) if days >= SHORTEST else most, 1)
        moments = [self.start + (self.end - self.start) * place / steps for place in range(steps + 1)]
        form = "%Y-%m-%d" if days >= SHORTEST else "%m-%d %H:%M"
        shown = {f"{moment:{form}}": moment for moment in reversed(moments)}
        places = sorted((self.x(moment), label) for label, moment in shown.items())
        return joined(write(label, min(x, self.width - 5 * CHARACTER), y + 16, "middle", "dim") for x, label in places)


def write(said: str, x: float, y: float, anchor: str = "start", look: str | None = None) -> Html:
    """A text in a drawing."""
    return tag("text", said, x=x, y=y, text_anchor=anchor, class_=look)


def drawing(about: str, span: Span, height: float, *parts: Html) -> Html:
    """A drawing, shown where the window is as wide as it."""
    box = f"0 0 {span.width:.0f} {height:.0f}"
    look = "wide" if span.width == WIDE else "narrow"
    return tag(
        "svg", *parts, role="img", aria_label=about, viewBox=box, width=span.width, height=height, class_=look
    )  # fmt: skip


def runs(periods: Sequence[Period], at: dt.datetime) -> Html:
    """What ran when: a lane for what was stable, and one for candidates."""
    return joined(_runs(periods, at, width) for width in (WIDE, NARROW)) if periods else NOTHING


def _runs(periods: Sequence[Period], at: dt.datetime, width: float) -> Html:
    start = min(period.start for period in periods)
    end = max([at, *(period.end or period.start for period in periods)])
    span = Span(start, max(end, start + DAY / 24), width)
    lanes = [lane for lane in ("stable", "candidate") if any(p.variant == lane for p in periods)]
    parts = []
    for place, lane in enumerate(lanes):
        y = 6 + place * LANE
        parts.append(write(lane, LEFT - 10, y + 18, "end"))
        parts += [_band(period, span, y) for period in periods if period.variant == lane]
    now = ", ".join(f"{p.version} is {p.variant}" for p in periods if p.end is None) or "nothing runs"
    about = f"What ran when, from {start:%Y-%m-%d} to {span.end:%Y-%m-%d}; now {now}"
    bottom = 6 + LANE * len(lanes)
    return drawing(about, span, bottom + TICKS, *parts, span.ticks(bottom))


def _band(period: Period, span: Span, y: float) -> Html:
    left, right = span.x(period.start), span.x(period.end or span.end)
    wide = max(right - left, 1.5)
    until = f"{period.end:%Y-%m-%d %H:%M}" if period.end else "now"
    told = tag("title", f"{period.version}: {period.start:%Y-%m-%d %H:%M} to {until} UTC")
    box = tag(
        "rect", told, x=left, y=y, width=wide, height=26, rx=3, class_="now" if period.end is None else "band"
    )  # fmt: skip
    fits = wide > CHARACTER * len(period.version) + 8
    return joined([box, write(period.version, left + wide / 2, y + 18, "middle") if fits else None])


def timeline(looks: Sequence[Look]) -> Html:
    """Verdicts, how near the nearest column came to drift, and what a retraining would gain, look by look."""
    return joined([_timeline(looks, WIDE), _timeline(looks[-NEWEST:], NARROW)]) if looks else NOTHING


def _timeline(looks: Sequence[Look], width: float) -> Html:
    ends = [_moment(look.seen.window.end) for look in looks]
    margin = max((max(ends) - min(ends)) * 0.03, 2 * DAY if len(set(ends)) == 1 else DAY / 2)
    span = Span(min(ends) - margin, max(ends) + margin, width)
    gains, top = _performance(looks, span, LANE + PANEL + 24)
    bottom = LANE + PANEL + (24 + PANEL if top else 0.0)
    parts = [_verdicts(looks, span), _drift(looks, span, LANE + 6), gains, span.ticks(bottom + 6)]
    worst = sum(look.seen.outcome not in {"OK", "UNKNOWN"} for look in looks)
    about = (
        f"{count(len(looks), 'look')} from {min(ends):%Y-%m-%d} to {max(ends):%Y-%m-%d}, {worst} of them not OK; "
        f"the newest is {looks[-1].seen.outcome}"
    )
    return drawing(about, span, bottom + TICKS + 6, *parts)


def midnight_after(day: dt.date) -> dt.datetime:
    """When a day is over, in UTC."""
    return _moment(day) + DAY


def _moment(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)


def _x(look: Look, span: Span) -> float:
    return span.x(_moment(look.seen.window.end))


def _verdicts(looks: Sequence[Look], span: Span) -> Html:
    """A square for each, in its colour; its shape says as much to whoever sees no colour."""
    parts = [write("verdict", LEFT - 10, 20, "end")]
    for look in looks:
        kind = KINDS.get(look.seen.outcome, "dim")
        told = tag("title", f"{look.seen.window.start} to {look.seen.window.end}: {look.seen.outcome}")
        x, half = _x(look, span), 5.0
        shape = {
            "good": f"M{x - half:.1f} 10h{2 * half}v{2 * half}h-{2 * half}z",  # a square
            "warn": f"M{x:.1f} 8l7 13h-14z",  # a triangle
            "bad": f"M{x:.1f} 7l8 8l-8 8l-8 -8z",  # a diamond
            "dim": f"M{x - half:.1f} 13h{2 * half}v4h-{2 * half}z",  # a dash
        }[kind]
        parts.append(tag("path", told, d=shape, class_=f"f{kind}"))
    return joined(parts)


def _drift(looks: Sequence[Look], span: Span, top: float) -> Html:
    bottom = top + PANEL - 24
    title = "how near the nearest column came to drift, which it is from 1 on"
    far = max([1.3, *map(_nearness, looks)]) * 1.08

    def y(value: float) -> float:
        return bottom - (bottom - top - TITLE) * value / far

    dots = [_drift_dot(span, look, y) for look in looks if look.seen.drifts]
    lines = [
        tag("line", x1=_x(a, span), y1=y(_nearness(a)), x2=_x(b, span), y2=y(_nearness(b)), class_="line")
        for a, b in pairwise(looks)
        if a.seen.drifts and b.seen.drifts  # what was not compared is no line
    ]
    return joined([
        *_title(title, span, top),
        _rule(span, y(0.0), "grid"), write("0", LEFT - 10, y(0.0) + 4, "end", "dim"),
        _rule(span, y(1.0), "limit"), write("1", LEFT - 10, y(1.0) + 4, "end", "dim"), *lines, *dots,
    ])  # fmt: skip


def _drift_dot(span: Span, look: Look, y: Callable[[float], float]) -> Html:
    nearest, x, height = look.seen.nearest, _x(look, span), y(_nearness(look))
    if nearest is None:
        return NOTHING
    said = f"{nearest.column} ({nearest.measure}): {number(nearest.nearness, 2)}"
    told = tag("title", f"{look.seen.window.start} to {look.seen.window.end}: {said}")
    dot = tag("circle", told, cx=x, cy=height, r=4.5, class_="dot")
    if not nearest.drifted:
        return dot
    anchor = "end" if x > (LEFT + span.width) / 2 else "start"
    name = f"{nearest.column} {number(nearest.nearness, 2)}"
    return joined([dot, write(name, x + (3 if anchor == "end" else -3), height - 8, anchor)])


def _nearness(look: Look) -> float:
    """Of the nearest column, as far as it is drawn."""
    return min(look.seen.nearest.nearness, FARTHEST) if look.seen.nearest else 0.0


def _performance(looks: Sequence[Look], span: Span, top: float) -> tuple[Html, bool]:
    """What a retraining would gain, each with its whiskers; and whether any look measured that."""
    found = [(look, gain) for look in looks if (gain := look.seen.retraining) and gain.gain is not None]
    if not found:
        return NOTHING, False
    ends = [(g.gain or 0.0) + side * ERRORS * (g.error or 0.0) for _, g in found for side in (-1, 1)]
    low, high = min(0.0, *ends), max(0.0, *ends)
    low, high = low - 0.08 * (high - low or 1.0), high + 0.08 * (high - low or 1.0)
    bottom = top + PANEL - 24
    title = "what a retraining would gain, with two standard errors"

    def y(value: float) -> float:
        return bottom - (bottom - top - TITLE) * (value - low) / (high - low)

    parts = [
        *_title(title, span, top),
        _rule(span, y(0.0), "axis"), write("0", LEFT - 10, y(0.0) + 4, "end", "dim"),
        *(write(number(v, 2), LEFT - 10, y(v) + 4, "end", "dim")
          for v in (min(ends), max(ends)) if abs(y(v) - y(0.0)) > APART),
    ]  # fmt: skip
    for look, gain in found:
        x, middle, error = _x(look, span), gain.gain or 0.0, ERRORS * (gain.error or 0.0)
        told = tag("title", f"{look.seen.window.start} to {look.seen.window.end}: {middle:+.4f} ± {error:.4f}")
        parts.append(tag("line", x1=x, x2=x, y1=y(middle - error), y2=y(middle + error), class_="whisker"))
        parts.append(tag("circle", told, cx=x, cy=y(middle), r=4.5, class_="hollow"))
    return joined(parts), True


def _title(said: str, span: Span, top: float) -> list[Html]:
    """A panel's name above it, on two lines where it is narrow."""
    lines = textwrap.wrap(said, int(span.width / CHARACTER))
    return [write(line, 0.0, top + 4 + 15 * place) for place, line in enumerate(lines)]


def _rule(span: Span, y: float, look: str) -> Html:
    return tag("line", x1=LEFT, x2=span.right, y1=y, y2=y, class_=look)
