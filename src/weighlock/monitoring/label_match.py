"""Which predictions an outcome is about: by the prediction's id, or by what else the log holds of a row.

The service logs `X-Entity-Id` as entity and `X-Request-Id` as request, and each row's features; `weighlock score`
writes the ids of rows beside the columns that it carries along, and may log one of them as entity.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from weighlock.errors import ConfigError, DataError, EvidenceError
from weighlock.monitoring.label_outcomes import IDS
from weighlock.monitoring.log_record import HEADERS, KEY_VARIABLE
from weighlock.monitoring.log_table import TEXT, TIME
from weighlock.monitoring.window_files import gathered
from weighlock.monitoring.window_rows import as_type

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weighlock.batch.inputs import Input
    from weighlock.monitoring.log_forgotten import Forgotten
    from weighlock.monitoring.log_record import HashKey
    from weighlock.scoring import Signature

ID = "id"
_HASHED = r"^h:[0-9a-f]{32}$"
_NONE = pa.table(
    {
        name: pa.array([], kind)
        for name, kind in {**dict.fromkeys(("id", "entity", "digest"), TEXT), "time": TIME}.items()
    }
    | {"key": pa.array([], pa.int64())}
).to_pandas()


@dataclass(frozen=True)
class Join:
    """How outcomes meet predictions.

    Attributes:
        column: of the outcomes; None: their `prediction_id`, or else `id`.
        logged: `id`, `entity`, `request` or `features.NAME`.
        scored: whether files of `weighlock score` say which id a key has.
    """

    column: str | None
    logged: str
    scored: bool = False


def join_by(text: str, signature: Signature, *, scored: bool) -> Join:
    """What `--by` means: `id`, `COLUMN` or `COLUMN=LOGGED`.

    Args:
        text: the option.
        signature: of the model, whose features are logged.
        scored: whether `--scored` names files that carry the column along.

    Raises:
        ConfigError: the log does not hold what it names.
    """
    column, equals, logged = text.partition("=")
    features = {feature.name for feature in signature.features}
    if scored and not equals and column != ID:
        return Join(column, ID, scored=True)
    if scored:
        raise ConfigError(
            "`--scored` says which prediction a key is: name the key's column alone, as `--by flight_id`."
        )
    name = logged or column
    if name == ID:
        return Join(column if equals else None, ID)
    if name in HEADERS:
        return Join(column, name)
    if name in features:
        return Join(column, f"features.{name}")
    raise ConfigError(
        f"`--by {text}`: the prediction log holds no `{name}`. It holds `id`, `entity` (the header X-Entity-Id, or the "
        f"column of `weighlock score --entity`), `request` (X-Request-Id) and the features. `--by {column}=entity` "
        f"says that `{column}` was sent as the entity; `--scored OUT` takes ids from a file that `weighlock score` "
        f"wrote, where `{column}` is carried along."
    )


def ids_of_keys(files: Iterable[Input], column: str, keys: pa.Array) -> tuple[pa.Array, pa.Array]:
    """From files that `weighlock score` wrote: the prediction ids of these keys, and which key each has.

    Returns:
        (m,) ids and (m,) places in `keys`.

    Raises:
        DataError: a file lacks the ids or the column.
    """
    found: list[pa.Table] = []
    for file in files:
        have = file.columns()
        for name in (IDS[0], column):
            if name not in have:
                raise DataError(
                    f"`{file.name}` has no column `{name}`: `--scored` takes what `weighlock score --keep {column}` "
                    "wrote."
                )
        for batch in file.batches([IDS[0], column], [], 0):
            place = pc.index_in(_text(pa.chunked_array([batch.column(column)])), keys)
            pairs = pa.table({"id": batch.column(IDS[0]).cast(TEXT), "place": place.combine_chunks()})
            found.append(pairs.filter(pc.is_valid(pairs["place"])))
    if not found:
        return pa.array([], TEXT), pa.array([], pa.int32())
    pairs = pa.concat_tables(found)
    return pairs["id"].combine_chunks(), pairs["place"].combine_chunks()


@dataclass(frozen=True)
class Matched:
    """Predictions that keys are about.

    Attributes:
        frame: m rows of `id`, `time` (UTC), `entity` and `key`: the place of the key; each prediction once.
        ambiguous: places of keys that several predictions of one answer share (rows of one request, say), one for each
            of these: nobody can tell which one a truth is of, so they are not among the rows.
        forgotten: places of the keys of people who have been forgotten, likewise.
    """

    frame: pd.DataFrame
    ambiguous: NDArray[np.int64]
    forgotten: NDArray[np.int64]


def matched(
    tables: Iterable[pa.Table],
    join: Join,
    keys: pa.Array,
    secret: HashKey | None,
    forgotten: Forgotten,
    *,
    numeric: bool,
) -> Matched:
    """The predictions whose logged column holds one of the keys.

    Args:
        tables: of predictions, as days hold them.
        join: which column.
        keys: (k,) distinct texts.
        secret: of values that are logged as hashes.
        forgotten: whose rows must not come back.
        numeric: whether the truth is a number: of regression.

    Raises:
        ConfigError: the column is hashed, and the key of the hashes is not set.
        EvidenceError: matching predictions are of another task than the outcomes.
    """
    known = _Known(keys, join.logged, secret)
    found = [part for table in gathered(tables) for part in _found(table, join.logged, known, numeric=numeric)]
    frame = pd.concat([_NONE, *found], ignore_index=True).drop_duplicates("id", ignore_index=True)
    gone = _gone(frame, forgotten)
    shared = np.zeros(len(frame), dtype=bool)
    if join.logged in HEADERS:
        shared = ~gone & frame.duplicated(["key", "time", "digest"], keep=False).to_numpy()
    key = frame["key"].to_numpy(dtype=np.int64)
    kept = frame[~shared & ~gone].drop(columns="digest").reset_index(drop=True)
    return Matched(kept, key[shared], key[gone])


def paths(join: Join) -> list[str]:
    """What of a day's file is read."""
    return list(dict.fromkeys(["id", "time", "entity", "model", "value", join.logged]))


