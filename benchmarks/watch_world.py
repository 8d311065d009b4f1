"""The flights of 2013 as a world to watch: windows drawn from it, with and without something wrong."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from flights.source import load
from weighlock.conform import conform
from weighlock.schema import Schema, read_schema
from weighlock.scoring import RESULT_THREADS, Scorer
from weighlock.times import local_days
from weighlock.watching.counts import DayCounts, counted
from weighlock.watching.reference import Watched, day_number, read_watched
from weighlock.watching.rows import Rows

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

NEW_YEAR = day_number(dt.date(2013, 1, 1))
# first day and the day after the last, since New Year: March to May, June to August, September to November
SEASONS = ((59, 151), (151, 243), (243, 334))
ZONE = "America/New_York"
SCORE = "(score)"


@dataclass(frozen=True)
class World:
    """All flights, scored by the model that is watched, in order of their days.

    Attributes:
        watched: the model.
        scorer: it.
        frame: (n, k) features.
        scores, truth: (n,).
        day: (n,) since New Year.
    """

    watched: Watched
    scorer: Scorer
    frame: pd.DataFrame
    scores: NDArray[np.float64]
    truth: NDArray[np.float64]
    day: NDArray[np.int64]

    @classmethod
    def read(cls, folder: Path) -> World:
        """From the source; the model is the tree's."""
        schema: Schema = read_schema()
        rows = load(None, None)
        typed, failures = conform(rows, schema)
        typed = typed.drop(index=failures["row"].unique()).reset_index(drop=True)
        day = local_days(typed["scheduled_departure"], ZONE).to_numpy().astype("datetime64[D]").astype(np.int64)
        order = np.argsort(day, kind="stable")
        typed, day = typed.iloc[order].reset_index(drop=True), day[order] - NEW_YEAR
        scorer = Scorer.load(folder, threads=RESULT_THREADS)
        frame = typed[list(schema.features)]
        scores = scorer.score(frame).astype(np.float64)
        return cls(read_watched(folder), scorer, frame, scores, typed["late"].to_numpy(np.float64), day)

    @cached_property
    def borders(self) -> NDArray[np.int64]:
        """Where each day's rows begin."""
        return np.searchsorted(self.day, np.arange(self.day.max() + 2))

    @cached_property
    def counts(self) -> DayCounts:
        """Every day's histograms."""
        columns: dict[str, Any] = {str(name): self.frame[name] for name in self.frame.columns} | {SCORE: self.scores}
        return counted(columns, self.watched.bins, self.day, 0, int(self.day.max()) + 1)

    def against(self, days: NDArray[np.int64]) -> World:
        """The same world, whose model was trained on these days: they are its profile, one after another."""
        found = self.counts.of(days)
        profile = DayCounts(np.arange(len(days)), found.columns, found.rows)
        return replace(self, watched=replace(self.watched, profile=profile))

    def draw(self, days: NDArray[np.int64], rows: int, first: int, random: np.random.Generator) -> Rows:
        """So many rows of each of these days, which become days that follow one another from `first` on."""
        chosen = [self._of_day(int(day), rows, random) for day in days]
        places = np.concatenate(chosen) if chosen else np.zeros(0, dtype=np.int64)
        yes, no = np.ones(len(places), dtype=bool), np.zeros(len(places), dtype=bool)
        return Rows(
            np.repeat(np.arange(first, first + len(days)), rows),
            self.frame.iloc[places].reset_index(drop=True),
            {},
            {SCORE: self.scores[places]},
            yes,
            no,
            self.truth[places],
            (),
        )

    def _of_day(self, day: int, rows: int, random: np.random.Generator) -> NDArray[np.int64]:
        start, end = self.borders[day], self.borders[day + 1]
        return np.asarray(random.choice(np.arange(start, end), rows, replace=rows > end - start))
