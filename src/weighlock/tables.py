"""Parquet as every stage writes and reads it: no index, no writer's metadata, the same bytes for the same rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from weighlock.errors import DataError, EvidenceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

_META = b"weighlock"


def write_table(frame: pd.DataFrame, path: Path, meta: dict[str, Any] | None = None) -> None:
    """Write the rows; `meta` travels in the file's own metadata.

    Raises:
        DataError: a column mixes types that no Parquet column can hold.
    """
    try:
        table = pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(f"a column cannot be written as Parquet: {' '.join(map(str, error.args))}.") from error
    table = table.replace_schema_metadata({_META: json.dumps(meta, sort_keys=True).encode()} if meta else None)
    pq.write_table(table, path, compression="zstd")


def read_table(path: Path, made_by: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read one Parquet file, or every one in a folder in order of their names.

    Raises:
        EvidenceError: it is missing or torn; `made_by` is the command that makes it.
    """
    paths = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    try:
        tables = [pq.read_table(p, columns=columns, partitioning=None) for p in paths]
    except FileNotFoundError:
        raise EvidenceError(f"`{path}` is missing. Run `{made_by}` first.") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise EvidenceError(f"`{path}` cannot be read as Parquet ({error}). Run `{made_by}` again.") from error
    if not tables:
        raise EvidenceError(f"`{path}` holds no Parquet file. Run `{made_by}` first.")
    return pa.concat_tables(tables, promote_options="permissive").to_pandas()


def read_meta(path: Path) -> dict[str, Any]:
    """What `write_table` was given as `meta`; empty where it was given none."""
    content = (pq.read_schema(path).metadata or {}).get(_META, b"{}")
    return dict(json.loads(content))
