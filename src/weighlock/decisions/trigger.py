"""The trigger: when to retrain. A pure function of what the watch has found and of what is under way already."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True)
class Rules:
    """`watch.max_age` and `watch.cooldown`; without a limit of age, None."""

    max_age: dt.timedelta | None
    cooldown: dt.timedelta


@dataclass(frozen=True)
class Standing:
    """What is known beside the window.

    Attributes:
        age: since the newest row that the model was trained on; None where that is not known.
        since_retraining: since the last retraining was begun; None where there was none.
        request_open: whether a retraining's pull request waits for an answer.
    """

    age: dt.timedelta | None = None
    since_retraining: dt.timedelta | None = None
    request_open: bool = False


@dataclass(frozen=True)
class Signs:
    """What speaks for a retraining, each in words; empty where nothing does.

    Attributes:
        broken: faults of the data, on which nothing may be trained.
        performance: that a retraining is shown to help.
        drifted: important features that drifted in this window and in the one before.
    """

    broken: tuple[str, ...] = ()
    performance: tuple[str, ...] = ()
    drifted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decision:
    """Whether to retrain, why, and what holds it back where there are reasons but it may not be."""

    retrain: bool
    reasons: tuple[str, ...]
    held: str | None = None


def decide(signs: Signs, standing: Standing, rules: Rules) -> Decision:
    """Retrain where there is a reason, nothing is broken, none is open, and the last one is long enough ago."""
    reasons = [*signs.performance]
    if signs.drifted:
        reasons.append(f"{_listed(signs.drifted)} drifted in this window and in the one before")
    if rules.max_age is not None and standing.age is not None and standing.age > rules.max_age:
        reasons.append(f"the model saw its newest row {standing.age.days} days ago, the limit is {rules.max_age.days}")
    if not reasons:
        return Decision(retrain=False, reasons=())
    held = _held(signs, standing, rules)
    return Decision(held is None, tuple(reasons), held)


def _held(signs: Signs, standing: Standing, rules: Rules) -> str | None:
    if signs.broken:
        return "the data are broken, and nothing is trained on broken data"
    if standing.request_open:
        return "a retraining's pull request is open"
    since = standing.since_retraining
    if since is not None and since < rules.cooldown:
        return f"the last retraining was {_length(since)} ago, and `watch.cooldown` is {_length(rules.cooldown)}"
    return None


def _length(time: dt.timedelta) -> str:
    return f"{time.days}d" if time >= dt.timedelta(days=1) else f"{int(time.total_seconds() // 3600)}h"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
