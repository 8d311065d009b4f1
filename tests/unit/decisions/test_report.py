"""The report: the verdict first, everything in it, nothing that is not; short, harmless and the same each time."""

from __future__ import annotations

import math
import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from shown import HOSTILE, check, condition, context, estimate, everything, verdict

from weighlock.decisions.context import Holdout
from weighlock.decisions.markdown import joined
from weighlock.decisions.report import MOST_CHARACTERS, ROOMS, _report, lead, ranked, render, tally
from weighlock.decisions.sections import cut
from weighlock.decisions.verdict import Verdict

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OWN_HTML = re.compile(r"<details><summary>[^<>@]*</summary>|</details>")
CALLS = re.compile(r"@\w|#\d|://|www\.", re.IGNORECASE)


def harmless(text: str) -> None:
    """Only our own headings, HTML and pictures; every table has rows of one width; no one is called."""
    assert len(text) < MOST_CHARACTERS
    open_ones = 0
    width = 0
    for token in READER.parse(text):
        if token.type == "html_block":
            assert OWN_HTML.fullmatch(token.content.strip()), token.content
            open_ones += 1 if token.content.startswith("<details>") else -1
            assert open_ones in {0, 1}
        if token.type == "thead_open":
            width = 0
        width += token.type == "th_open"
        for child in token.children or []:
            assert child.type not in {"html_inline", "link_open", "s_open"}, child
            assert child.type != "image" or not set(str(child.attrs["src"])) & set(":/")
            assert child.type != "text" or not CALLS.search(child.content), child.content
    assert open_ones == 0
    # rows of one table have as many cells as its head has, as GitHub cuts them: at pipes without a backslash
    for block in text.split("\n\n"):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) <= 1, block


def headings(text: str) -> list[str]:
    parsed = READER.parse(text)
    return [parsed[i + 1].content for i, token in enumerate(parsed) if token.type == "heading_open"]


def test_the_verdict_stands_first_then_why_then_the_table() -> None:
    text = render(verdict(check(), check("guard", "roc_auc", margin=0.01)), context())

    lines = text.replace("\u00a0", "~").splitlines()
    assert lines[0] == "## Weighlock gate: PASS ✅"
    assert lines[2].startswith("**The challenger may take the champion's place")
    assert "Weighed: `models/weighed` against `v7`, predicting `late`." in lines
    assert (
        "| **primary** | `log_loss` ↓ | 0.4512 | 0.4488 | **+0.0024** | -0.0046~to~+0.0094 | -0.02 | ✅ pass |" in lines
    )
    assert "| guard | `roc_auc` ↑ | 0.4512 | 0.4488 | **+0.0024** | -0.0046~to~+0.0094 | -0.01 | ✅ pass |" in lines
    assert text.index("primary") < text.index("### Weighed") < text.index("Standard errors") < text.index("Plots")


def test_it_says_all_that_a_reviewer_asks_for() -> None:
    text = render(
        verdict(check(), check("slice", "carrier = UA"), condition("parity", "not run", "No model is at hand.")),
        context(),
    )

    for said in (
        "4,000 rows are worth 1,000 for the primary metric",
        "| `log_loss` | +0.0024 | 0.00410 | 0.00205 | 4,000 | 1,000 | 0.10 | 0.4 |",
        "**Not run:** `parity`.",
        "3 models of a budget of 20",
        "Rows that moved most: 12 of 4,000 labels flipped, 8 to right, 4 to wrong",
        "| `k1` | `true` | `false` 0.210 | `true` 0.640 | challenger | kind = a\\|b |",
        "| `train.seed` | `7` | not set |",
        "Training data: 1,000 → 1,200 rows (+20.0%), 3 columns changed",
        "| `late`: `true` | 25% | 26% |",
        "Type changed: `year` from `integer` to `number`",
        "| `temperature` | `number` | 0.213 | 0% | 1% |",
        "![Calibration](calibration.png)",
        "`sha256:0123456789ab`",
        "28 days",
        "> - ⚠️ Mind this.",
    ):
        assert said in text, said


def test_slices_are_sorted_by_harm_and_shown_harm_leads() -> None:
    checks = [
        check("slice", "small", "pass", estimate(-0.5)),
        check("slice", "harmed", "fail", estimate(-0.1)),
        check("slice", "better", "pass", estimate(0.2)),
        check("slice", "unseen", "not run", estimate(-0.9)),
    ]

    assert [c.name for c in ranked(checks)] == ["harmed", "small", "better", "unseen"]
    text = render(verdict(check(), *checks, outcome="FAIL"), context())
    assert "**The challenger must not be released: harm is shown.**" in text
    assert text.index("`harmed`") < text.index("`small`") < text.index("`better`")
    assert "### Slices by harm, by `log_loss` ↓, margin 0.02" in text
    assert "⚪ not run: unseen was looked at." in text


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((None, 23), "no number of days would decide `log_loss`"),
        ((7, 23), "About 23 more days like these would decide."),
        ((1, 1), "About 1 more day like these would decide."),
    ],
)
def test_inconclusive_says_what_would_decide(more: tuple[int | None, int | None], said: str) -> None:
    checks = [
        check("primary", "log_loss", "inconclusive", more_units=more[0]),
        check("guard", "brier", "inconclusive", more_units=more[1]),
    ]

    text = render(verdict(*checks, outcome="INCONCLUSIVE"), context())

    assert said in text
    assert "weighlock accept --reason" in text
    assert text.startswith("## Weighlock gate: INCONCLUSIVE ❔\n")


