"""Simulated rollouts whose truth is known, and what the judge says at every look of one, all looks at once.

Requests come from entities that return, some of them often; an entity stays with its variant. The judge's own
statistics are applied to what was known at each look; `look_at` gives one look's evidence as the judge itself takes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from weighlock.decisions.judge_verdict import Bracket, Counted, Evidence, Latency, Rules, Samples
from weighlock.statistics.sequential import enough
from weighlock.statistics.sequential_cdf import band
from weighlock.statistics.sequential_means import Means, difference, means
from weighlock.statistics.sequential_odds import Strata, log_evidence, log_evidence_below, log_likelihoods
from weighlock.statistics.sequential_rates import log_evidence_difference

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]
EVERY = 50
EDGES = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # of the service
ENTITIES = 8_000
HISTORY = 5_000  # requests of the stable version before the step


@dataclass(frozen=True)
class World:
    """What the candidate does; the stable version is the same with `times` 1.

    Attributes:
        requests: of both.
        weight: the share of the entities that are the candidate's.
        errors: the share of requests that fail.
        times: how many times as many of the candidate's do.
        outage: the share of requests during an outage behind both variants, in which a third fails.
        labelled: the share of rows whose truth comes, a while later.
        tries: how often in a row a client asks that is refused: its failures come together.
    """

    requests: int = 20_000
    weight: float = 0.1
    errors: float = 0.01
    times: float = 1.0
    outage: float = 0.0
    labelled: float = 0.5
    tries: int = 1


@dataclass(frozen=True)
class Rollout:
    """One simulated step; arrays (n,) by request, in order.

    Attributes:
        new: whether the candidate answered.
        failed: whether it failed.
        seconds: how long it took.
        score: of the row.
        loss: its Brier score.
        told: after how many requests its truth is known; more than there are: never.
        first: whether it is its entity's first.
        border: (looks,) seconds above which a request of the stretch is slow.
    """

    new: Flags
    failed: Flags
    seconds: Floats
    score: Floats
    loss: Floats
    told: Counts
    first: Flags
    border: Floats

    def strata(self, what: Flags) -> Strata:
        """Requests and what happened, from look to look."""

        def counts(chosen: Flags) -> Counts:
            return np.asarray(chosen.reshape(-1, EVERY).sum(axis=1), dtype=np.int64)

        return Strata(counts(self.new), counts(self.new & what), counts(~self.new), counts(~self.new & what))

    @property
    def slow(self) -> Flags:
        """Which requests took longer than the border of their stretch."""
        return np.asarray(self.seconds > np.repeat(self.border, EVERY))


@dataclass(frozen=True)
class Said:
    """What the judge says at each look, (looks,): whether a figure is worse, fine or better, by figure."""

    worse: dict[str, Flags] = field(default_factory=dict)
    fine: dict[str, Flags] = field(default_factory=dict)
    better: dict[str, Flags] = field(default_factory=dict)

    @property
    def rollback(self) -> Flags:
        """At which looks."""
        return np.asarray(np.any([self.worse[name] & ~self.fine[name] for name in self.worse], axis=0))

    @property
    def called_better(self) -> Flags:
        """At which looks, in any figure."""
        return np.asarray(np.any(list(self.better.values()), axis=0))


def simulate(random: np.random.Generator, world: World) -> Rollout:
    """One rollout."""
    n = world.requests
    popularity = random.pareto(1.5, ENTITIES) + 0.2
    entity = random.choice(ENTITIES, n, p=popularity / popularity.sum())
    of_candidate = random.random(ENTITIES) < world.weight
    new = of_candidate[entity]
    rate = np.full(n, world.errors)
    if world.outage:
        start = random.integers(0, int(n * (1 - world.outage)))
        rate[start : start + int(n * world.outage)] = 1 / 3
    failed = random.random(n) * world.tries < np.where(new, np.minimum(rate * world.times, 1.0), rate)
    for _ in range(world.tries - 1):
        again = np.flatnonzero(failed[:-1]) + 1
        entity[again] = entity[again - 1]
        failed[again] = True
    new = of_candidate[entity]
    seconds = random.lognormal(np.log(0.006), 0.6, n + HISTORY)
    logit = random.normal(-1.5, 0.8, ENTITIES)[entity] + random.normal(0, 0.4, n)
    score = 1 / (1 + np.exp(-logit))
    truth = random.random(n) < score
    told = np.where(random.random(n) < world.labelled, np.arange(n) + random.integers(1, 4_000, n), 2 * n + 4_000)
    first = np.zeros(n, dtype=bool)
    first[np.unique(entity, return_index=True)[1]] = True
    border = _borders(seconds[:HISTORY], seconds[HISTORY:], new)
    return Rollout(new, failed, seconds[HISTORY:], score, (score - truth) ** 2, told, first, border)


def look_at(rollout: Rollout, look: int) -> Evidence:
    """What is known at a look, from 0 on, as the judge takes it."""
    until = (look + 1) * EVERY
    seen = replace(rollout, **{name: getattr(rollout, name)[:until] for name in
                               ("new", "failed", "seconds", "score", "loss", "told", "first")},
                   border=rollout.border[: look + 1])  # fmt: skip
    unknown = Bracket(0.0, np.inf)
    new, first = seen.new, seen.first
    order, labelled = _told(rollout)
    known = order[rollout.told[order] < until]
    known = known[labelled[known] & rollout.first[known]]
    loss = Samples(rollout.loss[known[rollout.new[known]]], rollout.loss[known[~rollout.new[known]]])
    return Evidence(
        int(new.sum()), 0.0, Counted(seen.strata(seen.failed)),
        Latency(Counted(seen.strata(seen.slow)), unknown, unknown, float(seen.border[-1])),
        {"": Samples(seen.score[new & first], seen.score[~new & first])}, loss,
    )  # fmt: skip


def errors_judged(rollout: Rollout, rules: Rules) -> Said:
    """What it says of the error rate alone."""
    said = Said()
    _counted(said, "error_rate", rollout.strata(rollout.failed), rules)
    return said


def judged(rollout: Rollout, rules: Rules) -> Said:
    """What the judge says at each look."""
    said = Said()
    for name, what in (("error_rate", rollout.failed), ("latency", rollout.slow)):
        _counted(said, name, rollout.strata(what), rules)
    _score(said, rollout, rules)
    _loss(said, rollout, rules)
    return said


def tested_repeatedly(rollout: Rollout, z: float) -> tuple[Flags, Flags]:
    """At which looks a plain test of two rates, done anew at each, says that the candidate is worse, or better."""
    n1, k1, n0, k0 = _until(rollout.strata(rollout.failed))
    rate = (k1 + k0) / (n1 + n0)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (k1 / n1 - k0 / n0) / np.sqrt(rate * (1 - rate) * (1 / n1 + 1 / n0))
    return found > z, found < -z


def _counted(said: Said, name: str, strata: Strata, rules: Rules) -> None:
    looks, level = len(strata.candidate), enough(rules.alpha * rules.split[name])  # type: ignore[index]
    merged = strata.merged()
    clump = rules.clump[name]  # type: ignore[index]
    sums = np.cumsum(log_likelihoods(merged), axis=0) / clump
    # at each look, what the last stretch that was complete by then says
    ends = np.searchsorted(np.cumsum(strata.candidate + strata.stable), np.cumsum(merged.candidate + merged.stable))
    latest = np.searchsorted(ends, np.arange(looks), side="right") - 1

    def path(evidence: Floats) -> Flags:
        return np.asarray((latest >= 0) & (evidence[latest] >= level))

    said.worse[name] = path(log_evidence(sums, float(np.log(rules.harm[name]))))  # type: ignore[index]
    said.better[name] = path(log_evidence_below(sums))
    new, new_yes, old, old_yes = (part / clump for part in _until(strata))
    shown = log_evidence_difference(new, new_yes, old, old_yes, rules.margin[name])  # type: ignore[index]
    said.fine[name] = shown >= enough(rules.alpha)


def _score(said: Said, rollout: Rollout, rules: Rules) -> None:
    looks = len(rollout.border)
    chosen = np.flatnonzero(rollout.first)
    place = np.argsort(np.argsort(rollout.score[chosen], kind="stable"))
    counts = np.zeros((2, looks, len(chosen)), dtype=np.int32)
    np.add.at(counts, (rollout.new[chosen].astype(int), chosen // EVERY, place), 1)
    counts = counts.cumsum(axis=2, dtype=np.int32).cumsum(axis=1, dtype=np.int32)
    total = counts[:, :, -1].astype(np.int64)
    shares = counts / np.maximum(total, 1)[:, :, None].astype(np.float32)
    seen = np.abs(shares[1] - shares[0]).max(axis=1)
    margin = rules.margin["score"]
    own, whole = (band(total, alpha / 2).sum(axis=0) for alpha in (rules.alpha * rules.split["score"], rules.alpha))
    said.worse["score"], said.fine["score"] = seen - own > margin, seen + whole < margin
    said.better["score"] = np.zeros(looks, dtype=bool)


def _loss(said: Said, rollout: Rollout, rules: Rules) -> None:
    order, labelled = _told(rollout)
    order = order[labelled[order] & rollout.first[order]]
    known = np.searchsorted(rollout.told[order], np.arange(1, len(rollout.border) + 1) * EVERY, side="left")

    def compared(alpha: float) -> Means:
        new, old = (
            means(rollout.loss[order][arm], alpha / 2, np.concatenate([[0], np.cumsum(arm)])[known])
            for arm in (rollout.new[order], ~rollout.new[order])
        )
        return difference(new, old)

    own, whole = compared(rules.alpha * rules.split["loss"]), compared(rules.alpha)
    said.worse["loss"], said.better["loss"] = own.lower > rules.harm["loss"], own.upper < 0
    said.fine["loss"] = whole.upper < rules.margin["loss"]


def _told(rollout: Rollout) -> tuple[Counts, Flags]:
    """Requests in the order in which their truth comes, and whether it comes."""
    return np.argsort(rollout.told, kind="stable"), rollout.told < 2 * len(rollout.new)


def _until(strata: Strata) -> tuple[Counts, Counts, Counts, Counts]:
    parts = (strata.candidate, strata.candidate_yes, strata.stable, strata.stable_yes)
    new, new_yes, old, old_yes = (np.cumsum(part) for part in parts)
    return new, new_yes, old, old_yes


def _borders(history: Floats, seconds: Floats, new: Flags) -> Floats:
    """The border of each stretch: where the stable version's p99 was until the look before."""
    looks = len(seconds) // EVERY
    buckets = np.searchsorted(EDGES, seconds)
    counts = np.zeros((looks, len(EDGES) + 1), dtype=np.int64)
    np.add.at(counts, (np.flatnonzero(~new) // EVERY, buckets[~new]), 1)
    before = np.bincount(np.searchsorted(EDGES, history), minlength=len(EDGES) + 1)
    known = before + np.concatenate([np.zeros((1, len(EDGES) + 1), dtype=np.int64), counts.cumsum(axis=0)[:-1]])
    under = known.cumsum(axis=1) / known.sum(axis=1, keepdims=True)
    return np.asarray(np.take(np.array(EDGES), (under[:, :-1] >= 0.99).argmax(axis=1)), dtype=np.float64)
