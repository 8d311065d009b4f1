"""The card: everything from the evidence alone, nothing of it interpreted, in Markdown and in HTML."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from weighlock.errors import EvidenceError
from weighlock.releases.card import markdown, page
from weighlock.releases.card.blocks import Bars, Card, Commands, Curve, Heading, Items, Table, Text, value
from weighlock.releases.card.content import SECTIONS, card_of
from weighlock.releases.card.drawing import bars, curve
from weighlock.releases.evidence import Evidence, read_evidence
from weighlock.releases.record import Judged, Release

EVIL = "</code><script>alert(1)</script>|`x` @you [l](http://e) \n# h"
VOID = {"meta", "rect", "line", "circle", "polyline", "!doctype"}


class Page(HTMLParser):
    """Tags that open and close in order; what is text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data if not self.open or self.open[-1] != "style" else ""


@pytest.fixture(scope="module")
def evidence(template: Path, recorded: Callable[..., Release], tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    root = tmp_path_factory.mktemp("card") / "repository"
    shutil.copytree(template, root)
    image = f"registry.example.org/parts@sha256:{'6' * 64}"
    return read_evidence(recorded(root, image=image), root)


def without(evidence: Evidence, name: str, **change: Any) -> Evidence:
    """The evidence with keys of one file replaced."""
    content = json.loads(evidence.files[name])
    return Evidence(evidence.release, {**evidence.files, name: json.dumps({**content, **change}).encode()})


def test_every_section_in_markdown(evidence: Evidence) -> None:
    text = markdown.render(card_of(evidence))

    assert text.startswith("# parts v1\n")
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == [title for title, _ in SECTIONS]
    for line in (
        "| predicts | `broke` (binary, labelled from a score of 0.5000 on) |",
        "For the &lt;b&gt;shop&lt;/b&gt; floor.",
        "- safety",
        "| `load` | number, may be missing |  |",
        "| `colour` | category | `red`, `green` |",
        "| `shape` | category | any text |",
        "Window: `2024-01-01` to `2024-03-31`; 120 rows, 2 of them quarantined.",
        "| holdout (judges) | 40 | `2024-01-01T00:00Z` | `2024-03-01T00:00Z` | 0.2500 |",
        "| `log_loss` ↓ | 0.2500 | 0.2000 to 0.3000 | 0.5000 |",
        "| `recall` ↑ | 0.7000 | unknown |  |",
        "| `colour` = `red \\| <i>` | 20 | 0.2000 | 0.3000 | 0.2000 |",
        "| `colour = red` | selection rate | 20 | 0.4000 | 0.3000 to 0.5000 |",
        "| `fairness: colour = red: selection rate` | 0.1000 | 0.2000 | -0.1000 | -0.2000 to 0.01000 | ❔",
        "heat      0.2000  ████████████████████████████████████████",
        "- Knows no `glue`.",
        "- Mind the gap.",
        "- Floors hold.",
        "| `floors` |  |  |  |  | ✅ pass | log_loss 0.25 \\| fine |",
        "$ weighlock fetch v1",
        f"$ docker pull registry.example.org/parts@sha256:{'6' * 64}",
    ):
        assert line in text, line
    rows = [line.replace("\\|", "") for line in text.splitlines() if line.startswith("|")]
    assert len({row.count("|") for row in rows}) > 1
    assert all(row.endswith("|") for row in rows)


def test_every_section_in_html_which_is_well_formed_and_loads_nothing(evidence: Evidence) -> None:
    text = page.render(card_of(evidence))

    shown = Page(text)
    assert {"script", "img", "link", "iframe"}.isdisjoint(shown.tags)
    assert shown.tags.count("svg") == 2
    assert "default-src 'none'" in text
    assert "http" not in text.replace("http-equiv", "")
    for said in ("For the <b>shop</b> floor.", "red | <i>", "a<b>", "Mind the gap.", "0.2000 to 0.3000"):
        assert said in shown.text, said


def test_no_one_elses_text_is_interpreted(evidence: Evidence) -> None:
    evil = without(evidence, "gate.json", target=EVIL, reasons=[EVIL])
    evil = without(evil, "recipe.json", learner=EVIL)
    evil = without(evil, "importance.json", features={EVIL: 1.0})
    evil = without(evil, "reached.json", groups=[
        {"group": EVIL, "measure": EVIL, "rows": 1, "value": 0.5, "lower": 0.1, "upper": 0.9}
    ])  # fmt: skip

    shown = Page(page.render(card_of(evil)))
    text = markdown.render(card_of(evil))

    assert "script" not in shown.tags
    assert "<script>alert(1)</script>" in shown.text
    assert not any(line.startswith("# h") for line in text.splitlines())
    outside = "".join(part for place, part in enumerate(text.split("`")) if place % 2 == 0)
    assert "<script>" not in outside
    assert " @you" not in outside


def test_an_accepted_inconclusive_says_so(result: Path, recorded: Callable[..., Release]) -> None:
    judged = Judged(
        outcome="INCONCLUSIVE",
        bootstrap=False,
        evidence=f"sha256:{'4' * 64}",
        champion="v7",
        accepted="A storm (Bo <b@c.d>)",
    )
    text = markdown.render(card_of(read_evidence(recorded(result, judged=judged), result)))

    assert "| verdict | INCONCLUSIVE (against `v7`, accepted by a reviewer) |" in text
    assert "The gate was INCONCLUSIVE, and someone let it through: A storm" in text
    assert "Accepted: A storm" in text


def test_little_evidence_is_said_to_be_little(evidence: Evidence) -> None:
    few = without(evidence, "reached.json", groups=[], unit="row", units=40)
    few = Evidence(few.release, {**few.files, "slices.json": b"[]", "params.yaml": b"data: {}\n"})

    text = markdown.render(card_of(few))

    assert "No groups were compared" in text
    assert "No slices were asked for" in text
    assert "Nobody wrote down for whom" in text
    assert "stand or fall together" not in text


@pytest.mark.parametrize(
    ("name", "content"),
    [("reached.json", b"{}"), ("slices.json", b'[{"column": 1}]'), ("schema.yaml", b"[1]"), ("params.yaml", b"{: :"),
     ("calibration.csv", b"predicted,observed\nx,y\n"), ("importance.json", b'{"features": {"a": "b"}}')],
)  # fmt: skip
def test_torn_evidence_is_named(evidence: Evidence, name: str, content: bytes) -> None:
    torn = Evidence(evidence.release, {**evidence.files, name: content})
    with pytest.raises(EvidenceError, match=r"`releases/evidence/v1` is not what was written|is not JSON"):
        card_of(torn)


def test_values_are_one_piece_of_code() -> None:
    assert value("a`b\nc") == "`a'b c`"
    assert value("") == "`(empty)`"
    assert value("x" * 100) == f"`{'x' * 59}…`"


def test_bars_are_as_long_as_their_values_and_start_at_zero() -> None:
    drawn = bars(Bars("about", (("a", 2.0), ("b", -1.0))))

    # 440 pixels for 3.0: zero lies a third from the left, 190 + 440 / 3
    assert "<line class='axis' x1='336.7'" in drawn
    assert "<rect class='bar' x='336.7' y='8.0' width='293.3'" in drawn
    assert "<rect class='bar' x='190.0' y='30.0' width='146.7'" in drawn


def test_a_curve_spans_both_axes() -> None:
    drawn = curve(Curve("about", "x", "y", ((0.0, 0.5), (1.0, 1.0))))

    assert "points='46.0,158.0 346.0,8.0'" in drawn
    assert ">1.0<" in drawn


@pytest.mark.parametrize("block", [Bars("none", ()), Bars("zero", (("a", 0.0),)), Curve("none", "x", "y", ())])
def test_nothing_to_draw(block: Bars | Curve) -> None:
    card = Card("t", (Heading("h"), Text("odd ` tick"), Items(()), Table(("",), ()), block, Commands(("a < b",))))

    assert "a &lt; b" in page.render(card)
    assert "odd ` tick" in Page(page.render(card)).text
    assert markdown.render(card).startswith("# t\n")
