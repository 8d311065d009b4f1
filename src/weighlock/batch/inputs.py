"""The files to score: Parquet or CSV, by a path, a glob or a URL, read in batches."""

from __future__ import annotations

import csv
import difflib
import hashlib
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from weighlock.errors import DataError, SourceError

if TYPE_CHECKING:
    from weighlock.params import Csv

BATCH = 65_536  # rows through the model at once, as everywhere
BLOCK = 8 << 20  # of a CSV file
PROBE = 64 << 10
PARQUET = {".parquet", ".pq"}
# What pandas, by which models are trained, takes for null in a CSV file.
NULLS = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "None", "n/a", "nan", "null",
]  # fmt: skip


@dataclass(frozen=True)
class Input:
    """One file to score.

    Attributes:
        name: as messages call it.
        path: within its file system.
        system: an fsspec file system.
        size: in bytes.
        digest: of its base name, its size and both its ends: who it is, wherever it is moved.
        dialect: of a CSV file.
    """

    name: str
    path: str
    system: Any
    size: int
    digest: str
    dialect: Csv

    @property
    def local(self) -> bool:
        """Whether it is on a disk of this machine, where pyarrow needs no help."""
        return is_local(self.system)

    @property
    def is_parquet(self) -> bool:
        """Whether its name says that it is Parquet; everything else is CSV."""
        return PurePosixPath(self.path).suffix in PARQUET

    @property
    def rows(self) -> int | None:
        """How many there are, where that is known without reading them."""
        if not self.is_parquet:
            return None
        with self._opened() as file:
            return int(_parquet(file, self.name).metadata.num_rows)

    def columns(self) -> list[str]:
        """The names of its columns.

        Raises:
            DataError: it is empty, is not what its name says, or names a column twice.
            SourceError: it cannot be read.
        """
        if not self.size:
            raise DataError(f"`{self.name}` is empty. Is it the right file?")
        with self._opened() as file:
            names = list(_parquet(file, self.name).schema_arrow.names) if self.is_parquet else self._header(file)
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise DataError(f"`{self.name}` has the column {', '.join(map(repr, twice))} more than once. Rename one.")
        return names

    def batches(self, columns: Sequence[str], categories: Sequence[str], skip: int) -> Iterator[pa.RecordBatch]:
        """Its rows from row `skip` on, BATCH or fewer at a time; only these columns, in this order.

        Raises:
            DataError: it is torn.
            SourceError: it cannot be read.
        """
        with self._opened() as file:
            try:
                found = self._parquet_batches if self.is_parquet else self._csv_batches
                yield from found(file, list(columns), list(categories), skip)
            except pa.ArrowInvalid as error:
                kind = "Parquet" if self.is_parquet else f"CSV delimited by {self.dialect.delimiter!r}"
                raise DataError(f"`{self.name}` is not {kind}: {error}") from error

    def _parquet_batches(
        self, file: Any, columns: list[str], categories: list[str], skip: int
    ) -> Iterator[pa.RecordBatch]:
        reader = _parquet(file, self.name, [name for name in categories if name in columns])
        groups, start = [], 0
        for group in range(reader.num_row_groups):
            rows = reader.metadata.row_group(group).num_rows
            if start + rows > skip:
                groups.append(group)
            else:
                start += rows
        # One group at a time: a reader of several holds on to those that it has been through.
        each = (reader.iter_batches(BATCH, row_groups=[group], columns=columns) for group in groups)
        for batch in chain.from_iterable(each):
            behind = max(min(skip - start, batch.num_rows), 0)
            start += batch.num_rows
            if behind < batch.num_rows:
                yield batch.slice(behind).select(columns)

    def _csv_batches(self, file: Any, columns: list[str], categories: list[str], skip: int) -> Iterator[pa.RecordBatch]:
        # All of it as text: what is no number can be named then, with its row.
        text = {name: pa.string() for name in columns}
        commas = [name for name in columns if name not in categories] if self.dialect.decimal == "," else []
        reader = pacsv.open_csv(
            file,
            read_options=pacsv.ReadOptions(block_size=BLOCK, encoding=self.dialect.encoding),
            parse_options=pacsv.ParseOptions(delimiter=self.dialect.delimiter, newlines_in_values=True),
            convert_options=pacsv.ConvertOptions(
                column_types=text, include_columns=columns, null_values=NULLS, strings_can_be_null=True
            ),
        )
        start = 0
        for block in reader:
            behind = max(min(skip - start, block.num_rows), 0)
            start += block.num_rows
            for offset in range(behind, block.num_rows, BATCH):
                piece = block.slice(offset, BATCH)
                for name in commas:
                    place = piece.schema.get_field_index(name)
                    piece = piece.set_column(place, name, pc.replace_substring(piece.column(name), ",", "."))
                yield piece

    def _header(self, file: Any) -> list[str]:
        content = file.read(PROBE)
        try:
            text = content.decode(self.dialect.encoding, errors="strict" if len(content) < PROBE else "ignore")
        except (UnicodeDecodeError, LookupError) as error:
            raise DataError(
                f"`{self.name}` is not {self.dialect.encoding}: {error}. Set `data.csv.encoding`."
            ) from error
        return next(csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=self.dialect.delimiter), [])

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        try:
            with pa.OSFile(self.path, "rb") if self.local else self.system.open(self.path, "rb") as file:
                yield file
        except OSError as error:
            if isinstance(error, pa.ArrowException):
                raise
            raise SourceError(f"`{self.name}` cannot be read: {error.strerror or error}.") from error


