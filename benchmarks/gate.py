"""The gate's figures: how often it errs and passes, whether others compute the same, and what it takes."""

from __future__ import annotations

import time

import numpy as np

from benchmarks.figures import Figure, report, seconds
from benchmarks.gate_agreement import CHECKS, largest_difference
from benchmarks.gate_power import Curve, curves, draw, least_ratio, ratio_at
from benchmarks.gate_simulation import (
    CONFIDENCE,
    WORLDS,
    World,
    bounds,
    passes_by_percentile,
    passes_by_rows,
    passes_by_value,
    simulate,
)
from benchmarks.gate_speed import DAYS, ROWS, SLICES, Weighing
from benchmarks.gate_verdicts import outcomes
from weighlock.statistics.bootstrap import Resampling

ERROR = 1 - CONFIDENCE
HOLDOUTS = 20_000
WEIGHINGS = 4_000
CASES = 200
LOOPED = 20


def main() -> int:
    """Measure everything and report; a minute and a half."""
    random = np.random.default_rng(7)
    errors = [error_rate(random, world, days) for world in WORLDS for days in (14, 28, 90)]
    verdicts = [false_harm(random, world) for world in WORLDS[1:]]
    found = curves(random, HOLDOUTS)
    draw(found)
    return report("gate", [*errors, *verdicts, *powers(found), *agreement(), *speed(random)])


def error_rate(random: np.random.Generator, world: World, days: int) -> Figure:
    """How often a model passes that is worse by exactly the margin, beside what other gates do with it."""
    drawn = simulate(random, world, days, HOLDOUTS)
    # the true gain is 0 here: the border that is as far from it as a margin is from an equal model
    found = float(np.mean(bounds(drawn) > 0))
    others = [
        f"`>=` {passes_by_value(drawn, 0):.0%}",
        f"bootstrap of rows {passes_by_rows(drawn, 0):.1%}",
        f"percentile bootstrap of days {passes_by_percentile(random, drawn, 0):.1%}",
    ]
    return Figure(
        f"worse by the margin passes: {world.name}, {days} days", "≤ 5 %, but for 2 Monte-Carlo errors",
        f"{found:.1%} ± {deviation(found, HOLDOUTS):.2%} of {HOLDOUTS:,}; {', '.join(others)}",
        found, found - 2 * deviation(ERROR, HOLDOUTS) <= ERROR,
    )  # fmt: skip


def false_harm(random: np.random.Generator, world: World) -> Figure:
    """How often an equal model gets FAIL, with five metrics and twenty slices that are equal as well."""
    equal = outcomes(random, world, WEIGHINGS)["FAIL"] / WEIGHINGS
    planted = outcomes(random, world, WEIGHINGS // 10, harm=8.0)["FAIL"] / (WEIGHINGS // 10)
    return Figure(
        f"equal model gets FAIL, 20 harmless slices: {world.name}, 28 days", "≤ 5 %, but for 2 Monte-Carlo errors",
        f"{equal:.1%} ± {deviation(equal, WEIGHINGS):.2%} of {WEIGHINGS:,}; "
        f"with one slice worse by 8 of its standard errors {planted:.0%}",
        equal, equal - 2 * deviation(ERROR, WEIGHINGS) <= ERROR,
    )  # fmt: skip


def powers(found: list[Curve]) -> list[Figure]:
    """Pass probabilities beside the textbook's, all days and differences."""
    declared = min(least_ratio(curve.declared, curve.textbook) for curve in found)
    ordered = {curve.days: ratio_at(curve.ordered, curve.textbook, 0.8) for curve in found}
    least = {curve.days: least_ratio(curve.ordered, curve.textbook) for curve in found}
    said = ", ".join(f"{days} days {ratio:.2f} (at the least {least[days]:.2f})" for days, ratio in ordered.items())
    return [
        Figure(
            "power in the textbook's, days declared independent, where that is half and more", "≥ 0.9 ×",
            f"{declared:.3f} × at the least, 14 to 90 days", declared, declared >= 0.9,
        ),
        Figure(
            "power in the textbook's, days in order of time, which may be alike, where that is 80 %",
            "≥ 0.9 ×", said, min(ordered.values()), min(ordered.values()) >= 0.9,
        ),
    ]  # fmt: skip


def agreement() -> list[Figure]:
    """The largest relative difference from a second implementation."""
    figures = []
    for name, (check, other) in CHECKS.items():
        found = largest_difference(check, CASES)
        figures.append(
            Figure(f"{name} against {other}", "≤ 1e-9", f"{found:.0e} in {CASES} cases", found, found <= 1e-9)
        )
    return figures


def speed(random: np.random.Generator) -> list[Figure]:
    """Two models, all their metrics and slices; the loop is measured in part and scaled."""
    weighing, resampling = Weighing.draw(random), Resampling()
    taken = seconds(lambda: weighing.weigh(resampling), 3)
    weighing.loop(random, 1)
    begun = time.perf_counter()
    weighing.loop(random, LOOPED)
    loop = (time.perf_counter() - begun) / LOOPED * resampling.resamples
    what = f"{ROWS:,} rows of {DAYS} days, 5 metrics, {SLICES} slices, {resampling.resamples:,} resamples"
    return [
        Figure(what, "≤ 3 s", f"{taken:.2f} s", taken, taken <= 3),
        Figure(
            "… against a loop over scikit-learn's metric functions", "≥ 50 ×",
            f"{loop / taken:.0f} × ({loop:.0f} s, scaled from {LOOPED} resamples)", loop / taken, loop / taken >= 50,
        ),
    ]  # fmt: skip


def deviation(share: float, count: int) -> float:
    """The Monte-Carlo error of a share."""
    return float(np.sqrt(share * (1 - share) / count))


if __name__ == "__main__":
    raise SystemExit(main())
