"""What goes to GitHub under our name calls nobody, links nowhere but to us, and cannot be broken out of."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from weighlock.github.text import LIMIT, escape, fit, line

OURS = ("https://github.com/owner/name/",)
PIECES = [
    "@everyone", "@", "a", "b ", " ", "\n", "\n\n", "`", "```", "~~~", "|", "[", "](", ")", "]:", "!", "<", ">",
    "&", "#1", "gh-7", "https://evil.example", "http:", "//evil", "www.evil.example", "javascript:alert(1)",
    "&#64;", "&commat;", "&#x40;", "<script>", "<img src=x>", "<!--", "-->", "<details>", "</details>",
    "<summary>", "me@evil.example", "\\", "*", "_", "    ", "> ", "- ", "1. ",
    "https://github.com/owner/name/pull/1", "[us](https://github.com/owner/name/pull/1)", "\u200b", "\u202e",
    "\u2060", "\u0000", "[us](https://github.com/owner/name/../../evil/repo)", "<a href='x'>",
    "<https://evil.example>", "mailto:x", "owner/name#3",
]  # fmt: skip
documents = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=25).map("".join)
parser = MarkdownIt("commonmark").enable("table")
OPEN = re.compile(r"</?(?:details|summary|sub|sup|br)>|<details open>")


def tokens(text: str) -> list[Token]:
    """All tokens, those within lines too."""
    found: list[Token] = []
    for token in parser.parse(text):
        found += [token, *(token.children or [])]
    return found


@settings(max_examples=80)
@given(documents)
@example("[a](//evil.example)")
@example("[a]:\n//evil.example\n\n[a]")
@example("![a](https://github.com/owner/name/x.png)")
@example("[us](https://github.com/owner/name/pull/1) @team/x")
def test_nothing_calls_links_loads_or_runs(text: str) -> None:
    safe = escape(text, OURS)
    for token in tokens(safe):
        if token.type == "link_open":
            target = str(token.attrs["href"])
            assert target.startswith(OURS[0])
            assert ".." not in target
        assert token.type != "image"
        if token.type in {"html_inline", "html_block"}:
            # to a browser, what is no letter after `<` opens nothing
            assert not re.search("<[^\u2060]", OPEN.sub("", token.content)), token.content
        if token.type == "text":
            # as GitHub looks for them: after entities are decoded
            assert not re.search(r"@\w|(?<!\w)#\d|\bgh-\d", token.content, re.IGNORECASE), token.content
            linked = re.sub(r"https://github\.com/owner/name/\S*", "", token.content)
            assert not re.search(r"\w://\S|www\.\w|mailto:\w", linked), token.content


@settings(max_examples=80)
@given(documents)
def test_escaping_twice_is_escaping_once_and_what_is_read_stays(text: str) -> None:
    once = escape(text, OURS)
    assert escape(once, OURS) == once
    printable = "".join(c for c in text if c.isprintable() and c != "\u2060")
    assert "".join(c for c in once if c.isprintable()) == printable


@pytest.mark.parametrize(
    "text",
    [
        "## Weighlock: PASS ✅",
        "| a | b |\n| --- | ---: |\n| `x` | 1 |",
        "**0.451** is 0.008 worse",
        '`--reason "…"`',
        "a &lt; b &#96;",
    ],
)
def test_our_own_reports_stay_as_they_are(text: str) -> None:
    assert escape(text, OURS) == text


lines = st.lists(st.sampled_from(["text", "", "```", "````", "~~~", "```py", "```a`b`", "| a |"]), max_size=40)


@settings(max_examples=60)
@given(lines, st.integers(1, 60), st.integers(600, 2000))
def test_what_is_cut_fits_and_its_code_ends(text: list[str], times: int, limit: int) -> None:
    whole = fit("\n".join(text * times), limit)
    assert len(whole) <= limit
    assert not [t for t in parser.parse(whole + "\n\nafter\n") if t.type == "fence" and "after" in t.content]


@settings(max_examples=40)
@given(documents, st.integers(1, 400), st.integers(600, 2000))
def test_whatever_is_cut_fits(text: str, times: int, limit: int) -> None:
    assert len(fit(escape(text) * times, limit)) <= limit


def test_what_folds_is_closed_where_it_is_cut() -> None:
    whole = fit("<details><summary>x</summary>\n\n" + "row\n" * 1000 + "\n</details>\n", 1000)
    assert whole.count("</details>") == 1


def test_githubs_limit_is_the_limit() -> None:
    long = "".join(f"row {n} | `value`\n" for n in range(20_000))
    cut = fit(long)
    assert len(cut) <= LIMIT
    assert "cut here" in cut
    assert fit("short") == "short\n"


@given(st.text(max_size=80), st.integers(5, 140))
def test_a_line_is_one_line(text: str, limit: int) -> None:
    shown = line(text, limit)
    assert len(shown) <= limit
    assert not set(shown) & set("\n\r\t\x00\u202e\u200b")
    assert not re.search(r"@\w", shown)
