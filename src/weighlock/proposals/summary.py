"""The summary of a branch's own run, for the run's page. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighlock.decisions.markdown import code, escaped, folded, joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from weighlock.proposals.changes import Changes
    from weighlock.proposals.reproduce import Reproduced

HEAD = {
    "unchanged": "No model changed ✅",
    "identical": "Reproduced ✅",
    "equivalent": "Reproduced, within the tolerance ✅",
    "different": "`dvc.lock` is not what `dvc repro` gives ❌",
}
MOST_LINES = 200
HEADING = 2  # lines of a table without rows


def summary_of(changes: Changes, found: Reproduced, tables: Iterable[tuple[str, str]], pictures: Sequence[str]) -> str:
    """The summary, as Markdown; tables are DVC's, whose values are anyone's."""
    lines = [f"## {HEAD[found.outcome]}", "", *(f"- {escaped(reason)}" for reason in found.reasons)]
    if found.outcome == "different":
        right = (
            "The right `dvc.lock` is in the artifact `proposal`. Put it and the reports beside it into your branch, or "
            "run `dvc repro` and commit what it changes."
        )
        lines += ["", right]
    lines += [f"- {escaped(note)}" for note in found.notes]
    if found.outcome == "unchanged":
        return joined(lines)
    ran = ", ".join(code(stage) for stage in found.ran) or "none: everything was known"
    lines += ["", f"Stages that ran: {ran}"]
    for title, text in tables:
        rows = text.strip().splitlines()
        shown = [*rows[:MOST_LINES], *(["", f"… and {len(rows) - MOST_LINES} more"] if len(rows) > MOST_LINES else [])]
        lines += ["", f"### {title}", "", *(shown if len(rows) > HEADING else ["Nothing changed."])]
    own = f"**{found.verdict}**" if found.verdict else "nothing to say: see the log"
    lines += ["", "### The branch's own gate", "", f"It says {own}. What counts is `weighlock/gate`, by main's code."]
    if pictures:
        lines += folded(f"{len(pictures)} pictures in the artifact `proposal`", [f"- {code(p)}" for p in pictures])
    if changes.kind == "own":
        shown = [f"- {code(reason, 120)}" for reason in changes.reasons[:30]]
        lines += folded(f"{len(changes.reasons)} changes that main's code cannot weigh", shown)
    return joined(lines)