class _Known:
    """The keys, in clear and as the log hashes them."""

    def __init__(self, keys: pa.Array, logged: str, secret: HashKey | None) -> None:
        self._keys, self._secret = keys, secret
        self._name = logged.removeprefix("features.")
        self._hashes: pa.Array | None = None

    def places(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        """The place of each value's key; null where it is none."""
        hashed = pc.match_substring_regex(values, _HASHED)
        if self._name == ID or not pc.any(hashed, min_count=0).as_py():
            return pc.index_in(values, self._keys)
        if self._secret is None:
            raise ConfigError(
                f"the log holds hashes of `{self._name}`, and `{KEY_VARIABLE}` is not set, so outcomes cannot be "
                "joined by it. Set it to the key that the service has, or join by `id`."
            )
        if self._hashes is None:
            self._hashes = pa.array([self._secret.hash(self._name, key) for key in self._keys.to_pylist()], TEXT)
        return pc.coalesce(pc.index_in(values, self._hashes), pc.index_in(values, self._keys))


def _found(table: pa.Table, logged: str, known: _Known, *, numeric: bool) -> Iterator[pd.DataFrame]:
    values = _logged(table, logged)
    if values is None:
        return
    place = known.places(values)
    hits = table.append_column("key", place).filter(pc.is_valid(place))
    if not hits.num_rows:
        return
    if "value" in hits.column_names:
        other = hits.filter(pc.is_valid(hits["value"]) if not numeric else pc.is_null(hits["value"]))
        if other.num_rows:
            version = other["model"][0].as_py()["version"]
            raise EvidenceError(
                f"{other.num_rows:,} of the predictions are of `{version}`, which does not answer the question that "
                "the outcomes do (classes against numbers). Name its folder with `--model`."
            )
    digest = pc.struct_field(hits["model"], "digest")
    entity = hits["entity"] if "entity" in hits.column_names else pa.nulls(hits.num_rows, TEXT)
    yield pa.table(
        {"id": hits["id"], "time": hits["time"], "entity": entity, "key": hits["key"], "digest": digest}
    ).to_pandas()


def _logged(table: pa.Table, logged: str) -> pa.ChunkedArray | None:
    top, _, name = logged.partition(".")
    if top not in table.column_names:
        return None
    column = table[top]
    if name:
        place = column.type.get_field_index(name)
        if place < 0:
            return None
        column = pc.struct_field(column, [place])
    return _text(column)


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_integer(column.type) or pa.types.is_dictionary(column.type):
        return column.cast(TEXT)
    return as_type(column, TEXT)


def _gone(frame: pd.DataFrame, forgotten: Forgotten) -> NDArray[np.bool_]:
    if not forgotten.tombstones:
        return np.zeros(len(frame), dtype=bool)
    pairs = zip(frame["entity"], frame["time"], strict=True)
    return np.array([isinstance(e, str) and forgotten.reaches(e, t.to_pydatetime()) for e, t in pairs], dtype=bool)
