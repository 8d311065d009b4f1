"""All findings of a fork, in the order in which one would mend them. Pure."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from weighlock.doctor.checks_github import check_clock, check_github, check_names, check_rules
from weighlock.doctor.checks_local import check_clone, check_data, check_machine

if TYPE_CHECKING:
    from weighlock.doctor.facts import Local, Remote
    from weighlock.doctor.finding import Finding


def examine(local: Local, remote: Remote, now: dt.datetime) -> tuple[Finding, ...]:
    """Judge what is known.

    Args:
        local: what the clone says.
        remote: what GitHub says.
        now: the present, aware.
    """
    return (
        *check_clone(local, now),
        *check_data(local),
        *check_github(local, remote),
        *check_rules(local, remote),
        *check_names(local, remote),
        *check_clock(local, remote),
        *check_machine(local),
    )
