"""What a card is made of. Texts are sentences with `code` in backticks; whoever renders them escapes the rest."""

from __future__ import annotations

from dataclasses import dataclass

SHOWN = 60  # characters of a value
EMPTY = "(empty)"


@dataclass(frozen=True)
class Heading:
    """A section's."""

    text: str


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Items:
    """A list."""

    texts: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Rows under a head; the columns of the numbers `right` are figures."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Bars:
    """A bar for each of (name, value), largest first; `about` says what is drawn."""

    about: str
    bars: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Curve:
    """Points (x, y) against the diagonal; `about` says what is drawn."""

    about: str
    x: str
    y: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Commands:
    """What to type."""

    lines: tuple[str, ...]


Block = Heading | Text | Items | Table | Bars | Curve | Commands


@dataclass(frozen=True)
class Card:
    """A whole card."""

    title: str
    blocks: tuple[Block, ...]


def value(content: object) -> str:
    """Someone's value as code, so that it says nothing but itself.

    >>> value("JFK")
    '`JFK`'
    """
    text = " ".join(str(content).split()).replace("`", "'")
    return f"`{text[: SHOWN - 1] + '…' if len(text) > SHOWN else text or EMPTY}`"
