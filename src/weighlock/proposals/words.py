"""What a pull request is told: the comment and the status, in words. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from weighlock.decisions.markdown import code, escaped, folded, joined

MARK = {"PASS": "✅", "FAIL": "❌", "INCONCLUSIVE": "❔", "REFUSED": "⛔", "BROKEN": "⛔"}
MOST = 30
# pictures lie beside the report, where a comment cannot show them
_PLOTS = re.compile(r"<details><summary>Plots</summary>.*?</details>\n?", re.DOTALL)
_TITLE = re.compile(r"\A#+ .*\n+")
TRAINED = (
    "What main cannot see in a model: on which rows it was trained. Its signature and the branch's `dvc.lock` say so; "
    "`release.yml` trains it again on main, by main's code, and what is released is that model."
)


@dataclass(frozen=True)
class Told:
    """What there is to say.

    Attributes:
        outcome: in a word; `accepted` where an INCONCLUSIVE was.
        head, main: full commit ids.
        run: the address of the run; empty where there is none.
        lines: what was found, as Markdown.
        report: the gate's report; empty where nothing was weighed.
    """

    outcome: str
    head: str
    main: str
    run: str = ""
    accepted: bool = False
    lines: Sequence[str] = field(default_factory=tuple)
    report: str = ""


def comment_of(told: Told) -> str:
    """The comment, as Markdown."""
    mark = "✅" if told.accepted else MARK.get(told.outcome, "")
    said = f"{told.outcome}{', accepted' if told.accepted else ''}"
    run = f" · [run]({told.run})" if told.run else ""
    body = [f"## Weighlock: {said} {mark}".rstrip(), "", *told.lines, ""]
    if told.report:
        body += ["---", "", _TITLE.sub("", _PLOTS.sub("", told.report)).strip(), ""]
    body += ["", f"<sub>commit {code(told.head[:7])}, weighed from main's {code(told.main[:7])}{run}</sub>"]
    return joined(body)


def weighed_lines(outcome: str, notes: Sequence[str], *, reproduced: bool) -> list[str]:
    """Above the report of a model that main weighed."""
    lines = ["Weighed by main's code, policy and rows; what the branch's own run says of itself was not read."]
    if not reproduced:
        lines += ["", "**`reproduce` failed**: see its summary. What is weighed here is the model that its run made."]
    lines += ["", *(f"- {escaped(note)}" for note in notes)]
    if outcome == "INCONCLUSIVE":
        how = (
            "Neither harm nor its absence is shown. Bring more rows, or accept it: check this branch out, run "
            '`weighlock gate`, then `weighlock accept --reason "…"`, commit the file, and have an owner review it.'
        )
        lines += ["", how]
    return ["", *lines, *folded("What this verdict does not cover", [TRAINED])]


def own_lines(reasons: Sequence[str], own: str | None, own_reasons: Sequence[str], *, model: bool) -> list[str]:
    """A branch that changes how models are made or weighed."""
    shown = [f"- {code(r, 120)}" for r in reasons[:MOST]]
    shown += [f"- … and {len(reasons) - MOST} more"] if len(reasons) > MOST else []
    head = (
        "**Computed by this branch's own code.** It changes what models are made by or weighed by, so that main's code "
        "cannot weigh it; its owners decide."
    )
    lines = [head, *folded(f"{len(reasons)} changes that make it so", shown)]
    if own:
        lines += [f"Its own gate says **{own}**. That is information: a branch can say of itself what it likes."]
        lines += [f"- {escaped(reason)}" for reason in own_reasons]
    elif model:
        lines += ["Its own run handed over no verdict: see `reproduce`."]
    return lines


def behind_lines(reasons: Sequence[str]) -> list[str]:
    """A branch that began from an older model or policy than main's."""
    shown = ", ".join(code(r, 120) for r in reasons[:5])
    why = f"Main has changed since this branch began, in what models are made by or weighed by: {shown}."
    return [f"{why} Bring the branch up to date (`git merge main`, then `dvc repro`), and it is weighed."]
