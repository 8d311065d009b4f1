"""Plots as SVG, in the colours of the page that they stand in; every text in them is escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from weighlock.decisions.figures import number

if TYPE_CHECKING:
    from weighlock.releases.card.blocks import Bars, Curve

ROW, NAMES, LENGTH, FIGURES = 22, 190, 440, 90  # pixels
SIDE, MARGIN = 300, 46
CHARACTERS = 26  # of a name
TICKS = (0.0, 0.5, 1.0)


def bars(block: Bars) -> str:
    """A horizontal bar for each value; what is negative reaches to the left of the zero line."""
    values = [v for _, v in block.bars] or [0.0]
    low, high = min(*values, 0.0), max(*values, 0.0)
    scale = LENGTH / ((high - low) or 1.0)
    zero = NAMES - low * scale
    height = ROW * len(block.bars) + 8
    drawn = [_bar(name, v, place, zero, scale) for place, (name, v) in enumerate(block.bars)]
    axis = f"<line class='axis' x1='{zero:.1f}' x2='{zero:.1f}' y1='0' y2='{height}'/>"
    return _svg(NAMES + LENGTH + FIGURES, height, block.about, axis + "".join(drawn))


def curve(block: Curve) -> str:
    """Points joined by a line, on a square from the smallest to the largest of both axes."""
    numbers = [n for point in block.points for n in point] or [0.0, 1.0]
    low, high = min(*numbers, 0.0), max(numbers)
    span = (high - low) or 1.0

    def at(x: float, y: float) -> tuple[float, float]:
        return MARGIN + SIDE * (x - low) / span, 8 + SIDE * (1 - (y - low) / span)

    (x0, y0), (x1, y1) = at(low, low), at(high, high)
    ticks = "".join(_ticks(number(n, 2), *at(n, n), x0, y0) for n in (low + span * part for part in TICKS))
    places = [at(x, y) for x, y in block.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(f"<circle class='dot' cx='{x:.1f}' cy='{y:.1f}' r='3.5'/>" for x, y in places)
    names = (
        f"<text class='dim' x='{(x0 + x1) / 2:.1f}' y='{y0 + 36:.1f}' text-anchor='middle'>{escape(block.x)}</text>"
        f"<text class='dim' x='{x1 + 10:.1f}' y='{y1 + 4:.1f}'>{escape(block.y)} ↑</text>"
    )
    body = (
        f"<rect class='axis' x='{x0:.1f}' y='{y1:.1f}' width='{SIDE}' height='{SIDE}'/>"
        f"<line class='diagonal' x1='{x0:.1f}' y1='{y0:.1f}' x2='{x1:.1f}' y2='{y1:.1f}'/>"
        f"<polyline class='line' points='{path}'/>{dots}{ticks}{names}"
    )
    return _svg(MARGIN + SIDE + 110, SIDE + 52, block.about, body)


def _bar(name: str, value: float, place: int, zero: float, scale: float) -> str:
    middle = 4 + ROW * place + ROW / 2
    shown = name if len(name) <= CHARACTERS else f"{name[: CHARACTERS - 1]}…"
    left, right = sorted((zero, zero + value * scale))
    below = f"{middle + 4:.1f}"  # a text's line
    label = f"{escape(shown)}<title>{escape(name)}</title>"
    wide = max(right - left, 0.5)
    return (
        f"<text x='{NAMES - 8}' y='{below}' text-anchor='end'>{label}</text>"
        f"<rect class='bar' x='{left:.1f}' y='{middle - 7:.1f}' width='{wide:.1f}' height='14' rx='2'/>"
        f"<text class='dim' x='{right + 6:.1f}' y='{below}'>{escape(number(value))}</text>"
    )


def _ticks(said: str, x: float, y: float, left: float, bottom: float) -> str:
    """The same number on both axes."""
    return (
        f"<text class='dim' x='{x:.1f}' y='{bottom + 17:.1f}' text-anchor='middle'>{escape(said)}</text>"
        f"<text class='dim' x='{left - 7:.1f}' y='{y + 4:.1f}' text-anchor='end'>{escape(said)}</text>"
    )


def _svg(width: float, height: float, about: str, body: str) -> str:
    return (
        f"<svg role='img' aria-label='{escape(about)}' viewBox='0 0 {width:.0f} {height:.0f}' width='{width:.0f}' "
        f"height='{height:.0f}'>{body}</svg>"
    )
