"""HTML by functions: whatever is not `Html` already is escaped, so that no value can forget to be.

A template engine would be one more dependency, and its templates are beyond the type checker; pages are few.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from weighlock.deployment.wording import one_line
from weighlock.releases.card import page as card

_VOID = {"meta", "br", "link", "line", "rect", "circle", "polyline", "path"}


@dataclass(frozen=True)
class Html:
    """Text that is HTML, its values escaped."""

    text: str


Child = Html | str | None
NOTHING = Html("")


def tag(name: str, /, *children: Child, **attributes: str | float | None) -> Html:
    """An element. `class_` is the attribute class, `aria_label` aria-label; what is None is left out.

    >>> tag("a", "R&D", href="x.html").text
    "<a href='x.html'>R&amp;D</a>"
    """
    said = "".join(
        f" {key.rstrip('_').replace('_', '-')}='{escape(_attribute(value))}'"
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID and not children:
        return Html(f"<{name}{said}>" if name in {"meta", "br", "link"} else f"<{name}{said}/>")
    return Html(f"<{name}{said}>{joined(children).text}</{name}>")


def joined(children: Iterable[Child], between: str = "") -> Html:
    """Several, one after the other."""
    return Html(escape(between).join(text(child).text for child in children if child is not None))


def text(child: Child) -> Html:
    """A value, escaped, without what hides or turns text; HTML as it is."""
    if child is None:
        return NOTHING
    return child if isinstance(child, Html) else Html(escape("".join(c if c.isprintable() else " " for c in child)))


def marked(sentence: str) -> Html:
    """A sentence whose `code` is shown as such."""
    return Html(card.marked(one_line(sentence)))


def items(sentences: Iterable[str]) -> Html:
    """A list of sentences; nothing where there are none."""
    found = [tag("li", marked(sentence)) for sentence in sentences]
    return tag("ul", *found) if found else NOTHING


def facts(pairs: Iterable[tuple[str, Child]]) -> Html:
    """Names and what they are; those that are None are left out."""
    found = [tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs if value is not None]
    return tag("dl", *found)


def table(
    caption: str,
    head: Sequence[str],
    rows: Iterable[Sequence[Child]],
    right: frozenset[int] = frozenset(),
    why: int | None = None,
) -> Html:
    """A table that scrolls by itself where it is wider than the window. The columns of the numbers `right` are figures,
    that of the number `why` has sentences, and the first cell of each row names it."""

    def cell(place: int, child: Child) -> Html:
        look = "n" if place in right else "why" if place == why else None
        return tag("td", child, class_=look) if place else tag("th", child, scope="row", class_=look)

    top = tag("tr", *(tag("th", n, scope="col", class_="n" if i in right else None) for i, n in enumerate(head)))
    body = [tag("tr", *(cell(place, child) for place, child in enumerate(row))) for row in rows]
    whole = tag("table", tag("caption", caption), tag("thead", top), tag("tbody", *body))
    return tag("div", whole, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _attribute(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")
