"""What a look tells Prometheus: `weighlock watch --metrics FILE`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighlock.monitoring.exposition import Watched
from weighlock.monitoring.profile import SCORE

if TYPE_CHECKING:
    import datetime as dt

    from weighlock.statistics.drift import Drift
    from weighlock.watching.look import Look


def told(look: Look, environment: str, at: dt.datetime, lag: dt.timedelta | None) -> Watched:
    """A look as the exposition takes it.

    Args:
        look: it.
        environment: whose predictions were watched.
        at: when, with its zone.
        lag: the age of the newest prediction whose outcome is known; None: no outcomes are expected.
    """
    evidence = look.evidence
    drift: dict[str, float] = {}
    for one in evidence.drifts or ():
        name = f"prediction {one.column[len(SCORE) :]}".rstrip() if one.column.startswith(SCORE) else one.column
        drift[name] = max(ratio(one), drift.get(name, 0.0))
    return Watched(environment, look.verdict.outcome, at, sum(evidence.rows), lag, drift)


def ratio(drift: Drift) -> float:
    """How near a measure comes to being called drift, which takes both: beyond chance, and above the floor."""
    beyond = max(drift.score, 0.0) / drift.limit
    return min(beyond, drift.effect / drift.floor) if drift.floor > 0 else beyond
