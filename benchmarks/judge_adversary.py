"""Looks whose time hangs on what has just happened: an alert that asks the judge, or someone who waits for bad luck.

A stretch between two looks is told from its totals as if its end had been set beforehand. A timer does that. Here equal
variants are judged by looks that do not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from weighlock.decisions.judge_verdict import Rules
from weighlock.statistics.sequential import enough
from weighlock.statistics.sequential_odds import (
    LEAST,
    Strata,
    log_evidence,
    log_evidence_below,
    log_likelihoods,
)

Flags = NDArray[np.bool_]
REQUESTS, WEIGHT, ERRORS = 20_000, 0.1, 0.01
LONGEST = 3_000  # requests after which even the patient look


def after_failures(new: Flags, failed: Flags) -> list[int]:
    """A look right after each request of the candidate that fails."""
    return (np.flatnonzero(new & failed) + 1).tolist()


def after_bad_streaks(new: Flags, failed: Flags) -> list[int]:
    """A look as soon as the candidate fails twice as often as the stable version since the last one."""
    ends: list[int] = []
    asked, bad = [0, 0], [0, 0]
    for place, (variant, fails) in enumerate(zip(new.tolist(), failed.tolist(), strict=True), 1):
        asked[variant] += 1
        bad[variant] += fails
        streak = bad[1] >= 2 and bad[1] * asked[0] > 2 * bad[0] * asked[1]
        if min(asked) >= LEAST and (streak or sum(asked) >= LONGEST):
            ends.append(place)
            asked, bad = [0, 0], [0, 0]
    return ends


LOOKS = {
    "right after each failure of the candidate": after_failures,
    "as soon as it has failed twice as often since the last": after_bad_streaks,
}


def told_apart(rules: Rules, which: str, seed: int) -> tuple[bool, bool]:
    """Whether equal variants are ever told apart by their errors, with such looks: worse, better."""
    random = np.random.default_rng(seed)
    new, failed = random.random(REQUESTS) < WEIGHT, random.random(REQUESTS) < ERRORS
    ends = np.array(LOOKS[which](new, failed), dtype=np.int64)
    if not len(ends):
        return False, False

    def counted(what: Flags) -> NDArray[np.int64]:
        return np.diff(np.concatenate([[0], np.cumsum(what)])[ends], prepend=0)

    strata = Strata(counted(new), counted(new & failed), counted(~new), counted(~new & failed)).merged()
    sums = np.cumsum(log_likelihoods(strata), axis=0)
    level = enough(rules.alpha * rules.split["error_rate"])
    return bool((log_evidence(sums) >= level).any()), bool((log_evidence_below(sums) >= level).any())
