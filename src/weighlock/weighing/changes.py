"""What changed between two versions: keys of `params.yaml`, and the rows that each was trained on."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from weighlock.decisions.context import DataChanges, Drift, ParamChange, TrainingSet
from weighlock.errors import EvidenceError
from weighlock.layout import PART_FILES, ROW_ID
from weighlock.schema import label
from weighlock.times import minute
from weighlock.tracking.result import flatten
from weighlock.weighing.unseen import TRAINED_ON

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weighlock.schema import Schema
    from weighlock.weighing.contender import Contender


def params_changes(old_text: str, new_text: str) -> tuple[ParamChange, ...]:
    """The keys whose values are not the same, in the new file's order, then those that are gone.

    Raises:
        EvidenceError: a text is not YAML with keys and values.
    """
    old, new = _params(old_text), _params(new_text)
    keys = {**new, **old}
    changed = (k for k in keys if (k in old, old.get(k)) != (k in new, new.get(k)))
    return tuple(ParamChange(k, _shown(old, k), _shown(new, k)) for k in changed)


def training_rows(contender: Contender) -> pd.DataFrame | None:
    """The rows that the compared model was trained on: the holdout too where it is the served model.

    Returns:
        None where they are not to be had: of a file or a single model, or neither in DVC's cache nor in a remote.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if contender.source is None or contender.which is None:
        return None
    which = contender.which
    if which == "served" and contender.digests.served == contender.digests.weighed:
        which = "weighed"  # `refit: never`
    try:
        parts = [pq.read_table(io.BytesIO(contender.source.data(PART_FILES[p]))) for p in TRAINED_ON[which]]
    except (EvidenceError, pa.ArrowException):
        return None
    return pd.concat([part.to_pandas() for part in parts], ignore_index=True)


def data_changes(old: pd.DataFrame, new: pd.DataFrame, schema: Schema) -> DataChanges:
    """How the new training set differs from the old one.

    Args:
        old: rows as `conform` makes them, of a schema that may be an older one.
        new: rows of `schema`.
        schema: the newer one.
    """
    both = [c for c in new.columns if c in old.columns]
    kinds = [(c, _type(old[c]), _type(new[c])) for c in both]
    key = schema.key or ROW_ID
    shared = int(new[key].astype(str).isin(set(old[key].astype(str))).sum()) if key in both else 0
    drift = [
        _drift(name, column.type, old[name], new[name]) for name, column in schema.features.items() if name in both
    ]
    return DataChanges(
        old=_rows(old, schema),
        new=_rows(new, schema),
        shared=shared,
        added=tuple(c for c in new.columns if c not in old.columns),
        removed=tuple(c for c in old.columns if c not in new.columns),
        retyped=tuple(kind for kind in kinds if kind[1] != kind[2]),
        drift=tuple(sorted(drift, key=lambda d: (-d.size, d.feature))),
    )


def _shown(params: dict[str, Any], key: str) -> str | None:
    return json.dumps(params[key], ensure_ascii=False, default=str) if key in params else None


def _params(text: str) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise EvidenceError(f"a version's `params.yaml` is not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise EvidenceError(f"a version's `params.yaml` holds {type(content).__name__} instead of keys and values.")
    return flatten(content)


def _rows(frame: pd.DataFrame, schema: Schema) -> TrainingSet:
    times = frame[schema.time] if schema.time in frame.columns else None
    first, last = (minute(times.min()), minute(times.max())) if times is not None and len(times) else (None, None)
    return TrainingSet(len(frame), first, last, _target(frame, schema))


def _target(frame: pd.DataFrame, schema: Schema) -> tuple[tuple[str, float], ...]:
    if schema.target not in frame.columns or frame.empty:
        return ()
    values = frame[schema.target]
    if schema.task == "multiclass":
        shares = values.value_counts(normalize=True)
        return tuple((name, float(shares.get(name, 0.0))) for name in schema.classes or ())
    if schema.task == "binary":
        return ((str((schema.classes or ["", "1"])[1]), float(values.mean())),)
    return (("mean", float(values.mean())), ("standard deviation", float(values.std(ddof=0))))


def _type(values: pd.Series) -> str:
    if pd.api.types.is_datetime64_any_dtype(values):
        return "time"
    return "number" if pd.api.types.is_numeric_dtype(values) else "text"


def _drift(name: str, kind: str, old: pd.Series, new: pd.Series) -> Drift:
    missing = [float(v.isna().mean()) if len(v) else 0.0 for v in (old, new)]
    a, b = old.dropna(), new.dropna()
    distance = None
    if len(a) and len(b):
        numbers = kind in {"number", "integer"} and _type(a) == _type(b) == "number"
        distance = _wasserstein(a.to_numpy(float), b.to_numpy(float)) if numbers else _jensen_shannon(a, b)
    return Drift(name, kind, distance, *missing)


def _wasserstein(old: NDArray[np.float64], new: NDArray[np.float64]) -> float:
    from scipy.stats import wasserstein_distance

    # sorted once, and each value once: scipy would sort all of them five times
    (a, a_count), (b, b_count) = (np.unique(v, return_counts=True) for v in (old, new))
    distance, spread = float(wasserstein_distance(a, b, a_count, b_count)), float(old.std())
    if distance == 0:
        return 0.0
    return distance / spread if spread > 0 else float("inf")


def _jensen_shannon(old: pd.Series, new: pd.Series) -> float:
    from scipy.spatial.distance import jensenshannon

    # counted before they are named: levels are few, rows are many; 3 and 3.0 are one level
    a, b = (v.value_counts(normalize=True).groupby(label).sum() for v in (old, new))
    a, b = a.align(b, fill_value=0.0)
    return float(np.nan_to_num(jensenshannon(a.to_numpy(), b.to_numpy(), base=2)))  # rounding below 0 gives NaN
