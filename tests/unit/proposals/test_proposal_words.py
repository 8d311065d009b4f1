"""What a pull request is told: whose code it was, what it does not cover, and what to do."""

from __future__ import annotations

import pytest

from weighlock.proposals.changes import Changes
from weighlock.proposals.reproduce import Reproduced
from weighlock.proposals.summary import summary_of
from weighlock.proposals.words import Told, behind_lines, comment_of, own_lines, weighed_lines

HEAD, MAIN = "a" * 40, "b" * 40
PLOTS = "<details><summary>Plots</summary>\n\n![x](x.png)\n\n</details>\n"
REPORT = f"## Weighlock gate: PASS ✅\n\n**Fine.**\n\n{PLOTS}\nEvidence.\n"


def test_a_comment_has_one_title_no_pictures_and_says_from_what_it_was_weighed() -> None:
    text = comment_of(
        Told(
            "PASS",
            HEAD,
            MAIN,
            "https://github.com/o/n/actions/runs/1",
            lines=weighed_lines("PASS", [], reproduced=True),
            report=REPORT,
        )
    )
    assert text.count("## ") == 1
    assert text.startswith("## Weighlock: PASS ✅\n")
    assert "x.png" not in text
    assert "`aaaaaaa`, weighed from main's `bbbbbbb` · [run](https://github.com/o/n/actions/runs/1)" in text
    assert "`release.yml` trains it again on main" in text
    assert "failed" not in text


def test_a_run_that_failed_and_a_doubt_are_told_with_what_to_do() -> None:
    text = "\n".join(weighed_lines("INCONCLUSIVE", ["a `note` <b>"], reproduced=False))
    assert "**`reproduce` failed**" in text
    assert "weighlock accept" in text
    assert "- a `note` &lt;b&gt;" in text


def test_an_accepted_doubt_is_green_and_named() -> None:
    assert comment_of(Told("INCONCLUSIVE", HEAD, MAIN, accepted=True)).startswith(
        "## Weighlock: INCONCLUSIVE, accepted ✅"
    )


@pytest.mark.parametrize(
    ("own", "model", "said"),
    [
        ("FAIL", True, "Its own gate says **FAIL**. That is information"),
        (None, True, "handed over no verdict"),
        (None, False, "its owners decide"),
    ],
)
def test_a_branchs_own_word_is_information(own: str | None, model: bool, said: str) -> None:
    text = "\n".join(own_lines(["schema.yaml", "a`b|c"], own, ["because @all"], model=model))
    assert "Computed by this branch's own code." in text
    assert said in text
    assert "`schema.yaml`" in text


def test_many_reasons_are_counted() -> None:
    text = "\n".join(own_lines([f"src/{n}.py" for n in range(500)], None, [], model=False))
    assert "500 changes" in text
    assert "470 more" in text
    assert len(behind_lines([f"f{n}" for n in range(500)])[0]) < 500


def changes(kind: str = "weighable", *reasons: str) -> Changes:
    return Changes(kind, MAIN, HEAD, kind != "nothing", (), (), reasons)  # type: ignore[arg-type]


def test_a_summary_says_what_ran_what_changed_and_where_the_right_lock_is() -> None:
    found = Reproduced("different", ("`dvc.lock` was not made from this.",), ("train", "refit"), "PASS")
    tables = [("Metrics", "| a | b |\n| - | - |\n| x | 1 |"), ("Parameters", "| a |\n| - |"), ("Data", "")]
    text = summary_of(changes(), found, tables, ["plots/roc.png"])
    assert text.startswith("## `dvc.lock` is not what `dvc repro` gives ❌")
    assert "in the artifact `proposal`" in text
    assert "`train`, `refit`" in text
    assert text.count("Nothing changed.") == 2
    assert "1 pictures" not in text or "`plots/roc.png`" in text
    assert "What counts is `weighlock/gate`" in text


def test_nothing_changed_is_short_and_own_code_is_named() -> None:
    assert len(summary_of(changes("nothing"), Reproduced("unchanged", ("Nothing.",)), [], []).splitlines()) < 6
    assert "`schema.yaml`" in summary_of(changes("own", "schema.yaml"), Reproduced("identical"), [], [])


def test_a_table_of_thousands_of_lines_is_cut() -> None:
    table = "\n".join(f"| {n} |" for n in range(5000))
    assert "4800 more" in summary_of(changes(), Reproduced("identical"), [("Metrics", table)], [])
