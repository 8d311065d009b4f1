"""From both variants' prediction logs to what the judge is given: scores and losses, one of each unit.

The unit is the entity; of rows without one, the request; of rows without either, the row. A unit counts once, with its
first row of the step (for the loss: the first whose truth came): whoever returns says little that is new, and values
that changed after they were counted would make "at any time" untrue.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from weighlock.decisions.judge_verdict import Samples
from weighlock.errors import EvidenceError
from weighlock.monitoring.log_store import LABELS, PREDICTIONS, Store
from weighlock.monitoring.window_files import Days, day_tables, local_folder, read_local
from weighlock.monitoring.window_rows import Piece, joined, paths, pieces
from weighlock.monitoring.window_truth import LABEL_COLUMNS, Truths, truths_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from weighlock.deployment.judge_loss import LossOf
    from weighlock.monitoring.log_record import HashKey

VARIANTS = ("candidate", "stable")


@dataclass(frozen=True)
class Logged:
    """What the logs hold of a step.

    Attributes:
        rows: variant -> its rows in the order of time: `id`, `time`, `request`, `unit`, `truth` (None where it is not
            known), `told` (when it was), and `score0`, `score1` …
        classes: whose scores a row has; empty: it has one.
        unit: entity, request or row.
    """

    rows: Mapping[str, pd.DataFrame]
    classes: tuple[str, ...]
    unit: str

    @property
    def columns(self) -> list[str]:
        """The columns with scores."""
        return [f"score{place}" for place in range(max(len(self.classes), 1))]

    @property
    def requests(self) -> int:
        """The candidate's, as far as they have names; else its rows."""
        rows = self.rows["candidate"]
        return int(rows["request"].nunique() + rows["request"].isna().sum())

    def pairs(self) -> pd.DataFrame:
        """Rows of the same requests, side by side as `…_candidate` and `…_stable`, in the order of the stable's."""
        new, old = (_first_of_request(self.rows[variant]) for variant in VARIANTS)
        return old.merge(new, on="request", suffixes=("_stable", "_candidate"))


def read_logged(
    logs: Sequence[str],
    digests: Mapping[str, str],
    since: Mapping[str, dt.datetime],
    until: dt.datetime,
    key: HashKey | None,
    *,
    together: bool,
) -> Logged:
    """The rows of a step, with the truths that have come.

    Args:
        logs: folders or URLs of both variants' logs; one may be of both.
        digests: model digest -> variant.
        since: variant -> from when on its rows count.
        until: the present.
        key: of the log's hashes.
        together: the stable version's rows count from the candidate's first on: those before are of another time.

    Raises:
        EvidenceError, StorageError: a log cannot be read.
    """
    parts, truths = _read(logs, digests, min(since.values()), until, key)
    classes = tuple(sorted({name for piece in parts.values() for name in piece.scores}))
    rows = {variant: _frame(parts.get(variant), truths, classes, since[variant]) for variant in VARIANTS}
    if together and len(rows["candidate"]):
        rows["stable"] = rows["stable"][rows["stable"]["time"] >= rows["candidate"]["time"].iloc[0]]
    named = {name: any(frame[name].notna().any() for frame in rows.values()) for name in ("entity", "request")}
    return Logged(rows, classes, next((name for name, there in named.items() if there), "row"))


def score_samples(logged: Logged, *, paired: bool) -> dict[str, Samples]:
    """Both variants' scores, by class; of probabilities on the same requests as pairs. None where one has no rows."""
    tables = [
        frame.dropna(subset=columns).drop_duplicates(unit)[columns].to_numpy(dtype=float)
        for frame, unit, columns in _arms(logged, paired=paired)
    ]
    if not min(map(len, tables)):
        return {}
    probabilities = all(((table >= 0) & (table <= 1)).all() for table in tables)
    names = logged.classes or ("",)
    return {
        name: Samples(tables[0][:, place], tables[1][:, place], paired and probabilities, logged.unit)
        for place, name in enumerate(names)
    }


