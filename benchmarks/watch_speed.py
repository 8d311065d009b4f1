"""What a look at a million rows of twenty columns takes, read from the log, beside DataDriftPreset on all rows."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.figures import Figure
from weighlock.layout import SERVED

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 1_000_000
DAYS = 7
START = dt.datetime(2013, 10, 7, 4, tzinfo=dt.UTC)


def speed(rows: int = ROWS) -> list[Figure]:
    """Processor time, as a busy machine's clock would mislead, and the peak of memory; each in its own process."""
    with tempfile.TemporaryDirectory() as folder:
        write_log(Path(folder), rows)
        ours, memory = _apart(_look, folder)
    theirs, their_memory = _apart(_preset, rows)
    return [
        Figure(f"{rows:,} rows × 20 columns: a look", "≤ 20 s", f"{ours:.1f} s", ours, ours <= 20),
        Figure("… its memory", "≤ 1.5 GB", f"{memory:.2f} GB (preset: {their_memory:.2f})", memory, memory <= 1.5),
        Figure("… against DataDriftPreset", "≥ 5 ×", f"{theirs / ours:.1f} ×", theirs / ours, theirs / ours >= 5),
    ]


def write_log(folder: Path, rows: int) -> None:
    """A week of the log, made of the flights again and again."""
    from benchmarks.watch_world import World
    from weighlock.monitoring.log_store import PREDICTIONS, Store, new_name

    world, store = World.read(Path(SERVED)), Store(str(folder))
    random = np.random.default_rng(7)
    for day in range(DAYS):
        for part in range(2):
            places = random.integers(0, len(world.day), rows // DAYS // 2)
            start = START + dt.timedelta(days=day, hours=11 * part)
            store.write_table(
                new_name(PREDICTIONS, f"{start:%Y-%m-%d}", start), table_of(world, places, start, f"{day}-{part}", 20)
            )


def table_of(world: Any, places: Any, start: dt.datetime, prefix: str, columns: int | None = None) -> pa.Table:
    import pyarrow as pa

    from weighlock.monitoring.log_table import TEXT, TIME

    names = list(world.frame.columns)[:columns]
    count = len(places)
    micros = np.int64(start.timestamp() * 1e6) + np.arange(count) * 200_000
    features = [pa.array(world.frame[name].to_numpy()[places], from_pandas=True) for name in names]
    model = [pa.array([text] * count) for text in ("late", "v1", world.watched.signature.digest)]
    return pa.table(
        {
            "id": pa.array([f"{prefix}-{i}" for i in range(count)]),
            "time": pa.array(micros, TIME),
            "entity": pa.nulls(count, TEXT),
            "request": pa.nulls(count, TEXT),
            "model": pa.StructArray.from_arrays(model, ["name", "version", "digest"]),
            "score": pa.array(world.scores[places]),
            "value": pa.nulls(count, pa.float64()),
            "label": pa.array(["false"] * count),
            "flags": pa.array([[]] * count, pa.list_(TEXT)),
            "features": pa.StructArray.from_arrays(features, names),
        }
    )


def _look(folder: str) -> None:
    from weighlock.monitoring.collect import LogPlace
    from weighlock.watching.look import Question, look
    from weighlock.watching.policy import read_watch
    from weighlock.watching.reference import read_watched

    question = Question(START + dt.timedelta(days=DAYS, hours=1), "America/New_York", "log_loss")
    seen = look(LogPlace(folder, None), read_watched(Path(SERVED)), read_watch(), question)
    print(f"    {seen.verdict.outcome}: {sum(seen.evidence.rows):,} rows", flush=True)


def _preset(rows: int) -> None:
    from benchmarks.watch_world import World
    from weighlock.watching.evidently_report import run

    world, random = World.read(Path(SERVED)), np.random.default_rng(7)
    frame = world.frame[list(world.frame.columns)[:20]]
    sides = [frame.iloc[random.integers(0, len(frame), rows)].reset_index(drop=True) for _ in range(2)]
    begun = time.process_time()
    run(sides[0], sides[1], [str(name) for name in frame.columns if frame[name].dtype != object])
    _say(time.process_time() - begun)


def _say(seconds: float) -> None:
    global _seconds
    _seconds = seconds


_seconds: float | None = None


def _apart(work: Callable[[Any], None], argument: Any) -> tuple[float, float]:
    """Seconds of processor time and gigabytes at the peak, in a process of its own, imports included."""
    context = multiprocessing.get_context("spawn")
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=_measured, args=(work, argument, send))
    process.start()
    seconds, memory = receive.recv()
    process.join()
    return float(seconds), float(memory)


def _measured(work: Callable[[Any], None], argument: Any, send: Any) -> None:
    begun = time.process_time()
    work(argument)
    taken = time.process_time() - begun if _seconds is None else _seconds
    send.send((taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20))


if __name__ == "__main__":
    for figure in speed():
        print(figure.name, figure.measured)
