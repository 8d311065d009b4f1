"""The watch: how often it cries wolf, what it catches, and how fast it is."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import dataclasses
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.figures import Figure, report
from benchmarks.watch_windows import after_release, changed, flipped, look_at, of_season
from benchmarks.watch_world import World
from weighlock.layout import SERVED
from weighlock.watching import evidently_report
from weighlock.watching.policy import read_watch

if TYPE_CHECKING:
    import pandas as pd

    from benchmarks.watch_windows import Plant

WINDOWS, RUNS, EVIDENTLY = 500, 200, 10
SIZES = (50, 300, 2100, 6300, 50_000)
ALARMS = {"WARN", "RETRAIN", "BROKEN"}
LARGE = ("UA", "B6", "EV", "DL")  # carriers with a tenth of the flights or more


def main() -> int:
    """All figures; 1 where one is short."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--windows", type=int, default=WINDOWS)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES, help="rows a window")
    parser.add_argument("--evidently", type=int, default=EVIDENTLY, help="windows that Evidently is asked about")
    parser.add_argument("--plants", nargs="*", default=[""], help="parts of their names (default: all of them)")
    parser.add_argument("--no-speed", action="store_true")
    parser.add_argument("--part", default="", help="-NAME: written beside what other parts have found")
    args = parser.parse_args()
    figures: list[Figure] = []
    with ProcessPoolExecutor(args.processes) as pool:
        quiet = [(weeks, size, args.windows) for size in args.sizes for weeks in (False, True)]
        alarms = pool.map(_quiet, quiet)
        planted = pool.map(
            _planted, [(name, args.runs) for name in PLANTS if any(part in name for part in args.plants)]
        )
        evidently = pool.map(_evidently, [(weeks, size, args.evidently) for weeks, size, _ in quiet])
        for found, (_, size, _) in zip(alarms, quiet, strict=True):
            figures.append(_false_alarms(found, size))
            print(figures[-1].name, figures[-1].measured, flush=True)
        for figure in planted:
            print(figure.name, figure.measured, flush=True)
            figures.append(figure)
        for place, theirs in enumerate(evidently):
            figures[place] = dataclasses.replace(figures[place], measured=f"{figures[place].measured}; {theirs}")
            print(figures[place].name, theirs, flush=True)
    if not args.no_speed:
        from benchmarks.watch_speed import speed

        figures += speed()
    return report(f"watch{args.part}", figures)


@cache
def _world() -> World:
    return World.read(Path(SERVED))


def _quiet(job: tuple[bool, int, int]) -> tuple[bool, Counter[str], Counter[str]]:
    weeks, size, windows = job
    random, policy, world = np.random.default_rng((size, weeks)), read_watch(), _world()
    outcomes: Counter[str] = Counter()
    why: Counter[str] = Counter()
    for _ in range(windows):
        (look,) = look_at(of_season(world, random, weeks=weeks), max(size // 7, 1), policy, random)
        outcomes[look.verdict.outcome] += 1
        if look.verdict.outcome in ALARMS:
            why[look.verdict.reasons[0][:60]] += 1
    return weeks, outcomes, why


def _false_alarms(found: tuple[bool, Counter[str], Counter[str]], size: int) -> Figure:
    weeks, outcomes, why = found
    share = sum(outcomes[name] for name in ALARMS) / outcomes.total()
    kind = "weeks" if weeks else "days at random"
    often = "; ".join(f"{reason} ({times})" for reason, times in why.most_common(3))
    told = " ".join(f"{name} {outcomes[name]}" for name in sorted(outcomes))
    print(f"    {told} | {often}", flush=True)
    name = f"no drift, {kind} of a season, {size:,} rows: alarms"
    return Figure(name, "≤ 5 %", f"{share:.1%} of {outcomes.total()}", share, share <= 0.05)


def _evidently(job: tuple[bool, int, int]) -> str:
    """How many of the columns its defaults call drifted, and how often any, on windows of the same kind."""
    weeks, size, windows = job
    random, world = np.random.default_rng((size, weeks, 1)), _world()
    columns, some, most = 0.0, 0, 0
    if not windows:
        return "Evidently was not asked"
    for _ in range(windows):
        drawn = of_season(world, random, weeks=weeks)
        current = drawn.world.draw(drawn.window, max(size // 7, 1), 0, random)
        past = drawn.world.draw(np.sort(drawn.world.watched.profile.days), 60, 0, random)
        sides = [_frame(rows.features, rows.scores["(score)"], random) for rows in (current, past)]
        numbers = [name for name in sides[0] if sides[0][name].dtype != object]
        said = evidently_report.run(sides[0], sides[1], numbers)
        columns += len(said.drifted) / len(said.columns)
        some += bool(said.drifted)
        most += len(said.drifted) >= 0.5 * len(said.columns)
    return (
        f"Evidently's defaults: a column in {some / windows:.0%}, {columns / windows:.0%} of columns, "
        f"half of them in {most / windows:.0%}"
    )


def _frame(features: pd.DataFrame, scores: Any, random: np.random.Generator) -> pd.DataFrame:
    frame = features.assign(prediction=scores)
    return frame.iloc[np.sort(random.choice(len(frame), min(len(frame), 5000), replace=False))].reset_index(drop=True)


def _half(values: Any, _: np.random.Generator) -> Any:
    return values + 0.5 * 4.687  # the standard deviation of a year's flights


def _doubled(values: Any, random: np.random.Generator) -> Any:
    share = float((values == "UA").mean())
    return np.where(random.random(len(values)) < share / (1 - share), "UA", values)


def _some_nulls(values: Any, random: np.random.Generator) -> Any:
    return np.where(random.random(len(values)) < 0.2, np.nan, values)


# what is planted, and the outcomes that are right for it
PLANTS: dict[str, tuple[Plant, set[str]]] = {
    "departure_hour: half a standard deviation more": (changed("departure_hour", _half), {"WARN", "RETRAIN"}),
    "carrier: UA's share doubled": (changed("carrier", _doubled), {"WARN", "RETRAIN"}),
    "departure_hour: stuck at 12": (changed("departure_hour", lambda v, _: np.full(len(v), 12.0)), {"BROKEN"}),
    "temperature: °C for °F": (changed("temperature", lambda v, _: (v - 32) / 1.8), {"BROKEN"}),
    "departure_hour: °C for °F": (changed("departure_hour", lambda v, _: (v - 32) / 1.8), {"BROKEN"}),
    "departure_hour: 20 % nulls": (changed("departure_hour", _some_nulls), {"BROKEN"}),
    "labels of one carrier flipped": (flipped(LARGE), {"RETRAIN"}),
}


def _planted(job: tuple[str, int]) -> Figure:
    name, runs = job
    plant, right = PLANTS[name]
    random, policy, world = np.random.default_rng(len(name)), read_watch(), _world()
    found: list[tuple[str, str]] = []
    if "labels" not in name:  # without any, no gain can help, and a look takes half of the time
        world = dataclasses.replace(world, truth=np.full(len(world.day), np.nan))
    for _ in range(runs):
        looks = look_at(after_release(world, random), 300, policy, random, plant)
        found.append((looks[0].verdict.outcome, looks[1].verdict.outcome))
    share = float(np.mean([bool(right & {*outcomes}) for outcomes in found]))
    told = ", ".join(f"{a}/{b} {n}" for (a, b), n in Counter(found).most_common(3))
    return Figure(
        f"{name}: {' or '.join(sorted(right))} within two windows",
        "≥ 95 %",
        f"{share:.1%} of {runs} ({told})",
        share,
        share >= 0.95,
    )


if __name__ == "__main__":
    sys.exit(main())
