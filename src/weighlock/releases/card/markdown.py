"""A card as Markdown: anyone's text in it is escaped, and plots are drawn in characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighlock.decisions.figures import number
from weighlock.decisions.markdown import cleaned, escaped, joined, table
from weighlock.releases.card.blocks import Bars, Commands, Curve, Heading, Items, Table, Text

if TYPE_CHECKING:
    from weighlock.releases.card.blocks import Block, Card

WIDTH = 40  # characters of the longest bar
LONGEST = 4000  # of a text


def render(card: Card) -> str:
    """The card's text."""
    lines = [f"# {escaped(card.title)}", ""]
    for block in card.blocks:
        lines += [*_block(block), ""]
    return joined(lines)


def _block(block: Block) -> list[str]:
    match block:
        case Heading():
            return [f"## {escaped(block.text)}"]
        case Text():
            return [escaped(block.text, LONGEST)]
        case Items():
            return [f"- {escaped(text, LONGEST)}" for text in block.texts]
        case Table():
            cells = [[escaped(cell) for cell in row] for row in (block.head, *block.rows)]
            return table(cells[0], cells[1:], block.right)
        case Bars():
            return [escaped(block.about), "", "```text", *_bars(block), "```"]
        case Curve():
            rows = [(number(x), number(y)) for x, y in block.points]
            return [escaped(block.about), *table((escaped(block.x), escaped(block.y)), rows, {0, 1})]
        case Commands():
            return ["```console", *(f"$ {cleaned(line, LONGEST)}" for line in block.lines), "```"]


def _bars(block: Bars) -> list[str]:
    names = [cleaned(name).replace("`", "'") for name, _ in block.bars]
    longest = max((v for _, v in block.bars), default=0.0)
    wide = max(map(len, names), default=0)
    return [
        f"{name:<{wide}}  {number(v):>10}  {'█' * round(WIDTH * max(v, 0.0) / longest) if longest > 0 else ''}".rstrip()
        for name, (_, v) in zip(names, block.bars, strict=True)
    ]
