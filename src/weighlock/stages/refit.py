"""Refit: the recipe that was weighed, trained once more on all rows: the model that is shipped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from weighlock.errors import ModelError
from weighlock.files import outputs, read_json
from weighlock.layout import GOLDEN, MODEL, PART_FILES, PROFILE, RECIPE, SERVED, SIGNATURE, WEIGHED
from weighlock.learners.export import export
from weighlock.learners.parity import check_parity
from weighlock.learners.recipe import Recipe
from weighlock.monitoring.profile import day_profile
from weighlock.params import read_params
from weighlock.schema import Schema, read_schema
from weighlock.scoring import RESULT_THREADS, Scorer, Signature
from weighlock.tables import read_table, write_table
from weighlock.times import local_days, minute

if TYPE_CHECKING:
    from numpy.typing import NDArray

LIBRARIES = (
    "lightgbm",
    "numpy",
    "onnx",
    "onnxmltools",
    "onnxruntime",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "scipy",
    "skl2onnx",
)
GOLDEN_ROWS = 100
_JSON_TYPES: dict[str, Callable[[Any], Any]] = {"number": float, "integer": int, "boolean": bool, "category": str}


def run() -> None:
    """Read the recipe and every row; write the served model, its golden rows and its day profile."""
    params, schema = read_params(), read_schema()
    parts = [read_table(Path(file), "weighlock stage split") for file in PART_FILES.values()]
    holdout, rows = parts[-1], pd.concat(parts, ignore_index=True)
    weighed = Scorer.load(Path(WEIGHED), threads=RESULT_THREADS)
    model = None
    if params.refit.when == "never":
        content, signature = (Path(WEIGHED) / MODEL).read_bytes(), weighed.signature
    else:
        recipe = Recipe.from_json(read_json(Path(WEIGHED) / RECIPE, "weighlock stage train"))
        model = recipe.fit(rows, schema)
        content, signature = export(model, minute(rows[schema.time].max()) if schema.time else None)
    served = Scorer(content, signature, threads=RESULT_THREADS)
    if model is not None:
        check_parity(model, served, holdout)
    check_inputs(weighed.signature, signature)
    agreement = check_ranks(weighed.score(holdout), served.score(holdout), params.refit.min_rank_correlation)
    scores = _named(served.score(rows), schema)
    days = local_days(rows[schema.time], params.data.timezone) if schema.time else None
    kinds = {name: column.type for name, column in schema.features.items()}
    profile, bins = day_profile(rows[list(schema.features)], kinds, scores, days, params.train.max_categories)
    with outputs("refit") as out:
        out.path(f"{SERVED}/{MODEL}").write_bytes(content)
        out.json(f"{SERVED}/{SIGNATURE}", signature.to_json())
        out.json(f"{SERVED}/{GOLDEN}", golden(served, holdout, schema))
        write_table(profile, out.path(f"{SERVED}/{PROFILE}"), {"bins": bins, "model": signature.digest})
    print(f"{SERVED}/{MODEL}: {len(rows):,} rows; ranks agree with the weighed model's at {agreement:.4f}")


def check_inputs(weighed: Signature, served: Signature) -> None:
    """Both models must take the same request and give the same classes.

    Raises:
        ModelError: names what differs.
    """
    before = {f"`{f.name}`": (f.type, f.nullable) for f in weighed.features} | {"its classes": weighed.classes}
    after = {f"`{f.name}`": (f.type, f.nullable) for f in served.features} | {"its classes": served.classes}
    if before != after:
        odd = sorted(k for k in {*before, *after} if before.get(k) != after.get(k))
        raise ModelError(
            f"the served model takes other inputs than the weighed one: {', '.join(odd)}. Run `dvc repro`."
        )


def check_ranks(weighed: NDArray[Any], served: NDArray[Any], least: float) -> float:
    """Spearman's correlation of the two models' scores on the same rows; the lowest of any class.

    Raises:
        ModelError: it is below `least`.
    """
    pairs = zip(weighed.reshape(len(weighed), -1).T, served.reshape(len(served), -1).T, strict=True)
    correlations = []
    for a, b in pairs:
        constant = [np.ptp(a) == 0, np.ptp(b) == 0]
        if any(constant):
            correlations.append(float(all(constant)))  # two constants rank all rows alike
        else:
            correlations.append(float(np.corrcoef(pd.Series(a).rank(), pd.Series(b).rank())[0, 1]))
    lowest = min(correlations)
    if not lowest >= least:
        raise ModelError(
            f"the served model ranks the holdout's rows unlike the weighed one: correlation {lowest:.3f}, required "
            f"{least:g} (`refit.min_rank_correlation`). The recipe is unstable, or the newest rows differ; look at "
            "`reports/slices.json` before you lower it."
        )
    return lowest


def golden(scorer: Scorer, rows: pd.DataFrame, schema: Schema) -> dict[str, Any]:
    """A hundred rows as requests, with the scores that any copy of this model must give them (within 1e-5)."""
    places = np.unique(np.linspace(0, len(rows) - 1, GOLDEN_ROWS).round().astype(int))
    chosen = rows.iloc[places][list(schema.features)]
    requests = [
        [None if pd.isna(value) else _JSON_TYPES[column.type](value) for value in chosen[name]]
        for name, column in schema.features.items()
    ]
    scores = scorer.score(chosen).astype(float)
    return {
        "model": scorer.signature.digest,
        "rows": [dict(zip(schema.features, row, strict=True)) for row in zip(*requests, strict=True)],
        "scores": [[round(v, 7) for v in row] if isinstance(row, list) else round(row, 7) for row in scores.tolist()],
    }


def _named(scores: NDArray[Any], schema: Schema) -> dict[str, NDArray[Any]]:
    if schema.task == "multiclass":
        return {name: scores[:, i] for i, name in enumerate(schema.classes or ())}
    return {"": scores}
