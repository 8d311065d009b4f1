"""Prediction files, as `evaluate` writes them: a row's key, truth and score, whoever's model it was."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from weighlock.errors import EvidenceError, NothingToWeigh
from weighlock.statistics.metrics import Scored

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from weighlock.schema import Task

NOT_SLICES = {"key", "time", "group", "truth", "score", "value"}
SHOWN = 5
# A value that went through float32 or text on its way is still the same truth.
SAME_VALUE = 1e-6


@dataclass(frozen=True)
class Predictions:
    """One model's scores of the holdout's rows.

    Attributes:
        name: as the user named it: a file, a folder, a git revision.
        frame: a row each, in the order of the keys: `key` (text), `time` (UTC) and `group` (text) where there are any,
            `truth` (0/1, the class's name, or the value), `score` | `score_<class>`… | `value`, and the slice columns
            (text).
        task: binary, multiclass or regression.
        target: what is predicted.
        classes: binary: the negative, then the positive; None for regression.
        threshold: for binary: a score from here on is labelled positive.
        model: the digest of the model that scored, `sha256:…`; None where the file does not say.
        trained_until: the newest row that it was trained on, such as 2013-08-04T03:59Z; None where the file does not
            say.
        declared: whether task, target and classes are said by who made them; else they are read off the columns.
    """

    name: str
    frame: pd.DataFrame
    task: Task
    target: str
    classes: tuple[str, ...] | None
    threshold: float | None
    model: str | None
    trained_until: str | None
    declared: bool = True

    @property
    def scored(self) -> Scored:
        """As metrics take them."""
        truth = self.frame["truth"]
        if self.task == "multiclass":
            numbers = {name: i for i, name in enumerate(self.classes or ())}
            scores = self.frame[self.score_columns].to_numpy(dtype=np.float64)
            return Scored(self.task, truth.map(numbers).to_numpy(), scores)
        kind = np.int64 if self.task == "binary" else np.float64
        scores = self.frame[self.score_columns[0]].to_numpy(dtype=np.float64)
        return Scored(self.task, truth.to_numpy(dtype=kind), scores, self.threshold)

    @property
    def score_columns(self) -> list[str]:
        """The columns with scores; for multiclass in the order of `classes`."""
        return score_columns(self.task, self.classes)

    @property
    def slices(self) -> list[str]:
        """The names of the slice columns."""
        return [n for n in self.frame.columns if n not in NOT_SLICES and not n.startswith("score_")]


def score_columns(task: str, classes: tuple[str, ...] | None) -> list[str]:
    """The names under which a task's scores stand in a prediction file."""
    if task == "multiclass":
        return [f"score_{name}" for name in classes or ()]
    return ["score" if task == "binary" else "value"]


def read_predictions(path: Path) -> Predictions:
    """Read a prediction file: Parquet, or CSV where it is named `.csv`.

    It needs a row each of the holdout's rows, with the columns

    - `key`: text or whole numbers, each once;
    - `truth`: 0/1 (or false/true) for binary, the class's name for multiclass, the value for regression;
    - `score` (the positive class's probability) for binary, `score_<class>` for each class for multiclass (each row
      summing to one), `value` for regression;
    - `time` (optional): instants; those that carry no offset are taken as UTC;
    - `group` (optional): rows that belong together.

    Every other column is a slice. `evaluate` also says in the Parquet file's metadata (`weighlock`, JSON) what the
    `task`, `target`, `classes`, `threshold`, `model` and `trained_until` are. A file of another tool that lacks them is
    read by its columns: classes in the columns' order, a threshold of .5, a model that is not known.

    Raises:
        EvidenceError: it is missing or torn, or its metadata are not what `evaluate` writes.
        DataError: a column is missing, or a value in it is not what it should be; the message names file, column and
            key.
    """
    from weighlock.weighing import prediction_files

    return prediction_files.read(path)


def matched(challenger: Predictions, champion: Predictions) -> Predictions:
    """The champion's scores on the challenger's rows: everything but the scores is the challenger's, in its order.

    Raises:
        EvidenceError: task, target, classes, keys, truths or times are not the same; keys and truths are counted, and
            five of each shown.
        NothingToWeigh: both are by the same model, or (where a file does not say) score every row alike.
    """
    _require_same_kind(challenger, champion)
    if challenger.model and challenger.model == champion.model:
        raise NothingToWeigh(
            f"`{challenger.name}` and `{champion.name}` are by the same model, {champion.model[:19]}…: nothing to "
            "weigh, it would be compared with itself. Name another challenger or champion."
        )
    _require_same_rows(challenger, champion)
    columns = challenger.score_columns
    frame = challenger.frame.assign(**{name: champion.frame[name].to_numpy() for name in columns})
    silent = challenger.model is None or champion.model is None
    if silent and (frame[columns].to_numpy() == challenger.frame[columns].to_numpy()).all():
        raise NothingToWeigh(
            f"`{challenger.name}` and `{champion.name}` score all {len(frame):,} rows alike: nothing to weigh, a model "
            "would be compared with itself. Name another challenger or champion."
        )
    return replace(
        champion, frame=frame, target=challenger.target, classes=challenger.classes, declared=challenger.declared
    )


def rows_digest(predictions: Predictions) -> str:
    """`sha256:…` over keys, times and truths: the same for two files on the same holdout, on every machine."""
    frame = predictions.frame
    digest = hashlib.sha256(_text(frame["key"].tolist()))
    if "time" in frame:
        digest.update(b"time" + frame["time"].dt.as_unit("us").astype("int64").to_numpy().astype("<i8").tobytes())
    if predictions.task == "regression":
        digest.update(b"truth" + (frame["truth"].to_numpy(dtype="<f8") + 0.0).tobytes())  # -0 is 0
    else:
        digest.update(b"truth" + _text(frame["truth"].astype(str).tolist()))
    return f"sha256:{digest.hexdigest()}"


def shown(names: list[str], most: int = SHOWN) -> str:
    """The first few of many names, as messages give them."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(f"`{name}`" for name in names[:most]) + more


def _text(values: list[str]) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode()


def _require_same_kind(challenger: Predictions, champion: Predictions) -> None:
    pair = f"`{challenger.name}` and `{champion.name}`"
    if challenger.task != champion.task:
        raise EvidenceError(
            f"{pair} cannot be compared: one is {challenger.task}, the other {champion.task}. Name two of one task."
        )
    if not (challenger.declared and champion.declared):
        if challenger.task == "multiclass" and set(challenger.classes or ()) != set(champion.classes or ()):
            raise EvidenceError(
                f"{pair} cannot be compared: their classes are {challenger.classes} and {champion.classes}."
            )
        return
    for what in ("target", "classes"):
        first, second = getattr(challenger, what), getattr(champion, what)
        if first != second:
            raise EvidenceError(f"{pair} cannot be compared: `{what}` is {first!r} in one and {second!r} in the other.")


def _require_same_rows(challenger: Predictions, champion: Predictions) -> None:
    first, second = challenger.frame, champion.frame
    pair = f"`{challenger.name}` and `{champion.name}`"
    if not np.array_equal(first["key"].to_numpy(), second["key"].to_numpy()):
        only = [sorted({*a["key"]} - {*b["key"]}) for a, b in ((first, second), (second, first))]
        sides = zip((challenger.name, champion.name), only, strict=True)
        counts = "; ".join(f"{len(keys):,} are in `{name}` alone: {shown(keys)}" for name, keys in sides if keys)
        raise EvidenceError(
            f"{pair} are not on the same rows: {len(first):,} and {len(second):,}, "
            f"{len(first) - len(only[0]):,} of them shared; {counts}. Score both models on the same holdout."
        )
    if challenger.task == "regression":
        same = np.isclose(first["truth"], second["truth"], rtol=SAME_VALUE, atol=0)
    else:
        same = (first["truth"] == second["truth"]).to_numpy()
    if not same.all():
        raise EvidenceError(
            f"{pair} have another truth in {int((~same).sum()):,} of {len(first):,} rows: "
            f"{shown(first['key'][~same].tolist())}. Score both models on the same version of the holdout."
        )
    if "time" in first and "time" in second and (apart := (first["time"] != second["time"]).to_numpy()).any():
        raise EvidenceError(
            f"{pair} have another time in {int(apart.sum()):,} of {len(first):,} rows: "
            f"{shown(first['key'][apart].tolist())}. Times without an offset are taken as UTC; mend them, or leave "
            "`time` out of the champion's file."
        )
