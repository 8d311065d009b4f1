"""Where rows come from: a Python callable, files, or a database; each gives a pandas DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from weighlock.params import DataParams


def load(data: DataParams) -> pd.DataFrame:
    """All rows that the source of `data` has for its window (a source may return more).

    Raises:
        SourceError: it raised, does not answer, or is not there.
        DataError: what it holds cannot be read as a table.
    """
    source = data.source
    if source.python is not None:
        from weighlock.sources.python import load_python

        return load_python(source.python, data.window.start, data.window.end)
    if source.files is not None:
        from weighlock.sources.files import load_files

        return load_files(source.files, data.csv)
    assert source.sql is not None  # noqa: S101  (Source allows exactly one)
    from weighlock.sources.sql import load_sql

    return load_sql(source.sql, data.window.start, data.window.end)
