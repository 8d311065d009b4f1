"""From looks at counters to what the judge is given: requests that failed and requests that were slow."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from weighlock.decisions.judge_verdict import Bracket, Counted, Latency
from weighlock.deployment.judge_counters import Look, Stretch, Totals, increase
from weighlock.statistics.sequential_odds import Strata
from weighlock.statistics.sequential_rates import quantile_bucket

if TYPE_CHECKING:
    from weighlock.deployment.judge_policy import JudgeParams

LEAST_HISTORY = 200  # requests of the stable version before its quantile is known well enough to be a border


@dataclass(frozen=True)
class Stretches:
    """What both variants did from look to look.

    Attributes:
        candidate, stable: by stretch; of a step without requests to the stable version, one each.
        before: the stable's totals before each stretch.
        together: whether both were asked in the same stretches.
    """

    candidate: tuple[Stretch, ...]
    stable: tuple[Stretch, ...]
    before: tuple[Totals, ...]
    together: bool

    @property
    def restarts(self) -> tuple[int, int]:
        """How often services of the candidate and of the stable version began anew."""
        return sum(s.restarts for s in self.candidate), sum(s.restarts for s in self.stable)

    @property
    def requests(self) -> int:
        """The candidate's."""
        return sum(stretch.totals.requests for stretch in self.candidate)


def stretches(looks: Sequence[Look], *, together: bool) -> Stretches:
    """What happened in the step of the last look.

    Args:
        looks: oldest first; those of earlier steps are before it.
        together: False: no requests go to the stable version in this step, and what it did before is taken.
    """
    step, stable = looks[-1].step, looks[-1].stable
    own = [look for look in looks if look.step == step]
    candidate = [increase(a.variants["candidate"], b.variants["candidate"]) for a, b in pairwise(own)]
    first = _sum(own[0].variants["stable"].values())
    if together:
        old = [increase(a.variants["stable"], b.variants["stable"]) for a, b in pairwise(own)]
        before = [first]
        for stretch in old[:-1]:
            before.append(_sum([before[-1], stretch.totals]))
        return Stretches(tuple(candidate), tuple(old), tuple(before[: len(old)]), together)
    earlier = [look for look in looks if look.stable == stable][: len(looks) - len(own) + 1]
    old = [increase(a.variants["stable"], b.variants["stable"]) for a, b in pairwise(earlier)]
    return Stretches((_whole(candidate),), (_whole(old),), (_whole(old).totals,), together)


def errors(found: Stretches, statuses: Sequence[str]) -> Counted:
    """Requests whose status is one of these."""

    def counted(part: Sequence[Stretch]) -> tuple[list[int], list[int]]:
        return [s.totals.requests for s in part], [s.totals.failed(statuses) for s in part]

    return Counted(_strata(counted(found.candidate), counted(found.stable)), found.together)


def latency(found: Stretches, params: JudgeParams) -> Latency | None:
    """Requests slower than the stable version's quantile was before each stretch; None: that is not known yet."""
    borders = [_border(totals, params) for totals in found.before]
    known = [place for place, border in enumerate(borders) if border is not None]
    if not known:
        return None

    def counted(part: Sequence[Stretch]) -> tuple[list[int], list[int]]:
        totals = [(part[place].totals, borders[place] or 0) for place in known]
        return [sum(t.buckets) for t, _ in totals], [sum(t.buckets[border + 1 :]) for t, border in totals]

    border = borders[known[-1]] or 0
    # all buckets are of one version of the service, else the stretch would not be known
    return Latency(
        Counted(_strata(counted(found.candidate), counted(found.stable)), found.together),
        _bracket(found.candidate, params),
        _bracket(found.stable, params),
        found.before[known[-1]].edges[border],
    )


def _border(before: Totals, params: JudgeParams) -> int | None:
    """The number of the bucket whose upper border is the stable's quantile, or what is fast enough anyway."""
    counts = np.array(before.buckets)
    fast = np.array(before.edges) >= params.latency.fast_enough_ms / 1000 - 1e-12
    reached = np.cumsum(counts)[:-1] >= params.latency.quantile * counts.sum()
    if counts.sum() < LEAST_HISTORY:
        if not params.latency.fast_enough_ms:
            return None
        reached[:] = True  # until the quantile is known, slow is what is not fast enough
    both = reached & fast
    return int(both.argmax()) if both.any() else len(both) - 1


def _bracket(part: Sequence[Stretch], params: JudgeParams) -> Bracket:
    totals = _whole(part).totals
    if not sum(totals.buckets):
        return Bracket(0.0, math.inf)
    low, high = quantile_bucket(np.array(totals.buckets), params.latency.quantile, params.alpha)
    edges = (0.0, *totals.edges, math.inf)
    return Bracket(edges[low], edges[high + 1])


def _whole(part: Sequence[Stretch]) -> Stretch:
    return Stretch(_sum([stretch.totals for stretch in part]), sum(stretch.restarts for stretch in part))


def _sum(parts: Iterable[Totals]) -> Totals:
    return increase({}, {str(place): part for place, part in enumerate(parts)}).totals


def _strata(candidate: tuple[list[int], list[int]], stable: tuple[list[int], list[int]]) -> Strata:
    return Strata(*(np.array(counts, dtype=np.int64) for counts in (*candidate, *stable)))
