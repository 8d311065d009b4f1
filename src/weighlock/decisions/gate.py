"""The gate: from comparisons and conditions to PASS, FAIL or INCONCLUSIVE.

PASS is an intersection–union test (Berger, 1982): every demand has to be shown by itself at its own confidence, so
that a challenger that is worse than a margin anywhere passes at most as often as 1 - its confidence, uncorrected.
FAIL is the union of many looks for harm. Its error is shared in halves, one for the demands and one for the vetoes,
each corrected by Holm (1979), so that a challenger that harms nowhere fails at most as often as 1 - `harm_confidence`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from weighlock.decisions.figures import figures_of
from weighlock.decisions.verdict import Check, Comparison, Condition, Demand, Outcome, Result, Verdict
from weighlock.statistics.multiple import holm
from weighlock.statistics.power import more_clusters

LEAST_UNITS = 10  # below this no spread between days or groups is known well enough to decide by


def decide(
    demands: Sequence[Demand],
    vetoes: Sequence[Comparison],
    conditions: Sequence[Condition],
    *,
    harm_confidence: float = 0.95,
    must_run: Collection[str] = (),
    unit: str = "day",
    days: int = 1,
) -> Verdict:
    """Weigh the evidence.

    Args:
        demands: the primary metric's, then the guards'; none where there is no champion (`bootstrap`).
        vetoes: slices, gaps between groups, perturbations: they fail where harm beyond their margin is shown.
        conditions: what holds or does not.
        harm_confidence: 1 - this is how often a challenger that harms nowhere may fail.
        must_run: names of conditions without which nothing passes.
        unit: what stands or falls together: day, group or row.
        days: how many units one cluster is made of (days a block).

    Raises:
        ValueError: nothing at all was looked at.
    """
    if not demands and not any(condition.holds is not None for condition in conditions):
        raise ValueError("no demand, and no condition that could be looked at: there is nothing to decide by")
    error = 1 - harm_confidence
    share = error / 2 if vetoes else error
    checks = [
        *_demanded(demands, share, unit, days),
        *_vetoed(vetoes, error / 2, unit),
        *(_condition(condition, must_run) for condition in conditions),
    ]
    outcome = _outcome(checks)
    return Verdict(outcome, not demands, _reasons(outcome, checks, bootstrap=not demands), tuple(checks))


def _outcome(checks: Sequence[Check]) -> Outcome:
    results = {check.result for check in checks if check.kind in {"primary", "guard", "condition"}}
    if "fail" in {check.result for check in checks}:
        return "FAIL"
    return "INCONCLUSIVE" if "inconclusive" in results else "PASS"


def _demanded(demands: Sequence[Demand], error: float, unit: str, days: int) -> list[Check]:
    harms = holm([demand.comparison.gain.p_below(0.0) for demand in demands])
    each = error / max(len(demands), 1)  # what the least p-value has to reach; others need less
    return [_demand(demand, float(harm), error, each, unit, days) for demand, harm in zip(demands, harms, strict=True)]


def _demand(demand: Demand, harm: float, error: float, each: float, unit: str, days: int) -> Check:
    comparison, gain = demand.comparison, demand.comparison.gain
    said = _said(comparison, demand.confidence)
    wanted = "better" if demand.superior else f"not worse than the margin of {comparison.margin:.4g}"
    more: int | None = None
    result: Result = "inconclusive"
    if gain.clusters < LEAST_UNITS:
        more = LEAST_UNITS - gain.clusters
        reason = f"{said}; {gain.clusters * days} {unit}s are too few to tell: it takes {more * days} more."
    elif gain.p_above(demand.border) <= 1 - demand.confidence:
        result, reason = "pass", f"{said}: shown to be {wanted}."
    elif harm <= error:
        result, reason = "fail", f"{said}: shown to be worse."
    else:
        more = more_clusters(
            gain, comparison.margin, demand.confidence, superior=demand.superior, harm_confidence=1 - each
        )
        hint = (
            f"no number of {unit}s would decide at this difference"
            if more is None
            else f"about {more * days:,} more {unit}s like these would decide"
        )
        reason = f"{said}: neither shown to be {wanted}, nor to be worse; {hint}."
    return Check(
        comparison.kind, comparison.name, result, reason, comparison, demand.confidence, demand.superior,
        p_harm=harm, more_units=None if more is None else more * days,
    )  # fmt: skip


def _vetoed(vetoes: Sequence[Comparison], error: float, unit: str) -> list[Check]:
    able = [veto.gain.clusters >= LEAST_UNITS for veto in vetoes]
    harms = iter(holm([v.gain.p_below(-v.margin) for v, can in zip(vetoes, able, strict=True) if can]))
    return [
        _veto(veto, float(next(harms)) if can else None, error, unit) for veto, can in zip(vetoes, able, strict=True)
    ]


def _veto(veto: Comparison, harm: float | None, error: float, unit: str) -> Check:
    if harm is None:
        reason = f"{veto.gain.clusters} {unit}s have rows of it; it takes {LEAST_UNITS} to tell."
        return Check(veto.kind, veto.name, "not run", reason, veto)
    said = _said(veto, 1 - error)
    if harm <= error:
        reason = f"{said}: shown to be worse by more than {veto.margin:.4g}."
        return Check(veto.kind, veto.name, "fail", reason, veto, 1 - error, p_harm=harm)
    reason = f"{said}: not shown to be worse by more than {veto.margin:.4g}."
    return Check(veto.kind, veto.name, "pass", reason, veto, 1 - error, p_harm=harm)


def _condition(condition: Condition, must_run: Collection[str]) -> Check:
    if condition.holds is not None:
        return Check("condition", condition.name, "pass" if condition.holds else "fail", condition.reason)
    if condition.name in must_run:
        reason = f"{condition.reason} `gate.must_run` asks for it."
        return Check("condition", condition.name, "inconclusive", reason)
    return Check("condition", condition.name, "not run", condition.reason)


def _reasons(outcome: Outcome, checks: Sequence[Check], *, bootstrap: bool) -> tuple[str, ...]:
    """Why: the checks that decided, each in a sentence."""
    deciding = {"FAIL": "fail", "INCONCLUSIVE": "inconclusive", "PASS": "pass"}[outcome]
    kinds = {"primary", "guard"} if outcome == "PASS" else {check.kind for check in checks}
    said = [f"{check.name}: {check.reason}" for check in checks if check.result == deciding and check.kind in kinds]
    if bootstrap and outcome == "PASS":
        return ("There is no champion: floors and data checks alone decided (`bootstrap`).",)
    return tuple(said)


def _said(comparison: Comparison, confidence: float) -> str:
    """Both values, and the difference with the interval whose ends are the one-sided bounds."""
    gain, figures = comparison.gain, figures_of(comparison)
    word = "better" if gain.value > 0 else "worse" if gain.value < 0 else "different"
    return (
        f"{figures.plain(comparison.challenger)} is {figures.plain(abs(gain.value))} {word} than the champion's "
        f"{figures.plain(comparison.champion)} "
        f"({figures.signed(gain.lower(confidence))} to {figures.signed(gain.upper(confidence))})"
    )