def test_inconclusive_for_want_of_evidence_promises_nothing_of_days() -> None:
    found = verdict(check(), condition("lock", "inconclusive"), outcome="INCONCLUSIVE")

    assert lead(found, context()) == "What must be looked at could not be: nothing passes without it."


def test_an_accepted_one_says_so_and_why() -> None:
    found = verdict(check(result="inconclusive", more_units=3), outcome="INCONCLUSIVE")

    text = render(found, context(accepted="The @storm was short."))

    assert text.startswith("## Weighlock gate: INCONCLUSIVE, accepted ❔\n")
    assert "**Accepted as it is, because:** The `@storm` was short." in text
    assert "--reason" not in text


def test_bootstrap_says_that_nothing_was_compared() -> None:
    found = Verdict("PASS", bootstrap=True, reasons=("There is none.",), checks=(condition("floors", "pass"),))

    text = render(found, context(champion=None, flips=(), rates=(), turns=None, params=None, data=None))

    assert text.startswith("## Weighlock gate: PASS (bootstrap) ✅\n\n**There is no champion (`bootstrap`)")
    assert "champion |" not in text
    assert "not compared" not in text


def test_a_fail_cannot_be_accepted_and_broken_conditions_stand_open() -> None:
    text = render(verdict(check(), condition("lock", "fail", "`dvc.lock` is old."), outcome="FAIL"), context())

    assert "**The challenger must not be released: a condition does not hold.**" in text
    assert "A FAIL cannot be accepted" in text
    assert headings(text)[:2] == ["Weighlock gate: FAIL ❌", "Conditions"]
    assert "| `lock` | `dvc.lock` is old. | ❌ fail |" in text


def test_a_worn_holdout_is_warned_of() -> None:
    worn = Holdout(10, None, None, "row", 10, 1, "sha256:00", weighed=21, budget=20)

    text = render(verdict(check()), context(holdout=worn))

    assert "> - ⚠️ This holdout wears out: 21 models" in text
    assert "each row by itself" in text
    assert "wears out" not in render(verdict(check()), context())


def test_vetoes_are_counted() -> None:
    found = verdict(check("slice", "a"), check("slice", "b", "fail"), condition("x", "not run"), outcome="FAIL")

    assert tally(found) == ["2 slices: 1 fail, 1 pass", "1 condition: 1 not run"]


def test_what_is_cut_never_hides_harm_behind_a_pass() -> None:
    checks = [check("guard", f"g{i}", "pass") for i in range(9)] + [check("guard", "bad", "fail")]

    kept, left = cut(checks, 3)

    assert ([c.name for c in kept], left) == (["g0", "g1", "bad"], 7)


def test_hostile_text_stays_text() -> None:
    for outcome in ("PASS", "FAIL", "INCONCLUSIVE"):
        text = render(*everything(HOSTILE, 2, outcome))
        harmless(text)
        assert all("octocat" not in found or "`" in found for found in headings(text))


@settings(max_examples=6)
@given(
    st.one_of(st.text(max_size=80), st.sampled_from(["&" * 999, "|" * 999, "`|" * 400, "\u202e" * 99, "x@y.z " * 200])),
    st.sampled_from([1, 9, 120]),
)
def test_it_is_under_the_limit_and_harmless_whatever_comes(text: str, many: int) -> None:
    found, said = everything(text, many)

    report = render(found, said)

    harmless(report)
    assert report == render(found, said)


def test_a_long_report_says_how_much_is_left_out() -> None:
    found, said = everything("carrier = UA", 300, "FAIL")

    text = render(found, said)

    assert len(text) > MOST_CHARACTERS / 4
    assert re.search(r"… and \d+ more slices", text)
    assert re.search(r"… and \d+ more keys", text)
    assert re.search(r"… and \d+ more guards", text)
    assert Counter(token.type for token in READER.parse(text))["table_open"] >= 8


def test_the_smallest_room_fits_in_any_case() -> None:
    for worst in ("&" * 999, "`|" * 400, "<@" * 400):
        assert len(joined(_report(*everything(worst, 50), ROOMS[-1]))) < MOST_CHARACTERS
    assert list(ROOMS) == sorted(ROOMS, key=lambda room: -room.listed)


def test_figures_that_are_not_known_are_called_so() -> None:
    text = render(verdict(check(gain=estimate(math.nan, math.inf))), context())

    assert "| unknown | -0.02 |" in text
    assert "nan" not in text
