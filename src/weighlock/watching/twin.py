"""The champion's twin: its own recipe, trained on what was known when the window began."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighlock.errors import EvidenceError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from weighlock.watching.performance import Twin

TRAIN = "train"


def of_folder(folder: Path, before: dt.datetime) -> Twin:
    """A trained twin from its folder.

    Args:
        folder: with `model.onnx` and `signature.json`.
        before: the first row that is to be scored; the twin must not have seen it.

    Raises:
        EvidenceError: there is none, or its training saw rows of the window.
    """
    from weighlock.scoring import RESULT_THREADS, Scorer

    scorer = Scorer.load(folder, threads=RESULT_THREADS)
    until = scorer.signature.trained_until
    if until is None or dt.datetime.fromisoformat(until) >= before:
        raise EvidenceError(
            f"`{folder}` was trained up to {until}, and is to be compared on rows from {before:%Y-%m-%dT%H:%MZ} on. "
            "Train it on what came before them."
        )
    return scorer.score


def trained(root: Path, recipe: Path, before: dt.datetime) -> Twin:
    """A twin that is trained here: the recipe on all rows that the source has from the window's start up to `before`.

    The rows are those of `data.source`, checked as `validate` does; the code is the tree's.

    Args:
        root: of the repository.
        recipe: the champion's `recipe.json`.
        before: rows from this instant on are left out.

    Raises:
        SourceError, DataError: the source does not answer, or has no row before that.
    """
    from weighlock.conform import conform
    from weighlock.files import read_json
    from weighlock.learners.recipe import Recipe, matrix
    from weighlock.params import Window, read_params
    from weighlock.schema import read_schema
    from weighlock.sources import load
    from weighlock.times import local_days, to_utc

    params, schema = read_params(root / "params.yaml"), read_schema(root / "schema.yaml")
    if schema.time is None:
        raise EvidenceError("`schema.yaml` has no `time`: there is no telling which rows came before the window.")
    start = params.data.window.start
    data = params.data.model_copy(update={"window": Window(start=start, end=before.date())})
    rows = load(data)
    rows = rows.assign(**{schema.time: to_utc(rows[schema.time], data.timezone)})
    rows = rows[rows[schema.time] < before]
    if start is not None:
        rows = rows[local_days(rows[schema.time], data.timezone).dt.date >= start]
    if not len(rows):
        raise EvidenceError(f"the source has no rows before {before:%Y-%m-%d} to train the twin on.")
    typed, failures = conform(rows.reset_index(drop=True), schema)
    model = Recipe.from_json(read_json(recipe, "dvc repro")).fit(typed.drop(index=failures["row"].unique()), schema)

    def score(features: pd.DataFrame) -> NDArray[Any]:
        return model.score(matrix(features, schema))

    return score
