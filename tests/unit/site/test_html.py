"""Elements, and that no value can be HTML."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from weighlock.site.html import Html, facts, items, joined, marked, table, tag


class Heard(HTMLParser):
    """What a browser would make of it: elements with their attributes, and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, name: str, attributes: Any) -> None:
        self.elements.append((name, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (tag("p", "a < b & c"), "<p>a &lt; b &amp; c</p>"),
        (tag("p", "one ", tag("b", "two"), None), "<p>one <b>two</b></p>"),
        (tag("td", "x", class_="n", aria_label="it's"), "<td class='n' aria-label='it&#x27;s'>x</td>"),
        (tag("rect", x=1.25, y=3.0), "<rect x='1.2' y='3'/>"),
        (tag("meta", name="a", content="b"), "<meta name='a' content='b'>"),
        (joined(["a", None, Html("<b>b</b>")], ", "), "a, <b>b</b>"),
        (marked("see `a<b>` now"), "see <code>a&lt;b&gt;</code> now"),
        (items([]), ""),
        (facts([("since", "now"), ("image", None)]), "<dl><div><dt>since</dt><dd>now</dd></div></dl>"),
        (tag("p", "turned \u202e text\x1b[31m"), "<p>turned   text [31m</p>"),
    ],
)
def test_elements(made: Html, text: str) -> None:
    assert made.text == text


def test_a_table_names_itself_its_columns_and_its_rows() -> None:
    made = table("All", ("name", "rows", "why"), [("v1", "3", "fine")], frozenset({1}), why=2).text

    assert "role='region' aria-label='All'" in made
    assert "tabindex='0'" in made
    assert "<caption>All</caption>" in made
    assert "<th scope='col' class='n'>rows</th>" in made
    assert "<tr><th scope='row'>v1</th><td class='n'>3</td><td class='why'>fine</td></tr>" in made


@example("<b>")
@example("' onclick='x")
@example("`<b>`")
@given(st.text(st.characters(codec="utf-8") | st.sampled_from("<>'\"&`"), max_size=40))
def test_no_value_opens_an_element_or_leaves_its_attribute(value: str) -> None:
    heard = Heard(f"{tag('p', value, title=value).text}{tag('p', marked(value)).text}")
    assert [name for name, _ in heard.elements if name != "code"] == ["p", "p"]
    assert heard.elements[0][1] == {"title": value}
