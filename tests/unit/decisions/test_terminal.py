"""What the command prints: short, in columns, and deaf to control characters."""

from __future__ import annotations

from shown import HOSTILE, check, condition, context, everything, verdict

from weighlock.decisions.report import lead
from weighlock.decisions.terminal import lines


def test_a_pass_in_a_few_lines() -> None:
    found = verdict(check(), check("guard", "roc_auc"), condition("parity", "not run"))

    printed = lines(found, context(warnings=()), "reports/gate/gate.md")

    assert printed == [
        "PASS",
        f"models/weighed against v7. {lead(found, context())}",
        "  - log_loss was looked at.",
        "",
        "         metric      champion  challenger     gain            interval  margin  outcome",
        "primary  log_loss ↓    0.4512      0.4488  +0.0024  -0.0046 to +0.0094   -0.02  pass",
        "guard    roc_auc ↑     0.4512      0.4488  +0.0024  -0.0046 to +0.0094   -0.02  pass",
        "",
        "1 condition: 1 not run",
        "See reports/gate/gate.md",
    ]


def test_an_inconclusive_gives_every_reason_and_warning() -> None:
    found = verdict(
        check(result="inconclusive", more_units=4), condition("lock", "inconclusive"), outcome="INCONCLUSIVE"
    )

    printed = lines(found, context(accepted="It was a short month."))

    assert printed[0] == "INCONCLUSIVE, accepted: It was a short month."
    assert "About 4 more days like these would decide." in printed[1]
    assert printed[2:5] == ["  - log_loss was looked at.", "  - It was looked at.", "  warning: Mind this."]


def test_no_text_can_steer_the_terminal_or_flood_it() -> None:
    printed = lines(*everything(HOSTILE, 20))

    assert not any(character in line for line in printed for character in "\x1b\n\r\u202e")
    assert len(printed) < 100
    assert "  - … and 12 more" in printed
