"""The judge's figures: how often it errs when it is looked at after every 50 requests, and how soon it catches harm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from multiprocessing import Pool
from typing import TypeVar

import numpy as np

from benchmarks.figures import Figure, report
from benchmarks.judge_adversary import LOOKS, told_apart
from benchmarks.judge_simulation import EVERY, World, errors_judged, judged, simulate, tested_repeatedly
from weighlock.decisions.judge_verdict import Rules
from weighlock.deployment.judge_policy import JudgeParams

RUNS = 1_000
ALPHA = 0.05
Z_ALPHA, Z_POWER = 1.6449, 0.8416  # one-sided 5 %, 80 % power
WORKERS = 2
Said = TypeVar("Said")


def main() -> int:
    """Measure everything and report; about five minutes on two cores."""
    rules = JudgeParams().rules()
    equal = [
        *errs(World(), rules),
        *errs(World(outage=0.05), rules),
        *errs_in_clumps(World(tries=3), rules),
        *errs_chosen(rules),
    ]
    return report("judge", [*equal, *caught(World(times=2.0, requests=2 * fixed_size(World(times=2.0))), rules)])


def errs(world: World, rules: Rules) -> list[Figure]:
    """How often equal variants are told apart."""
    found = np.array(_runs(partial(_ever, world, rules), RUNS))
    (worse, better), (test_worse, test_better) = found[:, :2].mean(axis=0), found[:, 2:4].mean(axis=0)
    looks = world.requests // EVERY
    name = "equal variants" + (f", an outage behind both for {world.outage:.0%} of the time" if world.outage else "")
    test = f"a z-test at 5 % done at each of {looks} looks: "
    return [
        Figure(
            f"{name}: ROLLBACK at any look", "≤ 5 %", f"{worse:.1%} of {RUNS:,} runs; {test}{test_worse:.0%}",
            float(worse), bool(worse <= ALPHA),
        ),
        Figure(
            f"{name}: called better at any look", "≤ 5 %", f"{better:.1%} of {RUNS:,} runs; {test}{test_better:.0%}",
            float(better), bool(better <= ALPHA),
        ),
    ]  # fmt: skip


def errs_in_clumps(world: World, rules: Rules) -> list[Figure]:
    """How often equal variants are told apart by failures that come together, where the policy knows and where not."""
    every = [replace(rules, clump={**rules.clump, "error_rate": clump}) for clump in (world.tries, 1)]
    known, unknown = (np.mean(_runs(partial(_ever_by_errors, world, each), RUNS), axis=0) for each in every)
    return [
        Figure(
            f"equal variants, clients that are refused try {world.tries} times: {what} at any look",
            f"≤ 5 % with `clump: {world.tries}`",
            f"{known[place]:.1%} of {RUNS:,} runs; with `clump: 1` {unknown[place]:.0%}",
            float(known[place]), bool(known[place] <= ALPHA),
        )
        for place, what in enumerate(("ROLLBACK", "called better"))
    ]  # fmt: skip


def errs_chosen(rules: Rules) -> list[Figure]:
    """How often equal variants are told apart by their errors, where looks are chosen by what has just happened."""
    share = rules.alpha * rules.split["error_rate"]
    figures = []
    for which in LOOKS:
        worse, better = np.mean(_runs(partial(told_apart, rules, which), RUNS), axis=0)
        figures.append(
            Figure(
                f"equal variants, errors alone, a look {which}", f"≤ {share:.0%}, their share",
                f"worse in {worse:.1%}, better in {better:.1%} of {RUNS:,} runs",
                float(max(worse, better)), bool(max(worse, better) <= share),
            )
        )  # fmt: skip
    return figures


def caught(world: World, rules: Rules) -> list[Figure]:
    """After how many requests doubled errors are rolled back."""
    least = fixed_size(world)
    found = np.array(_runs(partial(_first, world, rules), RUNS))
    median, late = float(np.median(found)), float(np.sort(found)[int(0.9 * RUNS)])
    never = float(np.isinf(found).mean())
    rates = f"{world.errors:.0%} → {world.errors * world.times:.0%}"
    what = f"errors {rates} at {world.weight:.0%} weight: requests to ROLLBACK"
    nine = "" if np.isinf(late) else f"90 % by {late:,.0f}; "
    return [
        Figure(
            what, "median ≤ 2 × a fixed-size test (5 % one-sided, 80 % power)",
            f"median {median:,.0f} = {median / least:.2f} × {least:,}; {nine}"
            f"not within {world.requests:,}: {never:.1%}",
            median / least, median <= 2 * least,
        )
    ]  # fmt: skip


def fixed_size(world: World) -> int:
    """The requests of both variants that a test done once needs."""
    new, old = world.errors * world.times, world.errors
    variance = new * (1 - new) / world.weight + old * (1 - old) / (1 - world.weight)
    least = (Z_ALPHA + Z_POWER) ** 2 * variance / (new - old) ** 2
    return int(np.ceil(least / EVERY)) * EVERY


def _ever(world: World, rules: Rules, seed: int) -> tuple[bool, bool, bool, bool]:
    rollout = simulate(np.random.default_rng(seed), world)
    said = judged(rollout, rules)
    test = tested_repeatedly(rollout, Z_ALPHA)
    return bool(said.rollback.any()), bool(said.called_better.any()), bool(test[0].any()), bool(test[1].any())


def _ever_by_errors(world: World, rules: Rules, seed: int) -> tuple[bool, bool]:
    said = errors_judged(simulate(np.random.default_rng(seed), world), rules)
    return bool(said.rollback.any()), bool(said.called_better.any())


def _first(world: World, rules: Rules, seed: int) -> float:
    rollback = judged(simulate(np.random.default_rng(seed), world), rules).rollback
    return float((rollback.argmax() + 1) * EVERY) if rollback.any() else np.inf


def _runs(run: Callable[[int], Said], count: int) -> list[Said]:
    with Pool(WORKERS) as pool:
        return pool.map(run, range(count), chunksize=10)


if __name__ == "__main__":
    raise SystemExit(main())
