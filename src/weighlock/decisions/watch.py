"""The watch: from what a window of production shows to OK, WARN, RETRAIN, BROKEN or UNKNOWN.

A window without any drift, fault or loss is called one at most as often as `false_alarms`, which the looks share: half
for drift, a tenth for faults, whose fences hardly hang on it, the rest for performance. Inside each share the looks are
corrected for their number.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from weighlock.decisions import trigger
from weighlock.statistics.drift_units import conversion_of
from weighlock.statistics.multiple import holm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weighlock.statistics.drift import Drift
    from weighlock.statistics.drift_faults import Fault
    from weighlock.statistics.paired import Estimate

Outcome = Literal["OK", "WARN", "RETRAIN", "BROKEN", "UNKNOWN"]
EXIT_CODES: dict[Outcome, int] = {"OK": 0, "WARN": 0, "RETRAIN": 3, "BROKEN": 5, "UNKNOWN": 4}
SHARES = {"drift": 0.5, "faults": 0.1, "performance": 0.4}
SCORE = "(score)"
LEAST_DAYS = 5


@dataclass(frozen=True)
class Rules:
    """`params.yaml: watch`, as far as it decides.

    Attributes:
        false_alarms: how often a window without anything may get WARN, RETRAIN or BROKEN.
        important: a feature's share of all importance from which on its drift counts.
        margin: the gain in the primary metric that a retraining has to promise.
        trigger: its age and cooldown.
    """

    false_alarms: float
    important: float
    margin: float
    trigger: trigger.Rules


@dataclass(frozen=True)
class Gain:
    """What a model that knows more would gain on labelled rows.

    Attributes:
        name: the feature that a correction goes by; empty: the champion's own recipe, trained up to these rows.
        estimate: of the gain, paired, days being the unit.
    """

    name: str
    estimate: Estimate


@dataclass(frozen=True)
class Evidence:
    """What was seen of a window.

    Attributes:
        days: of the window, in order.
        rows: of each day.
        expected: days on which the reference's same weekdays had rows, so that none is a fault.
        faults: of features.
        drifts: of features and scores; None: too few days to tell.
        too_few: why there are none, in words.
        before: the drifts of the window before; None where that could not be looked at.
        importance: each feature's share of all importance; None where that is not known: then all count.
        gains: a retraining's, and corrections' by feature; none where labels are too few.
        standing: of retrainings.
        notes: what a reader should know, without effect.
    """

    days: tuple[dt.date, ...]
    rows: tuple[int, ...]
    expected: tuple[bool, ...]
    faults: tuple[Fault, ...] = ()
    drifts: tuple[Drift, ...] | None = None
    too_few: str = ""
    before: tuple[Drift, ...] | None = None
    importance: Mapping[str, float] | None = None
    gains: tuple[Gain, ...] = ()
    standing: trigger.Standing = field(default_factory=trigger.Standing)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What the watch says.

    Attributes:
        reasons: in words, those that decided first.
        notes: what was seen and does not count.
        retrain: the trigger's decision.
    """

    outcome: Outcome
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    retrain: trigger.Decision


def decide(evidence: Evidence, rules: Rules) -> Verdict:
    """Weigh the evidence: BROKEN before RETRAIN before WARN before UNKNOWN before OK."""
    days = (*evidence.days, evidence.days[-1] + dt.timedelta(days=1))  # the last is under way
    broken = (*_silent(evidence), *(told_fault(fault, days) for fault in evidence.faults))
    drifted = [drift for drift in evidence.drifts or () if drift.drifted]
    counted = [drift for drift in drifted if counts(drift.column, evidence, rules)]
    twice = _twice(counted, evidence.before or ())
    performance = _shown(evidence, rules)
    signs = trigger.Signs(broken, performance, twice)
    decision = trigger.decide(signs, evidence.standing, rules.trigger)
    notes = tuple(told_drift(drift) + ": the model makes little of it" for drift in drifted if drift not in counted)
    warnings = tuple(map(told_drift, counted))
    held = (f"a retraining is due ({'; '.join(decision.reasons)}), but {decision.held}",) if decision.held else ()
    outcome: Outcome
    if broken:
        outcome, reasons = "BROKEN", broken + warnings
    elif decision.retrain:
        outcome, reasons = "RETRAIN", decision.reasons + warnings
    elif warnings or held:
        outcome, reasons = "WARN", warnings + held
    elif evidence.drifts is None:
        outcome, reasons = "UNKNOWN", (evidence.too_few,)
    else:
        outcome, reasons = "OK", ("nothing has drifted beyond chance, no feed is broken, no retraining is due",)
    return Verdict(outcome, tuple(dict.fromkeys(reasons)), (*notes, *evidence.notes), decision)


