"""How prediction files are read: what other tools leave unsaid is read off the columns, what is bad is refused."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pandas as pd

from weighlock.conform import as_category
from weighlock.errors import DataError, EvidenceError, WeighlockError
from weighlock.schema import Task
from weighlock.slices import MISSING, slice_labels
from weighlock.times import to_utc
from weighlock.weighing.predictions import NOT_SLICES, Predictions, score_columns, shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

PREFIX = "score_"
BINARY = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1}
SUM = 1e-3  # by how much a row's probabilities may miss one
ROUNDING = 1e-6  # by how much single precision may step over 0 or 1
MOST_SLICES = 20  # of a column of another tool's file; `evaluate` has seen to its own
HOW = "`evaluate` writes such files; `docs/gate.md` shows the form."


@dataclass(frozen=True)
class Form:
    """What the scores are of."""

    task: Task
    target: str
    classes: tuple[str, ...] | None
    threshold: float | None
    model: str | None
    trained_until: str | None
    declared: bool


def read(path: Path) -> Predictions:
    """See `predictions.read_predictions`."""
    frame, meta = _read_csv(path) if path.suffix.lower() == ".csv" else _read_parquet(path)
    name = str(path)
    if twice := frame.columns[frame.columns.duplicated()].tolist():
        raise DataError(f"`{name}` has the column {shown(twice)} twice. Leave one of them.")
    _require(frame, ["key", "truth"], name)
    if frame.empty:
        raise DataError(f"`{name}` holds no rows, so there is nothing to weigh. {HOW}")
    form = _declared(meta, name) if "task" in meta else _inferred(frame, name)
    _require(frame, score_columns(form.task, form.classes), name)
    return Predictions(
        name, _rows(frame, form, name), form.task, form.target, form.classes, form.threshold, form.model,
        form.trained_until, form.declared,
    )  # fmt: skip


def _read_parquet(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from weighlock.tables import read_meta

    try:
        table = pq.read_table(path, partitioning=None)
        meta = read_meta(path)
    except FileNotFoundError:
        raise EvidenceError(f"`{path}` is missing. {HOW}") from None
    except (pa.ArrowException, OSError) as error:
        raise EvidenceError(f"`{path}` cannot be read as Parquet ({error}). Is it torn, or no Parquet?") from error
    except (ValueError, TypeError) as error:
        raise EvidenceError(f"the metadata `weighlock` of `{path}` are not JSON ({error}). {HOW}") from error
    columns = []  # no index of pandas', no lists, no categories of Arrow's own
    for place, field in enumerate(table.schema):
        if not (pa.types.is_nested(field.type) or field.name.startswith("__index_level_")):
            coded = pa.types.is_dictionary(field.type)
            columns.append(
                (field.name, table.column(place).cast(field.type.value_type) if coded else table.column(place))
            )
    plain = pa.table([values for _, values in columns], names=[column for column, _ in columns])
    return plain.to_pandas(), meta


def _read_csv(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    try:
        # as text: a key 007 stays itself, and a value that is no number can be named
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise EvidenceError(f"`{path}` is missing. {HOW}") from None
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise EvidenceError(f"`{path}` cannot be read as CSV ({error}).") from error
    if not isinstance(frame.index, pd.RangeIndex):
        raise DataError(f"`{path}` has rows with more fields than its first line has names. Mend them.")
    return frame, {}


def _require(frame: pd.DataFrame, columns: list[str], name: str) -> None:
    if missing := [c for c in columns if c not in frame.columns]:
        raise DataError(
            f"`{name}` lacks the column {shown(missing)}; it has {shown([str(c) for c in frame.columns], 8)}. {HOW}"
        )


def _declared(meta: dict[str, Any], name: str) -> Form:
    """By the file's metadata; other tools may leave out all but the task and, for multiclass, the classes."""
    task, classes, threshold = meta["task"], meta.get("classes"), meta.get("threshold")
    if task not in get_args(Task):
        raise EvidenceError(f"the metadata of `{name}` say `task` {task!r}; it should be {', '.join(get_args(Task))}.")
    if classes is None and task == "binary":
        classes = ["0", "1"]
    counts = {"binary": (2, 2), "multiclass": (3, math.inf), "regression": (0, 0)}[task]
    texts = isinstance(classes, list | None) and all(isinstance(c, str) for c in classes or ())
    if not texts or not counts[0] <= len(set(classes or ())) == len(classes or ()) <= counts[1]:
        raise EvidenceError(f"the metadata of `{name}` say {task} and `classes` {classes!r}, which do not go together.")
    if threshold is not None and not (type(threshold) in {int, float} and math.isfinite(threshold)):
        raise EvidenceError(f"the metadata of `{name}` say `threshold` {threshold!r}, which is no number.")
    texts_of = {key: meta.get(key) for key in ("target", "model", "trained_until")}
    for key, value in texts_of.items():
        if value is not None and not isinstance(value, str):
            raise EvidenceError(f"the metadata of `{name}` say `{key}` {value!r}, which is no text.")
    if (until := texts_of["trained_until"]) is not None:
        _instant(until, name)
    return Form(
        task, texts_of["target"] or "truth", tuple(classes) if classes else None, threshold, texts_of["model"], until,
        {"target", "classes"} <= meta.keys(),
    )  # fmt: skip


def _instant(value: str, name: str) -> None:
    try:
        known = pd.Timestamp(value).tzinfo is not None
    except ValueError:
        known = False
    if not known:
        raise EvidenceError(
            f"the metadata of `{name}` say `trained_until` {value!r}, which is no time such as 2013-08-04T03:59Z."
        )


