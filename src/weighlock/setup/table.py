"""Someone's own table: where it is, how it is written, and what is in it, read just as `ingest` will read it."""

from __future__ import annotations

import csv
import io
import os
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from weighlock.errors import DataError, SourceError
from weighlock.params import Csv
from weighlock.sources.files import DELIMITERS, read_table

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

SNIFFED_ROWS = 500
PARQUET = {".parquet", ".pq"}
_ENCODINGS = ("utf-8", "cp1252", "latin-1")
_MAGIC = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook. Unpack it, or save the sheet as CSV",
    b"\x1f\x8b": "packed by gzip. Unpack it",
    b"BZh": "packed by bzip2. Unpack it",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook. Save the sheet as CSV",
}


@dataclass(frozen=True)
class Table:
    """A table of the user's.

    Attributes:
        path: as `params.yaml` names it: relative where it is inside the repository, else absolute.
        csv: how it is written; the defaults for Parquet.
        frame: every row.
    """

    path: str
    csv: Csv
    frame: pd.DataFrame

    @property
    def inside(self) -> bool:
        """Whether the file is in the repository."""
        return not Path(self.path).is_absolute()


def open_table(data: str, root: Path, taken: Iterable[Path]) -> Table:
    """The table in the file `data`.

    Args:
        data: a path, absolute or from the current folder.
        root: the repository's folder.
        taken: files and folders that the pipeline writes (and removes), below `root`.

    Raises:
        SourceError: there is no such file, or it stands where the pipeline writes.
        DataError: it is empty, or no table.
    """
    path = _locate(data, root, taken)
    try:
        content = (root / path).read_bytes()
    except OSError as error:
        raise SourceError(f"`{data}` cannot be read: {error.strerror}.") from error
    for magic, what in _MAGIC.items():
        if content.startswith(magic):
            raise DataError(f"`{data}` is {what} first.")
    parquet = Path(path).suffix in PARQUET
    if content.startswith(b"PAR1") and not parquet:
        raise DataError(f"`{data}` is Parquet by its content, but not by its name. Let its name end in `.parquet`.")
    dialect = Csv() if parquet else sniff(data, content)
    frame = read_table(path, content, dialect)
    twice = sorted({str(c) for c in frame.columns[frame.columns.duplicated()]})
    if twice:
        raise DataError(f"`{data}` has the column {', '.join(map(repr, twice))} more than once. Rename one.")
    frame.columns = [str(c) for c in frame.columns]
    return Table(path, dialect, frame)


def sniff(name: str, content: bytes) -> Csv:
    """Encoding, delimiter and decimal sign of a CSV file.

    Raises:
        DataError: it is no text.
    """
    encoding = _encoding(content)
    text = content.decode(encoding).removeprefix("\ufeff")
    if "\0" in text:
        raise DataError(f"`{name}` is no text. Weighlock reads CSV and Parquet.")
    delimiter = max(DELIMITERS, key=lambda sign: _fit(_rows(text, sign)))
    return Csv(delimiter=delimiter, encoding=encoding, decimal=_decimal(_rows(text, delimiter), delimiter))


def _locate(data: str, root: Path, taken: Iterable[Path]) -> str:
    if "://" in data:
        raise SourceError(f"`{data}` is an address; `weighlock init` reads files. Download it first.")
    path = Path(data)
    if path.is_dir() or not path.exists():
        kind = "is a folder" if path.is_dir() else "does not exist"
        raise SourceError(f"`{data}` {kind}. Name one CSV or Parquet file.")
    # the file's own name is kept, also where it is a link: the link is what a clone has
    path = path.parent.resolve() / path.name
    root = root.resolve()
    for place in taken:
        if path.is_relative_to(root / place):
            raise SourceError(
                f"`{data}` stands where the pipeline writes its own files (`{place}`). Move it, to `data/mine/` say."
            )
    if re.search(r"[*?\[\]]", str(path)):
        raise SourceError(f"`{data}` has one of `*?[]` in its path, which `params.yaml` reads as a pattern. Rename it.")
    return Path(os.path.relpath(path, root)).as_posix() if path.is_relative_to(root) else path.as_posix()


def _encoding(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    for encoding in _ENCODINGS:
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return _ENCODINGS[-1]


def _rows(text: str, delimiter: str) -> list[list[str]]:
    try:
        return [row for row in islice(csv.reader(io.StringIO(text), delimiter=delimiter), SNIFFED_ROWS) if row]
    except csv.Error:
        return []


def _fit(rows: list[list[str]]) -> tuple[float, int]:
    """How well a delimiter cuts rows into as many cells as the header has; nothing where it cuts no header."""
    width = len(rows[0]) if rows else 0
    return (sum(len(row) == width for row in rows) / len(rows), width) if width > 1 else (0.0, 0)


def _decimal(rows: list[list[str]], delimiter: str) -> Literal[".", ","]:
    if delimiter == ",":
        return "."  # there, 1,234 in quotes is a thousand
    cells = [cell.strip() for row in rows[1:] for cell in row]
    commas = sum(bool(re.fullmatch(r"[+-]?\d+,\d+", cell)) for cell in cells)
    points = sum(bool(re.fullmatch(r"[+-]?\d+\.\d+", cell)) for cell in cells)
    return "," if commas > points else "."
