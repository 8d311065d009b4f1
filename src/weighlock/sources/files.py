"""A source that is CSV or Parquet files: a path, a glob, or any URL that fsspec knows."""

from __future__ import annotations

import csv
import io
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import pandas as pd

from weighlock.errors import DataError, SourceError
from weighlock.params import Csv

if TYPE_CHECKING:
    from collections.abc import Sequence

DELIMITERS = ",;\t|"


def load_files(pattern: str, dialect: Csv) -> pd.DataFrame:
    """The rows of every file that `pattern` matches, in order of their names.

    Raises:
        SourceError: there is no such file, or its store does not answer.
        DataError: a file is empty, of another encoding or delimiter, or has other columns than the first.
    """
    frames: list[pd.DataFrame] = []
    for name, content in _read_all(pattern):
        frame = read_table(name, content, dialect)
        if frames and list(frame.columns) != list(frames[0].columns):
            odd = sorted(set(frame.columns) ^ set(frames[0].columns)) or ["their order"]
            raise DataError(f"`{name}` has other columns than the first file of `{pattern}`: {', '.join(odd)}.")
        frames.append(frame)
    return pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]


def read_table(name: str, content: bytes, dialect: Csv) -> pd.DataFrame:
    """One CSV or Parquet file's content as a table; `name` tells which and stands in messages.

    Raises:
        DataError: it is empty, has no rows, or is not what its name says.
    """
    if not content:
        raise DataError(f"`{name}` is empty. Is it the right file?")
    if PurePosixPath(name).suffix in {".parquet", ".pq"}:
        frame = _parquet(name, content)
    else:
        frame = _csv(name, content, dialect)
    if frame.empty:
        raise DataError(f"`{name}` has a header but no rows. Is the export complete?")
    return frame


def _read_all(pattern: str) -> Sequence[tuple[str, bytes]]:
    import fsspec

    try:
        handles = fsspec.open_files(pattern, "rb")
        if not handles:
            raise SourceError(f"no file matches `{pattern}` (`data.source.files` in `params.yaml`).")
        contents = []
        for handle in sorted(handles, key=lambda h: str(h.path)):
            with handle as file:
                contents.append((str(handle.path), file.read()))
    except FileNotFoundError as error:
        raise SourceError(f"no file matches `{pattern}` (`data.source.files` in `params.yaml`).") from error
    except (OSError, ValueError, ImportError) as error:
        raise SourceError(f"`{pattern}` cannot be read: {type(error).__name__}: {error}") from error
    return contents


def _parquet(name: str, content: bytes) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(io.BytesIO(content)).to_pandas(timestamp_as_object=False)
    except pa.ArrowException as error:
        raise DataError(f"`{name}` is not a Parquet file: {error}") from error


def _csv(name: str, content: bytes, dialect: Csv) -> pd.DataFrame:
    text = _decode(name, content, dialect.encoding)
    header = next(csv.reader(io.StringIO(text), delimiter=dialect.delimiter), [])
    if len(header) == 1:
        better = max(DELIMITERS, key=header[0].count)
        if header[0].count(better):
            raise DataError(
                f"`{name}` seems to be delimited by {better!r}, but was read with {dialect.delimiter!r}. "
                f"Set `data.csv.delimiter: {better!r}` in `params.yaml`."
            )
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        raise DataError(f"`{name}` has the column {', '.join(map(repr, twice))} more than once. Rename one.")
    options: dict[str, Any] = {"sep": dialect.delimiter, "decimal": dialect.decimal, "low_memory": False}
    try:
        frame = pd.read_csv(io.StringIO(text), **options)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"`{name}` is not a CSV delimited by {dialect.delimiter!r}: {error}") from error
    if not isinstance(frame.index, pd.RangeIndex):  # pandas took the first column for row names and moved the others
        raise DataError(f"`{name}` has rows with more cells than its header has names. Name every column.")
    return frame


def _decode(name: str, content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(
            f"`{name}` is not {encoding}: byte 0x{content[error.start]:02x} on line {line}. "
            "Set `data.csv.encoding` in `params.yaml` (latin-1 and cp1252 are the usual ones)."
        ) from error
    except LookupError:
        raise DataError(f"`data.csv.encoding: {encoding}` is no encoding that Python knows.") from None
