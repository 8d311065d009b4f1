"""Windows of the flights: without drift, and with something planted; what the watch says, and what Evidently says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.watch_world import NEW_YEAR, SEASONS, ZONE, World
from weighlock.watching.look import Look, Question, Sides, judge
from weighlock.watching.rows import Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weighlock.watching.policy import WatchParams

DAYS = 7
Plant = Callable[[World, Rows, np.random.Generator], Rows]


@dataclass(frozen=True)
class Drawn:
    """A window, as many days before it, and the world whose other days of the season the model was trained on."""

    world: World
    before: NDArray[np.int64]
    window: NDArray[np.int64]


def of_season(world: World, random: np.random.Generator, *, weeks: bool) -> Drawn:
    """A window of one season, at random: a week, or any days, in any order; all others of the season are its past."""
    days = np.arange(*SEASONS[random.integers(len(SEASONS))])
    if not weeks:
        days = random.permutation(days)
        return Drawn(world.against(days[2 * DAYS :]), days[DAYS : 2 * DAYS], days[:DAYS])
    start = int(random.integers(DAYS, len(days) - DAYS + 1))
    window, before = days[start : start + DAYS], days[start - DAYS : start]
    past = days[(days < before[0]) | (days > window[-1])]
    return Drawn(world.against(past), before, window)


def after_release(world: World, random: np.random.Generator) -> Drawn:
    """A week after the release's last day, and the one before it; the release's own profile."""
    start = int(random.integers(243 + DAYS, int(world.day.max()) - 2 * DAYS))
    days = np.arange(start, start + DAYS)
    return Drawn(world, days - DAYS, days)


def look_at(
    drawn: Drawn, rows: int, policy: WatchParams, random: np.random.Generator, plant: Plant | None = None
) -> list[Look]:
    """What the watch says of the window, and, where something is planted, of the one after it, too.

    Args:
        drawn: the days.
        rows: of each day.
        policy: `watch`.
        random: draws rows.
        plant: what goes wrong with the window's first row.
    """
    first = NEW_YEAR + 400
    before = drawn.world.draw(drawn.before, rows, first - DAYS, random)
    window = drawn.world.draw(drawn.window, rows, first, random)
    nothing = drawn.world.draw(np.zeros(0, dtype=np.int64), rows, first, random)
    if plant is None:
        return [_judge(drawn.world, first, before, window, nothing, policy)]
    # the week after: of the flights where there is one
    later = drawn.world.draw(drawn.window + DAYS, rows, first + DAYS, random)
    seed = int(random.integers(2**31))  # the same goes wrong in both
    broken, second = (plant(drawn.world, rows, np.random.default_rng(seed)) for rows in (window, later))
    return [
        _judge(drawn.world, first, before, broken, nothing, policy),
        _judge(drawn.world, first + DAYS, broken, second, nothing, policy),
    ]


def _judge(world: World, first: int, before: Rows, window: Rows, today: Rows, policy: WatchParams) -> Look:
    at = dt.datetime.combine(dt.date(1970, 1, 1) + dt.timedelta(days=first + DAYS), dt.time(17), dt.UTC)
    young = replace(world.watched.signature, trained_until=f"{at - dt.timedelta(days=30):%Y-%m-%dT%H:%MZ}")
    watched = replace(world.watched, signature=young)
    return judge(Sides(first, DAYS, window, before, today), watched, policy, Question(at, ZONE, "log_loss"))


def changed(column: str, change: Callable[[NDArray, np.random.Generator], NDArray]) -> Plant:  # type: ignore[type-arg]
    """A feature's values changed; the model scores what it gets."""

    def plant(world: World, rows: Rows, random: np.random.Generator) -> Rows:
        frame = rows.features.copy()
        frame[column] = change(frame[column].to_numpy(copy=True), random)
        scores = world.scorer.score(frame).astype(np.float64)
        return replace(rows, features=frame, scores=dict.fromkeys(rows.scores, scores))

    return plant


def flipped(carriers: tuple[str, ...]) -> Plant:
    """The labels of one carrier, the same for a whole run, are the other way round."""

    def plant(_: World, rows: Rows, random: np.random.Generator) -> Rows:
        carrier = carriers[int(random.integers(len(carriers)))]
        wrong = (rows.features["carrier"] == carrier).to_numpy()
        return replace(rows, truth=np.where(wrong, 1 - rows.truth, rows.truth))

    return plant
