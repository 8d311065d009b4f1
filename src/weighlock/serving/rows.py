"""The rows of a request on their way from reader to model and log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Values = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """Rows by feature, as the model takes them: (numbers, n) with NaN for null, and texts (n,) with null as None."""

    numbers: NDArray[np.float64]
    texts: Sequence[Sequence[str | None]]

    @classmethod
    def of(cls, rows: Sequence[Values], numbers: int) -> Columns:
        """Rows, each with so many numbers, then the texts.

        Raises:
            TypeError: a member of a row was left out.
        """
        columns = list(zip(*rows, strict=True))
        count = numbers * len(rows)
        by_feature = np.fromiter(chain.from_iterable(columns[:numbers]), np.float64, count)
        return cls(by_feature.reshape(numbers, len(rows)), columns[numbers:])

    @classmethod
    def together(cls, parts: Sequence[Columns]) -> Columns:
        """The rows of several, one after another."""
        if len(parts) == 1:
            return parts[0]
        texts = zip(*(part.texts for part in parts), strict=True)
        numbers = np.concatenate([part.numbers for part in parts], axis=1)
        return cls(numbers, [list(chain.from_iterable(column)) for column in texts])


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one request.

    Attributes:
        sent: (n,) the rows as they are logged: structs that encode as JSON objects.
        values: (n,) for each the numbers (None: null), then the texts (None: null), in the order of `Reader.names`.
        flags: by row, what was odd about it; most rows have none.
        columns: the values by column, where checking them has made these anyway.
        raw: the rows as they came, a list of objects in JSON without a line break; None where these are few, or where
            a member of theirs was left out, or had to be read as something else.
    """

    sent: list[Any]
    values: list[Values]
    flags: dict[int, list[str]]
    columns: Columns | None = None
    raw: bytes | None = None