def counts(column: str, evidence: Evidence, rules: Rules) -> bool:
    """Whether a column's drift is more than a note: a score's, or that of a feature that the model makes much of."""
    return column.startswith(SCORE) or important(column, evidence.importance, rules.important)


def important(feature: str, importance: Mapping[str, float] | None, least: float) -> bool:
    """Whether the model makes much of a feature; where that is not known, it may."""
    return importance is None or importance.get(feature, 0.0) >= least


def told_fault(fault: Fault, days: Sequence[dt.date]) -> str:
    """A fault in a sentence."""
    first = days[fault.days[0]]
    since = f"on {first}" if len(fault.days) == 1 else f"since {first}"
    share = f"{fault.found:.1%}" if fault.found < 1 else "all"
    return {
        "type": f"`{fault.column}`: {share} of a day's values are not of its type, {since}",
        "range": f"`{fault.column}`: {share} of a day's values are out of its range, {since}",
        "nulls": f"`{fault.column}`: {share} of its values are missing {since}; at most {fault.usual:.1%} were before",
        "unseen": f"`{fault.column}`: {share} of a day's values are categories that the model does not know, {since}",
        "constant": f"`{fault.column}` is stuck at {fault.value} {since}",
        "jump": f"`{fault.column}`: its daily mean leapt from {fault.usual:.4g} to {fault.found:.4g} on {first}, "
        f"farther than it ever did from one day to the next: a sensor or its unit{_unit(fault.usual, fault.found)}",
        "unit": f"`{fault.column}`: its daily mean is {fault.found:.4g} {since}, where the other columns foretell "
        f"{fault.usual:.4g}: its unit ({fault.value}?)",
    }[fault.kind]


def told_drift(drift: Drift) -> str:
    """A drift in a sentence."""
    how = {
        "shift": f"moved by {drift.effect:.2f} standard deviations beyond chance",
        "mix": f"is mixed otherwise: {drift.effect:.2f} of Jensen and Shannon's distance beyond chance",
        "nulls": f"has {drift.effect:.1%} more or fewer missing values than by chance",
    }[drift.measure]
    name = "the prediction" if drift.column.startswith(SCORE) else f"`{drift.column}`"
    return f"{name} {how}"


def _silent(evidence: Evidence) -> tuple[str, ...]:
    empty = [
        day for day, rows, expected in zip(evidence.days, evidence.rows, evidence.expected, strict=True)
        if expected and not rows
    ]  # fmt: skip
    if not empty:
        return ()
    if len(empty) == len(evidence.days):
        return (f"no prediction was logged in the whole window, {empty[0]} to {empty[-1]}",)
    return (f"no prediction was logged on {', '.join(map(str, empty))}",)


def _twice(drifted: Sequence[Drift], before: Sequence[Drift]) -> tuple[str, ...]:
    earlier = {drift.column for drift in before if drift.drifted}
    found = [d.column for d in drifted if d.column in earlier and not d.column.startswith(SCORE)]
    return tuple(dict.fromkeys(found))


def _shown(evidence: Evidence, rules: Rules) -> tuple[str, ...]:
    """The gains that speak for a retraining: a third of the error for the twin, if there is one, else for corrections.

    The twin's has to be shown to be beyond the margin. Corrections only stand in for a retraining that could have
    seen what they have seen; they have to be shown to gain at all, and the margin at the best guess, as drifts are
    held against chance and a floor. They are many looks, by the features that the model lives by: Holm (1979).
    """
    share = rules.false_alarms * SHARES["performance"]
    twins = [gain for gain in evidence.gains if not gain.name]
    error = share / 3 if twins else 0.0
    corrections = [gain for gain in evidence.gains if gain.name and counts(gain.name, evidence, rules)]
    adjusted = holm([gain.estimate.p_above(0.0) for gain in corrections])
    told = [
        f"the same recipe, trained up to the last {gain.estimate.clusters} days with labels, would lose "
        f"{gain.estimate.value:.4f} less on them "
        f"(at least {gain.estimate.lower(1 - error):.4f}; the margin is {rules.margin:g})"
        for gain in twins
        if gain.estimate.p_above(rules.margin) <= error
    ]
    shown = [
        gain
        for gain, p in zip(corrections, adjusted, strict=True)
        if p <= share - error and gain.estimate.value >= rules.margin
    ]
    if shown:
        best = max(shown, key=lambda gain: gain.estimate.value)
        told.append(
            f"what `{best.name}` means for the outcome has changed: correcting the scores by it, as learnt on other "
            f"days, gains {best.estimate.value:.4f} (the margin is {rules.margin:g})"
        )
    return tuple(told)


def _unit(before: float, after: float) -> str:
    name = conversion_of(before, after)
    return f" ({name}?)" if name else ""
