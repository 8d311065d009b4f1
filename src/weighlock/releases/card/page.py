"""A card as one HTML file: readable in light and dark, on paper, and without a script or a network."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from weighlock.releases.card.blocks import Bars, Commands, Curve, Heading, Items, Table, Text
from weighlock.releases.card.drawing import bars, curve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighlock.releases.card.blocks import Block, Card

STYLE = """
:root {
  color-scheme: light dark;
  --ink: #1f2430; --dim: #5b6170; --line: #dfe2ea; --paper: #fff; --code: #f2f4f8; --bar: #0072b2; --mark: #d55e00
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6e8ee; --dim: #a2a8b8; --line: #323848; --paper: #14161c; --code: #20242e; --bar: #56b4e9; --mark: #f0a05a
  }
}
* { box-sizing: border-box }
body {
  font: 15px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  margin: 2rem auto 4rem; max-width: 62rem; padding: 0 1rem
}
h1 { font-size: 1.7rem; margin: 0 0 .8rem }
h2 { font-size: 1.15rem; margin: 2.4rem 0 .6rem; border-bottom: 1px solid var(--line); padding-bottom: .25rem }
nav { font-size: .9rem; color: var(--dim) } nav a { color: inherit; margin-right: .9rem; white-space: nowrap }
p { max-width: 48rem } .about { color: var(--dim); font-size: .92rem }
.scroll { overflow-x: auto; margin: .6rem 0 } table { border-collapse: collapse }
th, td {
  text-align: left; vertical-align: top; padding: .28rem 1.1rem .28rem 0; border-bottom: 1px solid var(--line)
}
th { font-weight: 600; white-space: nowrap } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
td.n { white-space: nowrap } td:last-child, th:last-child { padding-right: 0 }
code { font: .9em ui-monospace, monospace; background: var(--code); padding: .08em .3em; border-radius: 3px;
  overflow-wrap: anywhere }
td:first-child code { white-space: nowrap }
pre { background: var(--code); padding: .7rem .9rem; border-radius: 5px; overflow-x: auto }
pre code { padding: 0 } svg { max-width: 100%; height: auto; display: block; margin: .6rem 0 }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink) } svg .dim { fill: var(--dim) }
svg .bar { fill: var(--bar) } svg .axis { stroke: var(--line); fill: none } svg .diagonal { stroke: var(--dim);
  stroke-dasharray: 4 4 } svg .line { stroke: var(--bar); stroke-width: 2; fill: none } svg .dot { fill: var(--bar) }
@media print { body { margin: 0; max-width: none } h2 { break-after: avoid } }
"""


def render(card: Card) -> str:
    """The page's text; everything from the evidence is escaped."""
    titles = [block.text for block in card.blocks if isinstance(block, Heading)]
    return "\n".join(
        [
            "<!doctype html>",
            "<html lang='en'>",
            f"<head><meta charset='utf-8'><title>{escape(card.title)}: model card</title>",
            "<meta name='viewport' content='width=device-width, initial-scale=1'>",
            "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<style>{STYLE}</style></head>",
            f"<body><h1>{escape(card.title)}</h1>",
            f"<nav>{' '.join(f'<a href=#{_anchor(t)}>{escape(t)}</a>' for t in titles)}</nav>",
            *map(_block, card.blocks),
            "</body></html>\n",
        ]
    )


def _block(block: Block) -> str:
    match block:
        case Heading():
            return f"<h2 id='{_anchor(block.text)}'>{marked(block.text)}</h2>"
        case Text():
            return f"<p>{marked(block.text)}</p>"
        case Items():
            return f"<ul>{''.join(f'<li>{marked(text)}</li>' for text in block.texts)}</ul>"
        case Table():
            return _table(block)
        case Bars():
            return f"<p class='about'>{marked(block.about)}</p>{bars(block)}"
        case Curve():
            return f"<p class='about'>{marked(block.about)}</p>{curve(block)}"
        case Commands():
            return f"<pre><code>{escape(chr(10).join(block.lines))}</code></pre>"


def _table(block: Table) -> str:
    head = "" if not any(block.head) else f"<tr>{_cells('th', block.head, block.right)}</tr>"
    body = "".join(f"<tr>{_cells('td', row, block.right)}</tr>" for row in block.rows)
    return f"<div class='scroll'><table>{head}{body}</table></div>"


def _cells(tag: str, cells: Sequence[str], right: frozenset[int]) -> str:
    return "".join(
        f"<{tag}{' class=n' if place in right else ''}>{marked(cell)}</{tag}>" for place, cell in enumerate(cells)
    )


def _anchor(title: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in title.lower())


def marked(text: str) -> str:
    """Text with its `code` as such; an odd backtick stands for itself."""
    parts = escape(text).split("`")
    if len(parts) % 2 == 0:
        parts[-2:] = [f"{parts[-2]}`{parts[-1]}"]
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))
