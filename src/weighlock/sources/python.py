"""A source that is a Python callable `(start, end) -> pandas.DataFrame`."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from weighlock.dotted import resolve
from weighlock.errors import DataError, SourceError

if TYPE_CHECKING:
    import datetime as dt


def load_python(path: str, start: dt.date | None, end: dt.date | None) -> pd.DataFrame:
    """Call `package.module:name` with the window's first and last day.

    Raises:
        SourceError: it raised; the message says where.
        DataError: what it returned is no DataFrame.
    """
    function = resolve(path, "data.source.python")
    try:
        frame = function(start, end)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise SourceError(
            f"the source `{path}` raised {type(error).__name__}: {error} "
            f"(`{Path(last.filename).name}`, line {last.lineno}). Mend it, then run `dvc repro` again."
        ) from error
    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"the source `{path}` returned {type(frame).__name__}; it should return a pandas DataFrame.")
    return frame.reset_index(drop=True)
