"""Two weeks of flights as a prediction log to look at: `python -m benchmarks.watch_week log --celsius 2013-10-16`."""

from __future__ import annotations

import argparse
import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.watch_speed import table_of
from benchmarks.watch_world import NEW_YEAR, World
from weighlock.layout import SERVED
from weighlock.monitoring.log_record import Feedback, stamp
from weighlock.monitoring.log_store import LABELS, PREDICTIONS, Store, new_name
from weighlock.monitoring.log_table import to_table
from weighlock.watching.reference import day_number

DAYS = 14
NOON = dt.time(16, tzinfo=dt.UTC)  # in New York


def main() -> None:
    """Write predictions and, a day later, what became of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("log", help="a folder or URL")
    parser.add_argument("--first", type=dt.date.fromisoformat, default=dt.date(2013, 10, 7))
    parser.add_argument("--celsius", type=dt.date.fromisoformat, help="from this day on, in place of °F")
    args = parser.parse_args()
    world, store = World.read(Path(SERVED)), Store(args.log)
    if args.celsius:
        world = _in_celsius(world, day_number(args.celsius) - NEW_YEAR)
    for number in range(DAYS):
        day = args.first + dt.timedelta(days=number)
        place = day_number(day) - NEW_YEAR
        rows = np.arange(world.borders[place], world.borders[place + 1])
        made, told = (dt.datetime.combine(day + dt.timedelta(days=late), NOON) for late in (0, 1))
        table = table_of(world, rows, made, f"{day}")
        store.write_table(new_name(PREDICTIONS, f"{made:%Y-%m-%d}", made), table)
        truths = zip(table["id"].to_pylist(), world.truth[rows], strict=True)
        outcomes = [Feedback(name, "true" if late else "false", stamp(told)) for name, late in truths]
        store.write_table(new_name(LABELS, f"{told:%Y-%m-%d}", told), to_table(outcomes))


def _in_celsius(world: World, first: int) -> World:
    frame = world.frame.copy()
    frame.loc[world.day >= first, "temperature"] = (frame["temperature"][world.day >= first] - 32) / 1.8
    return replace(world, frame=frame, scores=world.scorer.score(frame).astype(np.float64))


if __name__ == "__main__":
    main()
