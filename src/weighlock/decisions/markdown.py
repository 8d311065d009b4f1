"""Markdown as GitHub renders it, from text that may be anyone's.

No value can break a table, open a heading, link, load an image, run HTML or call a person. GitHub looks for @mentions,
#123 and addresses after it has decoded entities, so neither an entity nor a backslash stops those: only code does.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from urllib.parse import quote

VALUE = 60  # characters of a value: a key, a category, a parameter
SENTENCE = 600
EMPTY = "(empty)"
_RAW = 10_000  # characters that are looked at at all
_CALLS = re.compile(r"@|#\d|\bgh-\d|://|www\.|\$|:[\w+-]+:", re.IGNORECASE)
_MARKS = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "&#96;"} | {mark: f"\\{mark}" for mark in "\\*[]~#^"}
)


def cleaned(value: str, limit: int = VALUE) -> str:
    """On one line, without what controls, turns or hides text, and no longer than `limit`."""
    line = " ".join(value[:_RAW].split())[: limit + 1]
    shown = line if line.isprintable() else "".join(_told(c) for c in line)
    return shown if len(shown) <= limit else f"{shown[: limit - 1].rstrip()}…"


def _told(character: str) -> str:
    return f"\\u{ord(character):04x}" if unicodedata.category(character).startswith("C") else character


def code(value: str, limit: int = VALUE) -> str:
    """A value as inline code, in which GitHub interprets nothing."""
    text = cleaned(value, limit) or EMPTY
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    space = " " if "`" in (text[0], text[-1]) else ""
    return f"{fence}{space}{text}{space}{fence}"


def escaped(text: str, limit: int = SENTENCE) -> str:
    """A sentence in which others' words may stand: what is in `backticks` is code, the rest is plain text."""
    pieces: list[str] = []
    for number, part in enumerate(re.split(r"`([^`]*[^`\s][^`]*)`", cleaned(text, limit))):
        if number % 2:
            pieces.append(code(part, limit))
        else:
            pieces += [code(word, limit) if _CALLS.search(word) else _plain(word) for word in re.split("( )", part)]
    line = ""
    for piece in pieces:
        # two spans that touch would be read as one
        line += f" {piece}" if line.endswith("`") and piece.startswith("`") else piece
    # at a line's start these open a list, a rule or a heading, but not where a number goes on: -0.5, 1.4
    return re.sub(r"^(\d*)([-+=.)])(?![\d.])", r"\1\\\2", line)


def _plain(word: str) -> str:
    # an underscore between letters emphasises nothing: log_loss stays readable in the raw text
    return re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", word.translate(_MARKS))


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> list[str]:
    """A table's lines; cells are Markdown, columns of the numbers `right` are aligned to the right."""
    rule = ["---:" if i in right else "---" for i in range(len(head))]
    return ["", *(_row(row) for row in (head, rule, *rows)), ""]


def folded(summary: str, body: Sequence[str]) -> list[str]:
    """What opens on a click. `summary` is our own words and numbers: it takes no Markdown and no one else's text."""
    return ["", f"<details><summary>{summary}</summary>", "", *body, "", "</details>", ""]


def image(title: str, file: str) -> str:
    """A picture beside the report."""
    return f"![{escaped(title, VALUE)}]({quote(file, safe='')})"


def joined(lines: Sequence[str]) -> str:
    """The lines as one text, with at most one empty line between two."""
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def _row(cells: Sequence[str]) -> str:
    # a table is cut at pipes before anything else is read, in code too
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