def _inferred(frame: pd.DataFrame, name: str) -> Form:
    """By the columns, where just one task fits them."""
    classes = [str(c).removeprefix(PREFIX) for c in frame.columns if str(c).startswith(PREFIX)]
    found = {"score": "score" in frame, "value": "value" in frame, f"{PREFIX}<class>": bool(classes)}
    if sum(found.values()) != 1:
        has = " and ".join(f"`{k}`" for k, there in found.items() if there) or "none of them"
        raise DataError(
            f"`{name}` should hold `score` (binary), `value` (regression) or `{PREFIX}<class>` for each class "
            f"(multiclass), but holds {has}. {HOW}"
        )
    if found["value"]:
        return Form("regression", "truth", None, None, None, None, declared=False)
    if found["score"]:
        return Form("binary", "truth", ("0", "1"), None, None, None, declared=False)
    if len(classes) < 3:
        raise DataError(
            f"`{name}` holds scores of {len(classes)} classes; three make it multiclass. For two, give one column "
            "`score`: the positive class's probability."
        )
    return Form("multiclass", "truth", tuple(classes), None, None, None, declared=False)


def _rows(frame: pd.DataFrame, form: Form, name: str) -> pd.DataFrame:
    """The checked columns in the order of the keys."""
    keys = _keys(frame["key"], name)
    order = np.argsort(keys.to_numpy(), kind="stable")
    frame = frame.iloc[order].reset_index(drop=True)
    table = {"key": keys.iloc[order].reset_index(drop=True)}
    if "time" in frame:
        table["time"] = _of_file(lambda: to_utc(frame["time"], "UTC"), name)
    if "group" in frame:
        table["group"] = as_category(frame["group"]).fillna(MISSING)
    table["truth"] = _truth(frame["truth"], form, table["key"], name)
    columns = score_columns(form.task, form.classes)
    table |= {column: _numbers(frame[column], table["key"], name) for column in columns}
    if form.task != "regression":
        _check_probabilities(pd.DataFrame({c: table[c] for c in columns}), table["key"], name)
        table |= {column: table[column].clip(0, 1) for column in columns}
    others = [c for c in frame.columns if c not in NOT_SLICES and not str(c).startswith(PREFIX)]
    label = _as_written if form.declared else _grouped
    return pd.DataFrame(table | {str(c): label(frame[c]) for c in others})


def _keys(values: pd.Series, name: str) -> pd.Series:
    keys = as_category(values)
    if keys.isna().any():
        raise DataError(
            f"`{name}` has no `key` in {int(keys.isna().sum()):,} rows, first in row "
            f"{int(keys.isna().to_numpy().argmax()) + 1}. Every row needs one: rows are matched by it."
        )
    if keys.duplicated().any():
        twice = sorted(keys[keys.duplicated()].unique())
        raise DataError(
            f"`{name}` has {len(twice):,} keys more than once: {shown(twice)}. Each of the holdout's rows stands once."
        )
    return keys


def _truth(values: pd.Series, form: Form, keys: pd.Series, name: str) -> pd.Series:
    if form.task == "regression":
        return _numbers(values, keys, name).astype("float64")
    names = as_category(values)
    if form.task == "binary":
        truth, allowed = names.str.lower().map(BINARY), "0 or 1"
    else:
        truth, allowed = names.where(names.isin(list(form.classes or ()))), f"one of {', '.join(form.classes or ())}"
    _refuse(truth.isna(), values, keys, name, f"should be {allowed}")
    if truth.nunique() < 2:
        raise DataError(
            f"`truth` in `{name}` is {names.iloc[0]!r} in every row. One class alone tells nothing of a model; "
            "give a longer holdout."
        )
    return truth.astype("int8") if form.task == "binary" else truth


def _numbers(values: pd.Series, keys: pd.Series, name: str) -> pd.Series:
    numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    _refuse(~np.isfinite(numbers.to_numpy()), values, keys, name, "should be a finite number")
    return numbers


def _check_probabilities(scores: pd.DataFrame, keys: pd.Series, name: str) -> None:
    for column, values in scores.items():
        out = (values < -ROUNDING) | (values > 1 + ROUNDING)
        _refuse(out, values, keys, name, "should be a probability, from 0 to 1", str(column))
    sums = scores.sum(axis=1)
    if scores.shape[1] > 1 and (odd := (sums - 1).abs() > SUM).any():
        raise DataError(
            f"the probabilities in `{name}` sum to one in every row but {int(odd.sum()):,}, such as "
            f"{shown(keys[odd].tolist())} ({sums[odd].iloc[0]:.4g}). Normalise them."
        )


def _refuse(
    bad: pd.Series | NDArray[np.bool_], values: pd.Series, keys: pd.Series, name: str, should: str, column: str = ""
) -> None:
    bad = np.asarray(bad, dtype=bool)
    if bad.any():
        value = values[bad].iloc[0]
        raise DataError(
            f"`{column or values.name}` in `{name}` {should}, but is not in {int(bad.sum()):,} of {len(bad):,} rows: "
            f"{shown(keys[bad].tolist())} (there {repr(value) if isinstance(value, str) else value})."
        )


def _of_file(work: Callable[[], pd.Series], name: str) -> pd.Series:
    try:
        return work()
    except WeighlockError as error:
        raise DataError(f"`{name}`: {error}") from error


def _as_written(values: pd.Series) -> pd.Series:
    return as_category(values).fillna(MISSING)


def _grouped(values: pd.Series) -> pd.Series:
    """Slices of a column of which nothing is known: numbers in quarters, and the most frequent of anything else."""
    names = as_category(values)
    if not pd.api.types.is_bool_dtype(values):
        numbers = pd.to_numeric(names, errors="coerce")
        if names.notna().any() and np.isfinite(numbers[names.notna()]).all():
            return slice_labels(numbers.astype("float64"), "number", MOST_SLICES)
    return slice_labels(names, "category", MOST_SLICES)
