"""Counters and histograms in Prometheus' text format, right for any number of workers.

Each worker counts in a small file of its own that is mapped into memory; whoever is asked for `/metrics` adds up all of
them. A worker holds a lock on its file while it lives; the next one to start takes over a file that has none, so counts
never go back when a worker dies.
"""

from __future__ import annotations

import math
import mmap
import os
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from weighlock.locks import try_lock

MOST_WORKERS = 4096
FEW = 16  # values up to which a loop is quicker than numpy
Labels = tuple[tuple[str, str], ...]
Type = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True)
class Family:
    """Series of one name.

    Attributes:
        name: without the ending that its type asks for.
        type: counters and histograms are added over all workers, gauges over the living.
        help: what it counts.
        series: the labels of each.
        edges: a histogram's upper bounds, without infinity.
        constant: what a gauge always is, whatever the workers say.
        sparse: series that are 0 are left out.
    """

    name: str
    type: Type
    help: str
    series: tuple[Labels, ...] = ((),)
    edges: tuple[float, ...] = ()
    constant: float | None = None
    sparse: bool = False

    @property
    def width(self) -> int:
        """How many numbers one series takes: a histogram's buckets, the one without bound, and the sum."""
        return len(self.edges) + 2 if self.type == "histogram" else 1


@dataclass
class Metrics:
    """The numbers of one worker, and the sum of all.

    Attributes:
        families: what is counted; the same for all workers of a folder.
        folder: where the workers' files are; None: this process is the only one.
    """

    families: Sequence[Family]
    folder: Path | None = None
    _places: dict[tuple[str, Labels], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        size = 0
        for family in self.families:
            for labels in family.series:
                self._places[family.name, labels] = size
                size += family.width
        self._size = size * 8
        self._file, self._number = self._adopt()
        self._map = mmap.mmap(self._file, self._size)
        self._memory = memoryview(self._map).cast("d")
        for family in self.families:
            if family.type == "gauge":
                for labels in family.series:
                    self._memory[self._places[family.name, labels]] = 0.0

    def place(self, name: str, **labels: str) -> int:
        """Where a series' numbers begin: what `add`, `set` and `observe` take."""
        return self._places[name, tuple(labels.items())]

    def add(self, place: int, amount: float = 1.0) -> None:
        """Count."""
        self._memory[place] += amount

    def set(self, place: int, value: float) -> None:
        """Set a gauge."""
        self._memory[place] = value

    def observe(self, place: int, edges: tuple[float, ...], value: float) -> None:
        """Count a value in a histogram with these edges."""
        memory = self._memory
        memory[place + bisect_left(edges, value)] += 1.0
        memory[place + len(edges) + 1] += value

    def observe_all(self, place: int, edges: tuple[float, ...], values: Sequence[float]) -> None:
        """Count many values."""
        if len(values) < FEW:
            for value in values:
                self.observe(place, edges, value)
            return
        counts = np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1).tolist()
        for bucket, count in enumerate(counts, place):
            if count:
                self._memory[bucket] += count
        self._memory[place + len(edges) + 1] += sum(values)

    def render(self) -> bytes:
        """All workers' numbers in Prometheus' text format."""
        tables = [(self._memory, True), *self._others()]
        lines: list[str] = []
        for family in self.families:
            lines.append(f"# HELP {family.name} {family.help}")
            lines.append(f"# TYPE {family.name} {family.type}")
            for labels in family.series:
                at = self._places[family.name, labels]
                counted = [table for table, alive in tables if alive or family.type != "gauge"]
                values = [math.fsum(table[at + i] for table in counted) for i in range(family.width)]
                if family.sparse and not any(values):
                    continue
                lines += _lines(family, labels, values if family.constant is None else [family.constant])
        return ("\n".join(lines) + "\n").encode()

    def close(self) -> None:
        """Give the file up: the next worker goes on counting in it."""
        self._memory.release()
        self._map.close()
        if self._file >= 0:
            os.close(self._file)

    def _adopt(self) -> tuple[int, int]:
        """A file that no living worker counts in, else a new one, locked; and its number. Without a folder, none."""
        if self.folder is None:
            return -1, -1
        self.folder.mkdir(parents=True, exist_ok=True)
        for number in range(MOST_WORKERS):
            file = os.open(self.folder / f"{number}.metrics", os.O_RDWR | os.O_CREAT, 0o600)
            if not try_lock(file):
                os.close(file)
                continue
            os.ftruncate(file, self._size)
            return file, number
        raise OSError(f"{self.folder}: {MOST_WORKERS} workers count already")

    def _others(self) -> Iterable[tuple[memoryview[float], bool]]:
        if not self.folder:
            return
        for path in sorted(self.folder.glob("*.metrics")):
            if path.stem == str(self._number):
                continue
            with path.open("rb") as file:
                alive = not try_lock(file.fileno(), shared=True)
                content = file.read()
            if len(content) == self._size:  # else its worker is only starting
                yield memoryview(content).cast("d"), alive


def _lines(family: Family, labels: Labels, values: Sequence[float]) -> list[str]:
    if family.type != "histogram":
        return [f"{family.name}{_braces(labels)} {_number(values[0])}"]
    total = 0.0
    lines = []
    for edge, count in zip((*family.edges, math.inf), values, strict=False):
        total += count
        bound = "+Inf" if edge == math.inf else _number(edge)
        lines.append(f"{family.name}_bucket{_braces((*labels, ('le', bound)))} {_number(total)}")
    lines.append(f"{family.name}_sum{_braces(labels)} {_number(values[-1])}")
    lines.append(f"{family.name}_count{_braces(labels)} {_number(total)}")
    return lines


def _braces(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}" if labels else ""


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
