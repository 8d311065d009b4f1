"""The rows of a replayed time, and the stations that each model passes: scored, watched and weighed, once for all."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from weighlock.conform import conform, truth
from weighlock.files import outputs, read_json, to_json, write_text
from weighlock.layout import RECIPE, SERVED, WEIGHED
from weighlock.learners.recipe import Recipe, matrix
from weighlock.replaying.gate import Weighing, judged, weigh
from weighlock.replaying.life import Calendar, Judged, Seen, Version
from weighlock.replaying.trainings import Bench, Training, Wanted, code_digest, require_model
from weighlock.schema import Schema
from weighlock.scoring import RESULT_THREADS, Scorer
from weighlock.times import local_days
from weighlock.watching.policy import WatchParams
from weighlock.weighing.policy import GateParams

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


# what verdicts hang on beside the trainings
WATCH_CODE = ("watching", "statistics", "decisions", "replaying/watch.py")
GATE_CODE = ("weighing", "statistics", "decisions", "replaying/gate.py")
EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True)
class Table:
    """All rows of the source that fit the contract, in order of time.

    Attributes:
        frame: (n, k) with the types of `schema.yaml`.
        day: (n,) the local day, in days since 1970.
        truth: (n,) as metrics take it.
        digest: of the content.
    """

    frame: pd.DataFrame
    day: NDArray[np.int64]
    truth: NDArray[Any]
    digest: str

    def places(self, first: dt.date, last: dt.date) -> slice:
        """The rows of some days, both included."""
        low, high = np.searchsorted(self.day, [number(first), number(last) + 1])
        return slice(int(low), int(high))


def table_of(rows: pd.DataFrame, schema: Schema, timezone: str) -> Table:
    """Rows as the stages would take them: those that do not fit the contract are left out."""
    from weighlock.stages.validate import check_rows

    typed, failures = conform(rows.reset_index(drop=True), schema)
    failures = pd.concat([failures, check_rows(typed, schema)], ignore_index=True)
    kept = typed.drop(index=failures["row"].unique())
    kept = kept.sort_values([schema.time, schema.key or "row_id"], kind="stable", ignore_index=True)
    day = local_days(kept[schema.time], timezone).to_numpy(dtype="datetime64[D]").astype(np.int64)
    content = pd.util.hash_pandas_object(kept, index=False).to_numpy().tobytes()
    return Table(kept, day, truth(kept, schema), hashlib.sha256(content).hexdigest()[:10])


@dataclass(frozen=True)
class Year:
    """A replay's world (`life.World`), which keeps all that took long.

    Attributes:
        bench: where trainings are.
        table: all rows.
        schema: of the repository.
        timezone: whose days.
        metric: the primary one.
        calendar: the days.
        holdout: the length of retrainings' holdouts.
        gate, watch: the policies.
        say: takes a line of progress.
        like: the window's end whose training's recipe all others carry over; None: each searches.
    """

    bench: Bench
    table: Table
    schema: Schema
    timezone: str
    metric: str
    calendar: Calendar
    holdout: str
    gate: GateParams
    watch: WatchParams
    say: Callable[[str], None]
    like: dt.date | None = None

    def wanted(self, end: dt.date) -> Wanted:
        """The training up to a day; the first one is the same for every length of holdout."""
        if end == self.calendar.newest(self.calendar.first):
            return Wanted(end, self.bench.holdout)
        return Wanted(end, self.holdout, self.like)

    def training(self, end: dt.date) -> Training:
        """It, made where it is not there."""
        wanted = self.wanted(end)
        return self.bench.make([wanted], 1, self.say)[wanted]

    def train(self, end: dt.date) -> str | None:
        """See `life.World`."""
        return self.training(end).refused

    def scores(self, end: dt.date) -> NDArray[Any]:
        """The served model's scores of every row from the replay's first day to its last."""
        training = require_model(self.training(end))
        span = f"{self.calendar.first}-{self.calendar.last}-{self.table.digest}"
        rows = self.table.frame.iloc[self.table.places(self.calendar.first, self.calendar.last)]

        def made() -> NDArray[Any]:
            scorer = Scorer.load(training.folder / SERVED, threads=RESULT_THREADS)
            return np.asarray(scorer.score(rows))

        return self._array(f"scores/{training.folder.name}-{span}", made)

    def look(self, day: dt.date, version: Version, since_retraining: dt.timedelta | None, *, thorough: bool) -> Seen:
        """See `life.World`."""
        training = require_model(self.training(version.end))
        asked = self.watch.model_dump(mode="json")
        name = _name(
            code_digest(WATCH_CODE),
            self.table.digest,
            training.folder.name,
            day,
            version.since,
            since_retraining,
            thorough,
            self.calendar,
            asked,
        )

        def made() -> dict[str, Any]:
            from weighlock.replaying.watch import look

            seen = look(self, training, day, version, since_retraining, thorough=thorough)
            return {"outcome": seen.outcome, "said": seen.said}

        return Seen(**self._json(f"looks/{day}-{name}", made))

    def weigh(self, end: dt.date, champion: Version) -> Judged:
        """See `life.World`."""
        challenger, before = (require_model(self.training(day)) for day in (end, champion.end))
        asked = self.gate.model_dump(mode="json")
        asked["primary"].pop("margin")  # with every margin the same figures are held against it
        name = _name(code_digest(GATE_CODE), challenger.folder.name, before.folder.name, asked)

        def made() -> dict[str, Any]:
            return asdict(weigh(challenger.folder, before.folder, self.gate))

        return judged(Weighing(**self._json(f"weighings/{end}-{name}", made)), self.gate)

    def twin(self, training: Training, before: dt.datetime) -> Callable[[pd.DataFrame], NDArray[Any]]:
        """What scores rows as the training's recipe would, trained on all rows before an instant."""

        def score(features: pd.DataFrame) -> NDArray[Any]:
            content = pd.util.hash_pandas_object(features, index=False).to_numpy().tobytes()
            rows = hashlib.sha256(content).hexdigest()[:10]

            def made() -> NDArray[Any]:
                recipe = Recipe.from_json(read_json(training.folder / WEIGHED / RECIPE, "weighlock replay"))
                known = self.table.frame[self.table.frame[self.schema.time] < before]
                return np.asarray(recipe.fit(known, self.schema).score(matrix(features, self.schema)))

            return self._array(f"twins/{training.folder.name}-{before:%Y-%m-%dT%H%M}-{rows}", made)

        return score

    def _json(self, name: str, made: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        path = self.bench.cache / f"{name}.json"
        if not path.is_file():
            content = made()
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, to_json(content))
        return dict(read_json(path, "weighlock replay"))

    def _array(self, name: str, made: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        path = self.bench.cache / f"{name}.npy"
        if not path.is_file():
            content = made()
            with outputs(f"write-{path.name}", path.parent) as out:
                np.save(out.path(path.name), content, allow_pickle=False)
        return np.asarray(np.load(path, allow_pickle=False))


def number(day: dt.date) -> int:
    """Days since 1970."""
    return (day - EPOCH).days


def _name(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
