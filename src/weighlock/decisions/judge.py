"""The judge of a rollout: from what both variants did to ADVANCE, HOLD or ROLLBACK, at any time, as often as one likes.

ROLLBACK is a union of looks for harm: each figure gets its share of alpha, and its statistic is always valid, so that a
candidate that is no worse is ever rolled back, at any look of a step, with a probability of at most alpha. The same
holds for "better". ADVANCE is an intersection: every figure that must be shown is shown by itself, at all of alpha.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from weighlock.decisions.judge_verdict import (
    NAMES,
    Check,
    Counted,
    Evidence,
    Judgement,
    Name,
    Outcome,
    Result,
    Rules,
    Samples,
)
from weighlock.decisions.judge_words import duration, said_counted, said_distance, said_loss, verdict_of
from weighlock.statistics.sequential import enough
from weighlock.statistics.sequential_cdf import band, distance, distance_bounds
from weighlock.statistics.sequential_means import Means, boundary, difference, means, paired
from weighlock.statistics.sequential_odds import log_evidence, log_evidence_below, log_likelihoods, odds_bounds
from weighlock.statistics.sequential_rates import difference_bounds, log_evidence_difference

MOST_MORE = 100.0


def judge(evidence: Evidence, rules: Rules) -> Judgement:
    """Decide.

    Raises:
        ValueError: counts or values are impossible ones.
    """
    checks = tuple(_check(name, evidence, rules) for name in NAMES)
    outcome, reasons = _outcome(checks, evidence, rules)
    return Judgement(outcome, reasons, checks, evidence.requests, evidence.held)


def _outcome(checks: Sequence[Check], evidence: Evidence, rules: Rules) -> tuple[Outcome, tuple[str, ...]]:
    worse = [check.reason for check in checks if check.result == "worse"]
    if worse:
        return "ROLLBACK", tuple(worse)
    lacking = [check for check in checks if check.name in rules.must_show and check.result != "fine"]
    reasons = list(dict.fromkeys(check.reason for check in lacking))
    if evidence.requests < rules.min_requests:
        few = f"{evidence.requests:,} requests of the candidate; `min_requests` asks for {rules.min_requests:,}."
        reasons.insert(0, few)
    if not reasons:
        return "ADVANCE", tuple(check.reason for check in checks if check.result == "fine")
    if rules.max_hold is None or evidence.held < rules.max_hold:
        return "HOLD", tuple(reasons)
    end = f"Held for {duration(evidence.held)}, and `max_hold` is {duration(rules.max_hold)}"
    unseen = any(check.result == "not run" for check in lacking) or evidence.requests < rules.min_requests
    if rules.on_max_hold == "ADVANCE" and unseen:
        said = f"{end}: `on_max_hold` would advance it, but what has not been looked at does not pass."
        return "ROLLBACK", (said, *reasons)
    return rules.on_max_hold, (f"{end}: {rules.on_max_hold}, as `on_max_hold` says.", *reasons)


def _check(name: Name, evidence: Evidence, rules: Rules) -> Check:
    if name == "error_rate" and evidence.errors is not None:
        return _counted(name, evidence.errors, rules, "failed")
    if name == "latency" and evidence.latency is not None:
        slow = evidence.latency
        return _counted(name, slow.slow, rules, f"took longer than {1000 * slow.border:g} ms")
    if name == "score" and evidence.scores:
        return _scores(evidence, rules)
    if name == "loss" and evidence.loss is not None:
        return _loss(evidence.loss, evidence, rules)
    return Check(name, "not run", evidence.missing.get(name, "Nothing is known of it."), margin=rules.margin[name])


def _counted(name: Name, counted: Counted, rules: Rules, what: str) -> Check:
    share, margin, harm = rules.alpha * rules.split[name], rules.margin[name], rules.harm[name]
    n1, k1, n0, k0 = counted.strata.totals()
    if not (n1 and n0):
        idle = "candidate" if not n1 else "stable version"
        return Check(name, "not run", f"The {idle} had no requests between two looks.", margin=margin, units=(n1, n0))
    clump = rules.clump[name]
    clumps = (n1 / clump, k1 / clump, n0 / clump, k0 / clump)
    if counted.together:
        worse, better, lower, upper = _odds(counted, clump, share, harm)
    else:
        # not asked at the same time, a little worse proves nothing: harm is what exceeds the margin
        lower, upper = difference_bounds(*clumps, share)
        worse, better = lower > margin, upper < 0
    ceiling = difference_bounds(*clumps, rules.alpha)[1]
    result = _result(worse=worse, fine=ceiling < margin)

    def shown(times: float) -> bool:
        asked, yes, asked_stable, yes_stable = np.array(clumps)[:, None] * times
        found = log_evidence_difference(asked, yes, asked_stable, yes_stable, margin)
        return bool(found[0] >= enough(rules.alpha))

    check = Check(
        name, result, "", better, k1 / n1, k0 / n0, "odds" if counted.together else "difference", _finite(lower),
        _finite(upper), ceiling, margin, share, (n1, n0), _more(shown) if result == "open" else None,
    )  # fmt: skip
    return _told(check, said_counted(check, what, earlier=not counted.together), harm)


def _odds(counted: Counted, clump: float, share: float, harm: float) -> tuple[bool, bool, float, float]:
    # a likelihood to the power of 1 / clump is a test martingale still where up to so many stand or fall together
    likelihoods = log_likelihoods(counted.strata.merged()).sum(axis=0) / clump
    level = enough(share)
    worse = bool(log_evidence(likelihoods, float(np.log(harm))) >= level)
    better = bool(log_evidence_below(likelihoods) >= level)
    lower, upper = odds_bounds(likelihoods, share)
    return worse, better, float(np.exp(lower)), float(np.exp(upper))


def _scores(evidence: Evidence, rules: Rules) -> Check:
    found = [_score(label, samples, rules, len(evidence.scores)) for label, samples in evidence.scores.items()]
    order: dict[Result, int] = {"worse": 0, "open": 1, "not run": 2, "fine": 3}
    return min(found, key=lambda check: (order[check.result], -(check.ceiling or 0.0)))


def _score(label: str, samples: Samples, rules: Rules, classes: int) -> Check:
    n1, n0 = len(samples.candidate), len(samples.stable)
    margin = rules.paired_margin if samples.paired else rules.margin["score"]
    if not min(n1, n0):
        return Check("score", "not run", "Not both variants have logged scores.", margin=margin, units=(n1, n0))
    share = rules.alpha * rules.split["score"] / classes
    if samples.paired:
        change = np.abs(samples.candidate - samples.stable)
        seen, lower, upper = (float(part[0]) for part in _of(means(change, share)))
        ceiling = float(means(change, rules.alpha).upper[0])
    else:
        seen = distance(samples.candidate, samples.stable)
        lower, upper = distance_bounds(samples.candidate, samples.stable, share)
        ceiling = distance_bounds(samples.candidate, samples.stable, rules.alpha)[1]
    result = _result(worse=lower > margin, fine=ceiling < margin)

    def shown(times: float) -> bool:
        if samples.paired:
            squares = float(((change - seen) ** 2).sum()) * times
            return bool(seen + boundary(np.array([squares]), rules.alpha)[0] / (n1 * times) < margin)
        counts = np.array([n1 * times, n0 * times], dtype=np.int64)
        return bool(seen + band(counts, rules.alpha / 2).sum() < margin)

    check = Check(
        "score", result, "", False, None, None, "distance", lower, upper, ceiling, margin, share, (n1, n0),
        _more(shown) if result == "open" else None,
    )  # fmt: skip
    return _told(check, said_distance(check, seen, label, samples), margin)


def _loss(samples: Samples, evidence: Evidence, rules: Rules) -> Check:
    n1, n0 = len(samples.candidate), len(samples.stable)
    share, unit = rules.alpha * rules.split["loss"], evidence.loss_unit
    margin, harm = rules.margin["loss"], rules.harm["loss"]
    if not min(n1, n0):
        return Check("loss", "not run", "No labels have come for both variants yet.", margin=margin, units=(n1, n0))

    def compared(alpha: float) -> Means:
        if samples.paired:
            return paired(samples.candidate, samples.stable, alpha)
        return difference(means(samples.candidate, alpha / 2), means(samples.stable, alpha / 2))

    gap, lower, upper = (float(part[0]) * unit for part in _of(compared(share)))
    ceiling = float(compared(rules.alpha).upper[0]) * unit
    result = _result(worse=lower > harm, fine=ceiling < margin)

    def shown(times: float) -> bool:
        # bounds shrink about as the root of what they are computed from grows
        return bool(gap + (ceiling - gap) / times**0.5 < margin)

    mean = float(samples.candidate.mean() * unit), float(samples.stable.mean() * unit)
    check = Check(
        "loss", result, "", upper < 0, *mean, "difference", lower, upper, ceiling, margin, share, (n1, n0),
        _more(shown) if result == "open" else None,
    )  # fmt: skip
    return _told(check, said_loss(check, evidence.loss_name, samples), harm)


def _result(*, worse: bool, fine: bool) -> Result:
    """What is shown to stay below its margin is fine, even where it is shown to be a little worse."""
    return "fine" if fine else "worse" if worse else "open"


def _told(check: Check, said: str, harm: float) -> Check:
    return Check(**{**vars(check), "reason": f"{said}: {verdict_of(check, harm)}"})


def _of(found: Means) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return found.mean, found.lower, found.upper


def _finite(value: float) -> float | None:
    return value if 0 < abs(value) < np.inf or value == 0 else None


def _more(shown: Callable[[float], bool]) -> float | None:
    times = 1.25
    while times <= MOST_MORE:
        if shown(times):
            return times
        times *= 1.25
    return None
