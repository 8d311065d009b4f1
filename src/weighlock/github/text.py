"""Markdown that goes to GitHub under our name: it calls nobody, links nowhere but to us, and holds no foreign HTML.

`decisions.markdown` escapes single values where a report is written. This here is the last gate: it takes a whole
document, whoever wrote it, and trusts nothing in it. What is dangerous gets a character without width in its middle,
so that it is read as it was written and does nothing, in code as in text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

LIMIT = 65_536  # characters that GitHub takes for a body
STOP = "\u2060"  # word joiner: no width, and no line breaks at it
_ENTITIES = "amp|lt|gt|quot|nbsp|#96"  # the ones that our own reports write
# tags that lay out and do nothing else; an attribute makes another tag of it
_TAG = re.compile(r"<(?!/?(?:details|summary|sub|sup|br)>|details open>)")
_ENTITY = re.compile(rf"&(?=#|\w+;)(?!(?:{_ENTITIES});)", re.IGNORECASE)
_MENTION = re.compile(r"@(?=\S)")
_REFERENCE = re.compile(r"(?<![\w&])#(?=\d)|(?<=\w)#(?=\d)|\b(gh)-(?=\d)", re.IGNORECASE)
_ADDRESS = re.compile(r":(?=//)|(?:mailto|xmpp|javascript|data|vbscript|file):(?=\S)|www\.", re.IGNORECASE)
_TARGET = re.compile(r"\]\(")
_DEFINITION = re.compile(r"\](?=:)")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})", re.MULTILINE)
CUT = (
    "\n\n*(cut here: GitHub takes no more than {limit:,} characters; the run's summary and artifacts hold the rest)*\n"
)


def escape(markdown: str, ours: Collection[str] = ()) -> str:
    """The document with everything taken out that calls, links, loads or runs.

    Args:
        markdown: anyone's.
        ours: the beginnings of addresses that may be linked to, each ending with a slash:
            `https://github.com/owner/name/`.
    """
    text = "".join(c for c in markdown.replace("\r\n", "\n").replace("\r", "\n") if not _hidden(c))
    pieces = re.split(_own(ours), text) if ours else [text]
    # what the pattern of our own links matches stands at the odd places
    return "".join(piece if number % 2 else _quiet(piece) for number, piece in enumerate(pieces))


def fit(markdown: str, limit: int = LIMIT) -> str:
    """The document cut at a line, with what was open closed again, and a word that says so."""
    closed = markdown.rstrip() + _closing(markdown) + "\n"
    if len(closed) <= limit:
        return closed
    cut = CUT.format(limit=limit)
    room = limit - len(cut) - 200
    kept = markdown[: max(room, 0)]
    kept = kept[: kept.rfind("\n")] if "\n" in kept else kept
    while len(whole := kept.rstrip() + _closing(kept) + cut) > limit:  # thousands of open details
        kept = kept[: len(kept) // 2]
    return whole


def line(text: str, limit: int) -> str:
    """On one line, without what hides or turns text, for a title or a status: GitHub shows those as plain text."""
    shown = " ".join("".join(c for c in text if c.isspace() or not _hidden(c)).split())
    shown = _MENTION.sub(f"@{STOP}", shown)
    return shown if len(shown) <= limit else f"{shown[: limit - 1].rstrip()}…"


def _quiet(text: str) -> str:
    text = _TAG.sub(f"<{STOP}", text)
    text = _ENTITY.sub(f"&{STOP}", text)
    text = _MENTION.sub(f"@{STOP}", text)
    text = _REFERENCE.sub(lambda m: f"{m[1]}{STOP}-" if m[1] else f"#{STOP}", text)
    text = _ADDRESS.sub(lambda m: f"{m[0][:-1]}{STOP}{m[0][-1]}", text)
    text = _TARGET.sub(f"]{STOP}(", text)
    return _DEFINITION.sub(f"]{STOP}", text)


def _own(ours: Collection[str]) -> re.Pattern[str]:
    """A whole link to us: its text without brackets, its address without what ends it early or climbs out of it."""
    starts = "|".join(re.escape(start) for start in ours)
    return re.compile(rf"((?<!!)\[[\w ,.:/+-]+\]\((?:{starts})(?![^)]*\.\.)[\w/.#?=&+-]*\))")


def _hidden(character: str) -> bool:
    """Controls, and what turns the direction of text or has no width; a line's end and a tab are no such."""
    return character not in "\n\t" and unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def _closing(text: str) -> str:
    """What closes the code and the details that are open at the end of `text`."""
    fence = ""
    for match in _FENCE.finditer(text):
        rest = text[match.end() :].partition("\n")[0].strip()
        if not fence:
            fence = "" if match[1][0] == "`" and "`" in rest else match[1]  # else it is code within a line
        elif match[1][0] == fence[0] and len(match[1]) >= len(fence) and not rest:
            fence = ""
    open_details = len(re.findall(r"<details(?: open)?>", text)) - text.count("</details>")
    return (f"\n{fence}" if fence else "") + "\n\n</details>" * max(open_details, 0)