def loss_samples(logged: Logged, loss: LossOf, *, paired: bool) -> Samples | None:
    """Both variants' losses, 0 to 1, in the order in which truths came; None: there are none of one of them."""
    arms = []
    for (frame, unit, columns), variant in zip(_arms(logged, paired=paired), VARIANTS, strict=True):
        if paired:  # truths are told of the stable's answers
            truth, told = (
                frame[f"{name}_stable"].where(frame["truth_stable"].notna(), frame[f"{name}_candidate"])
                for name in ("truth", "told")
            )
        else:
            truth, told = frame["truth"], frame["told"]
        values = loss(frame[columns].to_numpy(dtype=float), truth.to_numpy(dtype=object))
        found = frame.assign(told_then=told, value=values).dropna(subset=["value", "told_then"])
        found = found.sort_values("told_then", kind="stable").drop_duplicates(unit)
        arms.append((variant, found["value"].to_numpy(dtype=float)))
    new, old = (values for _, values in arms)
    return Samples(new, old, paired, logged.unit) if len(new) and len(old) else None


def _arms(logged: Logged, *, paired: bool) -> list[tuple[pd.DataFrame, str, list[str]]]:
    """The candidate's rows and the stable's: a table, which column says the unit, and which have scores."""
    if not paired:
        return [(logged.rows[variant], "unit", logged.columns) for variant in VARIANTS]
    pairs = logged.pairs()
    return [(pairs, "unit_stable", [f"{name}_{variant}" for name in logged.columns]) for variant in VARIANTS]


def _first_of_request(rows: pd.DataFrame) -> pd.DataFrame:
    """The first row of each request; those whose name was used at two moments are left out."""
    named = rows[rows["request"].notna()]
    moments = named.groupby("request")["time"].transform("nunique")
    return named[moments == 1].drop_duplicates("request")


def _read(
    logs: Sequence[str], digests: Mapping[str, str], start: dt.datetime, end: dt.datetime, key: HashKey | None
) -> tuple[dict[str, Piece], Truths]:
    """Each variant's rows, once each, and all truths; those of one variant's rows may stand in the other's log."""
    days, told = Days(f"{start:%Y-%m-%d}", f"{end:%Y-%m-%d}"), Days(f"{start:%Y-%m-%d}", f"{end:%Y-%m-%d}")
    found: dict[str, list[Piece]] = defaultdict(list)
    labels: list[Iterable[pa.Table]] = []
    for where in logs:
        folder, store = local_folder(where), Store(where)
        if folder is not None and not folder.is_dir():
            raise EvidenceError(f"`{where}` is no folder, so there is no log. --log-dir names what services log to.")
        local = read_local(store, folder, days, told, key)
        for table in chain(day_tables(store, PREDICTIONS, days, paths(())), local.tables[PREDICTIONS]):
            for model, piece in pieces(table, start, end, ()):
                if model.digest in digests:
                    found[digests[model.digest]].append(piece)
        labels.append(chain(day_tables(store, LABELS, told, LABEL_COLUMNS), local.tables[LABELS]))
    whole = {variant: joined(parts)[0] for variant, parts in found.items()}
    return whole, truths_of(chain.from_iterable(labels), [piece.rows["id"] for piece in whole.values()], end)


def _frame(piece: Piece | None, truths: Truths, classes: Sequence[str], since: dt.datetime) -> pd.DataFrame:
    import pandas as pd

    if piece is None:
        columns = ["id", "time", "entity", "request", "unit", "truth", "told", *(f"score{k}" for k in range(99))]
        return pd.DataFrame(columns=columns[: 7 + max(len(classes), 1)])
    rows = piece.rows.select(["id", "time", "entity", "request"]).to_pandas()
    rows["unit"] = rows["entity"].where(
        rows["entity"].notna(), rows["request"].where(rows["request"].notna(), rows["id"])
    )
    truth, told = truths.of(piece.rows["id"])
    rows["truth"], rows["told"] = truth.to_pandas().astype(object), told.to_pandas()
    for place, scores in enumerate(_scores(piece, classes)):
        rows[f"score{place}"] = scores
    return rows[rows["time"] >= pd.Timestamp(since)]


def _scores(piece: Piece, classes: Sequence[str]) -> list[NDArray[np.float64]]:
    if classes:
        nothing = np.full(piece.rows.num_rows, np.nan)
        return [piece.scores[name].to_numpy() if name in piece.scores else nothing for name in classes]
    score, value = (piece.rows[name].to_numpy() for name in ("score", "value"))
    return [np.where(np.isnan(score.astype(float)), value.astype(float), score.astype(float))]
