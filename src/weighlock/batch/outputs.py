"""Where scores go: parts that appear whole, a manifest that says which are done, and at the end one file or a folder.

A part is a fixed stretch of one input file, so a run that was killed and started again finds what is done, and writes
the part that was under way anew under its own name.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import PurePosixPath
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from weighlock.errors import ConfigError, EvidenceError
from weighlock.monitoring.log_store import Store

MANIFEST = "_manifest.json"  # readers of a folder of Parquet pass over such names
KINDS = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv"}


@dataclass(frozen=True)
class Plan:
    """What decides about the bytes of every part; a run with another plan must not go on with its parts.

    Attributes:
        inputs: the digests of the files, in order.
        model: the digest of the model.
        columns: those that are carried along.
        on_error: refuse or skip.
        log: whether rows go into the prediction log.
        part_rows: input rows of a part.
        kind: parquet or csv.
    """

    inputs: list[str]
    model: str
    columns: list[str]
    on_error: str
    log: bool
    part_rows: int
    kind: str


@dataclass
class Progress:
    """The manifest: the plan, when the run began, and what is done.

    Attributes:
        plan: see there.
        started: when the first run began; the time of every record that goes into the prediction log.
        parts: by name, how many rows it has, and how many of its input rows were skipped.
        files: by place of an input, how many rows it has; once that is known, it is read no more.
        complete: nothing is left to do.
    """

    plan: Plan
    started: str
    parts: dict[str, dict[str, int]] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)
    complete: bool = False

    def done(self, place: int) -> int:
        """How many parts of an input are done."""
        return sum(name.startswith(f"part-{place:05}-") for name in list(self.parts))

    @property
    def rows(self) -> int:
        """Those that are written."""
        return sum(part["rows"] for part in list(self.parts.values()))

    @property
    def skipped(self) -> int:
        """Those that could not be scored."""
        return sum(part["skipped"] for part in list(self.parts.values()))


class Output:
    """The place of a run's parts, and of what becomes of them."""

    def __init__(self, out: str) -> None:
        """Where OUT ends in .parquet or .csv it will be one file; else a folder of Parquet parts."""
        path = PurePosixPath(out)
        self.out = out
        self.single = path.suffix in KINDS
        self.kind = KINDS.get(path.suffix, "parquet")
        head, _, name = out.rpartition("/")
        self._above = Store(head or ("/" if out.startswith("/") else "."))
        self._name = name
        self.parts = Store(f"{head}/.{name}.parts" if head else f".{name}.parts") if self.single else Store(out)

    def open(self, plan: Plan, now: str) -> Progress:
        """The progress of the run before, or of a new one.

        Raises:
            ConfigError: OUT is there already, or is of another run.
        """
        progress = self._read()
        there = self._there()
        if progress is None or (progress.complete and not there):  # what was finished and then removed is made anew
            if there:
                raise ConfigError(f"`{self.out}` is there already. Remove it, or name another place.")
            progress = Progress(plan, now)
            self.save(progress)
        elif replace(progress.plan, on_error=plan.on_error) == plan and not progress.skipped:
            progress.plan = plan  # so far no row was in doubt, so it does not matter what was to be done with one
        elif progress.plan != plan:
            old, new = asdict(progress.plan), asdict(plan)
            changed = ", ".join(key for key in new if new[key] != old[key])
            if progress.complete:
                raise ConfigError(
                    f"`{self.out}` is there already, of another run: its {changed} differ. Remove it, or name another "
                    "place."
                )
            raise ConfigError(
                f"`{self.parts.where}` holds a run that was not finished, and its {changed} differ. Finish it as it "
                "was begun, or remove that folder."
            )
        if self.single and progress.complete:
            self._tidy(progress)  # it may have been killed at that
        return progress

    def save(self, progress: Progress) -> None:
        """Write the manifest: from here on its parts count."""
        self.parts.write(MANIFEST, (json.dumps(asdict(progress), indent=1) + "\n").encode())

    def write(self, name: str, table: pa.Table) -> None:
        """Write a part whole."""
        self.parts.write(name, encoded(table, self.kind))

    def finish(self, progress: Progress) -> None:
        """Make the one file of its parts, where that is what OUT names; nobody sees half of it."""
        if self.single:
            names = sorted(progress.parts)
            join = self._csv if self.kind == "csv" else self._parquet
            self._above.write_with(self._name, lambda file: join(names, file))
        progress.complete = True
        self.save(progress)
        if self.single:
            self._tidy(progress)

    def _tidy(self, progress: Progress) -> None:
        """Remove the parts; the manifest stays, so that the same run again finds that nothing is left to do."""
        for name in progress.parts:
            self.parts.remove(name)

    def _csv(self, names: Sequence[str], file: IO[bytes]) -> None:
        for place, name in enumerate(names):
            content = self._part(name)
            file.write(content if place == 0 else content.partition(b"\n")[2])

    def _parquet(self, names: Sequence[str], file: IO[bytes]) -> None:
        writer = None
        for name in names:
            table = pq.read_table(io.BytesIO(self._part(name)))
            writer = writer or pq.ParquetWriter(file, table.schema, **options(table.schema))
            writer.write_table(table)
        if writer:
            writer.close()

    def _part(self, name: str) -> bytes:
        content = self.parts.read(name)
        if content is None:
            raise EvidenceError(f"`{self.parts.where}/{name}` is missing. Remove that folder, and score anew.")
        return content

    def _read(self) -> Progress | None:
        content = self.parts.read(MANIFEST)
        if content is None:
            return None
        try:
            found = json.loads(content)
            return Progress(**{**found, "plan": Plan(**found["plan"])})
        except (KeyError, TypeError, ValueError) as error:
            raise EvidenceError(
                f"`{self.parts.where}/{MANIFEST}` is no manifest of `weighlock score` ({error}). Remove that folder, "
                "and score anew."
            ) from error

    def _there(self) -> bool:
        if self.single:
            return self._above.exists(self._name)
        return any(name != MANIFEST for name in self.parts.names(""))


def options(schema: pa.Schema) -> dict[str, Any]:
    """How columns are best written: ids share their beginnings, scores their exponents."""
    texts = {f.name: "DELTA_BYTE_ARRAY" for f in schema if pa.types.is_string(f.type)}
    floats = {f.name: "BYTE_STREAM_SPLIT" for f in schema if pa.types.is_float32(f.type)}
    labels = [f.name for f in schema if pa.types.is_dictionary(f.type)]
    return {"compression": "zstd", "use_dictionary": labels, "column_encoding": {**texts, **floats}}


def encoded(table: pa.Table, kind: str) -> bytes:
    """A table as the bytes of a file."""
    buffer = io.BytesIO()
    if kind == "parquet":
        pq.write_table(table, buffer, **options(table.schema))
    else:
        plain = [c.cast(pa.string()) if pa.types.is_dictionary(c.type) else c for c in table.columns]
        pacsv.write_csv(pa.table(plain, names=table.column_names), buffer)
    return buffer.getvalue()
