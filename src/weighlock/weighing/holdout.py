"""The holdout's rows, with what the tree's configuration says of them: what models are scored on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from weighlock import params as params_
from weighlock import schema as schema_
from weighlock.errors import DataError, EvidenceError
from weighlock.layout import PART_FILES, ROW_ID
from weighlock.revisions import file_md5
from weighlock.weighing.predictions import Predictions, score_columns

if TYPE_CHECKING:
    import pandas as pd

    from weighlock.params import Params
    from weighlock.schema import Schema
    from weighlock.scoring import Scorer

FILE = PART_FILES["holdout"]


@dataclass(frozen=True)
class Holdout:
    """The rows that no training saw.

    Attributes:
        rows: all columns, in the order of the keys as text: row by row those of the challenger's predictions.
        schema: the tree's `schema.yaml`.
        params: the tree's `params.yaml`.
        md5: of the file, as DVC has it.
    """

    rows: pd.DataFrame
    schema: Schema
    params: Params
    md5: str

    @property
    def key(self) -> str:
        """The key column's name."""
        return self.schema.key or ROW_ID

    @property
    def ordered(self) -> bool:
        """Whether every row of training is older than every row of the holdout, as long as no group is kept whole."""
        return self.params.split.by == "time" and self.schema.group is None

    def predictions(self, scorer: Scorer, name: str) -> Predictions:
        """A model's predictions of these rows, with the slices that `evaluate` would make.

        Raises:
            EvidenceError: the model is of another task, target or classes than the schema, or takes other features.
        """
        from weighlock.conform import truth
        from weighlock.stages import evaluate
        from weighlock.statistics.metrics import Scored

        signature = scorer.signature
        said = (self.schema.task, self.schema.target, tuple(self.schema.classes or ()))
        if (signature.task, signature.target, signature.classes or ()) != said:
            raise EvidenceError(
                f"`{name}` is a {signature.task} model of `{signature.target}` with classes {signature.classes}; "
                f"`schema.yaml` says {said[0]}, `{said[1]}` and {said[2] or None}. Name a model of this table."
            )
        labels = evaluate.sliced(self.rows, self.schema, self.params.evaluate)
        scored = Scored(
            self.schema.task, truth(self.rows, self.schema), score(scorer, self.rows, name), signature.threshold
        )
        frame = evaluate.predictions(self.rows, scored, labels, self.schema)
        return of_model(scorer, frame, name)

    def check(self, predictions: Predictions) -> None:
        """Refuse predictions that are not of these rows.

        Raises:
            EvidenceError: says what differs.
        """
        keys = predictions.frame["key"].to_numpy()
        if predictions.task != self.schema.task:
            what = f"the task: {predictions.task}, where `schema.yaml` says {self.schema.task}"
        elif not np.array_equal(keys, self.rows[self.key].astype(str).to_numpy()):
            shared = len(np.intersect1d(keys, self.rows[self.key].astype(str)))
            what = f"the keys: {len(keys):,} rows there, {len(self.rows):,} here, {shared:,} of them shared"
        else:
            odd = predictions.frame["truth"].to_numpy() != self.rows[self.schema.target].to_numpy()
            if not odd.any():
                return
            what = f"the truth of {int(odd.sum()):,} rows, such as `{keys[odd][0]}`"
        raise EvidenceError(
            f"`{predictions.name}` is not of the rows in `{FILE}`: they differ in {what}. Run `dvc repro`."
        )


def read_holdout(root: Path) -> Holdout:
    """The holdout of the tree at `root`.

    Raises:
        ConfigError: `params.yaml` or `schema.yaml` is missing or does not fit.
        EvidenceError: the rows are missing or torn.
        DataError: they lack a column of the schema.
    """
    from weighlock.conform import require_columns
    from weighlock.tables import read_table

    schema = schema_.read_schema(root / schema_.FILE)
    rows = read_table(root / FILE, "dvc repro")
    require_columns(rows, schema)
    key = schema.key or ROW_ID
    if key not in rows:
        raise DataError(f"`{root / FILE}` lacks the key `{key}`. Run `dvc repro`.")
    order = np.argsort(rows[key].astype(str).to_numpy(), kind="stable")
    params = params_.read_params(root / params_.FILE)
    return Holdout(rows.iloc[order].reset_index(drop=True), schema, params, file_md5(root / FILE))


def score(scorer: Scorer, rows: pd.DataFrame, name: str) -> Any:
    """The model's scores of the rows.

    Raises:
        EvidenceError: it takes features that the rows do not have, or of another type; they are named.
    """
    if missing := [f.name for f in scorer.signature.features if f.name not in rows.columns]:
        raise EvidenceError(
            f"`{name}` takes {', '.join(f'`{m}`' for m in missing)}, which the holdout in `{FILE}` does not have. Give "
            "its predictions of these rows as a file instead."
        )
    try:
        return scorer.score(rows)
    except DataError as error:
        raise EvidenceError(f"`{name}` cannot score the holdout in `{FILE}`: {error}") from error


def of_model(scorer: Scorer, frame: pd.DataFrame, name: str) -> Predictions:
    """Predictions with what the model's signature says of them."""
    s = scorer.signature
    task: Any = s.task
    # as files are read: what is computed from them does not hang on where the scores came from
    frame = frame.astype(dict.fromkeys(score_columns(s.task, s.classes), "float64"))
    return Predictions(name, frame, task, s.target, s.classes, s.threshold, s.digest, s.trained_until)


def rescored(scorer: Scorer, rows: pd.DataFrame, like: Predictions, name: str) -> Predictions:
    """A model's predictions of rows that another's are of, with their keys, truths and slices.

    Args:
        rows: (n,) with the model's features.
        like: (n,) predictions of these very rows, in their order.

    Raises:
        EvidenceError: as `score` does.
    """
    scores = score(scorer, rows, name)
    columns = score_columns(scorer.signature.task, scorer.signature.classes)
    values = scores.reshape(len(rows), -1).T
    frame = like.frame.drop(columns=like.score_columns).assign(**dict(zip(columns, values, strict=True)))
    return of_model(scorer, frame, name)
