"""What is written of scored rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from weighlock.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weighlock.batch.feeds import Feeds
    from weighlock.scoring import Signature

ID = "prediction_id"
FLAGS = "flags"
_DIGITS = 10


def ids_of(prefix: str, rows: NDArray[np.int64]) -> pa.Array:
    """`prefix-0000000017` for each row of a file, counted from 0: the same whenever and wherever it is scored."""
    start = len(prefix) + 1
    width = start + _DIGITS
    letters = np.empty((len(rows), width), dtype=np.uint8)
    letters[:, :start] = np.frombuffer(f"{prefix}-".encode(), dtype=np.uint8)
    rest = rows
    for place in range(width - 1, start - 1, -1):
        letters[:, place] = rest % 10 + ord("0")
        rest = rest // 10
    offsets = np.arange(0, (len(rows) + 1) * width, width, dtype=np.int32)
    return pa.StringArray.from_buffers(len(rows), pa.py_buffer(offsets), pa.py_buffer(letters))


def scored_table(
    batch: pa.RecordBatch,
    ids: pa.Array,
    feeds: Feeds,
    scores: NDArray[np.float32],
    labels: NDArray[Any] | None,
    signature: Signature,
    keep: Sequence[str],
) -> pa.Table:
    """The id, the columns that are carried along, the scores, the label and the flags of each row."""
    columns: dict[str, Any] = {ID: ids}
    for name in keep:
        column = batch.column(name)
        plain = pa.types.is_dictionary(column.type) and pa.types.is_string(column.type.value_type)
        columns[name] = column.cast(pa.string()) if plain else column
    for place, name in enumerate(score_names(signature)):
        columns[name] = pa.array(scores if scores.ndim == 1 else scores[:, place])
    if labels is not None:
        columns["label"] = pa.DictionaryArray.from_arrays(pa.array(labels), pa.array(signature.classes, pa.string()))
    columns[FLAGS] = _flags(feeds.flags, len(ids))
    return pa.table(columns)


def score_names(signature: Signature) -> list[str]:
    """The columns of the scores, as `reports/predictions.parquet` calls them."""
    if signature.task == "multiclass":
        return [f"score_{name}" for name in signature.classes or ()]
    return ["score" if signature.task == "binary" else "value"]


def require_free_names(keep: Sequence[str], signature: Signature) -> None:
    """Refuse to carry a column along under a name that the output has for itself.

    Raises:
        ConfigError: names it.
    """
    for name in keep:
        if name in {ID, FLAGS, "label", *score_names(signature)}:
            raise ConfigError(
                f"`--keep {name}`: the output has a column `{name}` of its own. Rename it, or leave it out."
            )


def _flags(flags: dict[int, list[str]], count: int) -> pa.Array:
    """A row's flags as one text, which CSV can hold: `range:distance unseen:carrier`; null where there are none."""
    if not flags:
        return pa.nulls(count, pa.string())
    texts: list[str | None] = [None] * count
    for row, names in flags.items():
        texts[row] = " ".join(names)
    return pa.array(texts, pa.string())