def find_inputs(pattern: str, dialect: Csv) -> list[Input]:
    """The files that a path, a glob or a URL names, in order of their names.

    Raises:
        SourceError: there is none, or its store does not answer.
    """
    import fsspec

    try:
        system, path = fsspec.core.url_to_fs(pattern)
        paths = sorted(system.glob(path)) if any(c in path for c in "*?[") else [path]
        if system.isdir(path):
            paths = sorted(p for p in system.find(path) if PurePosixPath(p).suffix in PARQUET | {".csv"})
        if not paths:
            raise SourceError(f"no file matches `{pattern}`.")
        shown = [pattern] if paths == [path] else [p if is_local(system) else system.unstrip_protocol(p) for p in paths]
        return [_input(name, p, system, dialect) for name, p in zip(shown, paths, strict=True)]
    except FileNotFoundError as error:
        raise SourceError(f"no file matches `{pattern}`.") from error
    except (OSError, ValueError, ImportError) as error:
        raise SourceError(f"`{pattern}` cannot be read: {type(error).__name__}: {error}") from error


def is_local(system: Any) -> bool:
    """Whether an fsspec file system is this machine's own."""
    return "file" in ([system.protocol] if isinstance(system.protocol, str) else system.protocol)


def require_columns(file: Input, features: Sequence[str], keep: Sequence[str]) -> None:
    """Refuse a file that lacks a column.

    Raises:
        DataError: names each, with the nearest name that the file does have.
    """
    have = file.columns()
    lines = []
    for name in [*features, *keep]:
        if name not in have:
            near = difflib.get_close_matches(name, have, n=1, cutoff=0.5)
            lines.append(f"`{name}`" + (f" (renamed to `{near[0]}`?)" if near else ""))
    if lines:
        better = max(",;\t|", key=have[0].count) if len(have) == 1 and not file.is_parquet else " "
        hint = f" It seems to be delimited by {better!r}: set `data.csv.delimiter`." if have[0].count(better) else ""
        raise DataError(f"`{file.name}` lacks {', '.join(lines)}, which the model takes.{hint}")


def _input(name: str, path: str, system: Any, dialect: Csv) -> Input:
    size = int(system.info(path)["size"])
    ends = system.cat_file(path, 0, PROBE) + system.cat_file(path, max(size - PROBE, 0), size)
    content = f"{PurePosixPath(path).name}\0{size}\0".encode() + ends
    return Input(name, path, system, size, hashlib.blake2b(content, digest_size=16).hexdigest(), dialect)


def _parquet(file: Any, name: str, categories: Sequence[str] = ()) -> pq.ParquetFile:
    try:
        plain = pq.ParquetFile(file)
        texts = [c for c in categories if pa.types.is_string(plain.schema_arrow.field(c).type)]
        return pq.ParquetFile(file, read_dictionary=texts) if texts else plain
    except pa.ArrowInvalid as error:
        raise DataError(f"`{name}` is not a Parquet file: {error}") from error
