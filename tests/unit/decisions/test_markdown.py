"""Nobody's text can do anything: held against a second reader of Markdown, markdown-it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from shown import HOSTILE

from weighlock.decisions.markdown import EMPTY, VALUE, cleaned, code, escaped, folded, image, joined, table

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
ANY_TEXT = st.one_of(st.text(max_size=90), st.text(alphabet="`|\\<>@#[]()!*_~&;$:/. \nwa1-", max_size=40))
CALLS = re.compile(r"@\w|#\d|://|www\.|\bgh-\d", re.IGNORECASE)


def tokens(text: str) -> list[tuple[str, str]]:
    """(type, content) of everything that a reader makes of it, inline parts in their place."""
    found: list[tuple[str, str]] = []
    for token in READER.parse(text):
        parts = [token] if token.children is None else token.children
        found += [(part.type, part.content) for part in parts if part.type != "inline"]
    return found


def plain_text(text: str) -> str:
    return "".join(content if kind == "text" else "\0" for kind, content in tokens(text))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("UA", "`UA`"),
        ("a`b", "``a`b``"),
        ("`a", "`` `a ``"),
        ("a\n# b", "`a # b`"),
        ("\u202eevil\x1b[0m", "`\\u202eevil\\u001b[0m`"),
        ("  ", "`(empty)`"),
        ("x" * 99, f"`{'x' * 59}…`"),
    ],
)
def test_a_value_is_code_on_one_line(value: str, shown: str) -> None:
    assert code(value) == shown


@given(ANY_TEXT, ANY_TEXT)
def test_a_cell_holds_exactly_the_value_and_nothing_else(first: str, second: str) -> None:
    lines = table(("a", "b"), [(code(first), code(second))])

    inside = [token.children for token in READER.parse("\n".join(lines)) if token.type == "inline"][2:]

    assert len(inside) == 2
    for value, children in zip((first, second), inside, strict=True):
        kinds = [
            (child.type, child.content) for child in children or [] if child.content or child.type == "code_inline"
        ]
        assert kinds == [("code_inline", cleaned(value) or EMPTY)]


@given(ANY_TEXT)
def test_a_sentence_is_text_and_code_and_calls_nobody(text: str) -> None:
    cell = tokens("\n".join(table(("a",), [(escaped(text),)])))
    bullet = tokens(f"- {escaped(text)}")

    for found in (cell, bullet):
        allowed = r"(t(able|head|body|r|d|h)|bullet_list|list_item|paragraph)_(open|close)|text|code_inline"
        assert all(re.fullmatch(allowed, kind) for kind, _ in found), found
        assert not CALLS.search("".join(content if kind == "text" else "\0" for kind, content in found))


@given(st.text(alphabet="ab_<>&*[]~\\^#.,- 12", max_size=60))
def test_a_sentence_reads_as_it_was_written(text: str) -> None:
    read = "".join(content for kind, content in tokens(f"- {escaped(text)}") if kind in {"text", "code_inline"})

    assert read == cleaned(text)


def test_a_sentence_keeps_its_code_and_its_names_readable() -> None:
    assert escaped("`dvc.lock` is not of this tree: log_loss -0.5") == "`dvc.lock` is not of this tree: log_loss -0.5"
    assert escaped("ask @octocat about a<b") == "ask `@octocat` about a&lt;b"
    assert escaped("1. first") == "1\\. first"
    assert escaped("- first") == "\\- first"
    assert escaped("`a``b`") == "`a` `b`"


def test_hostile_text_is_only_read() -> None:
    for text in (escaped(HOSTILE), code(HOSTILE, 600)):
        kinds = {kind for kind, _ in tokens(f"- {text}")}
        assert kinds <= {
            "bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close", "paragraph_open",
            "paragraph_close", "text", "code_inline",
        }  # fmt: skip
        assert not CALLS.search(plain_text(text))


def test_a_value_of_any_length_is_looked_at_in_no_time() -> None:
    assert len(cleaned("\x00" * 10_000_000)) == VALUE


def test_blocks_are_what_the_reader_takes_them_for() -> None:
    text = joined(["", *folded("2 rows", table(("a", "b"), [("1", "2")], right=[1])), "", "", image("All", "a b.png")])

    assert text == (
        "<details><summary>2 rows</summary>\n\n| a | b |\n| --- | ---: |\n| 1 | 2 |\n\n</details>\n\n"
        "![All](a%20b.png)\n"
    )
    assert [kind for kind, _ in tokens(text)][:2] == ["html_block", "table_open"]
