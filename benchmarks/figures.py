"""What a benchmark reports: figures beside what was asked of them."""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Attributes:
        name: what was measured.
        asked: the bar, in words.
        measured: what came out, in words.
        value: the same as a number.
        met: whether the bar was reached.
    """

    name: str
    asked: str
    measured: str
    value: float
    met: bool


def report(title: str, figures: Sequence[Figure]) -> int:
    """Print the figures, write them to `results/<title>.json`, and return 1 where one falls short."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for column in ("figure", "asked", "measured", ""):
        table.add_column(column)
    for figure in figures:
        table.add_row(figure.name, figure.asked, figure.measured, "[green]met[/]" if figure.met else "[red]short[/]")
    Console().print(table)
    RESULTS.mkdir(exist_ok=True)
    content = {
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "figures": [asdict(f) for f in figures],
    }
    (RESULTS / f"{title}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return int(not all(f.met for f in figures))


def seconds(call: Callable[[], object], times: int) -> float:
    """The median time of a call, after one that warms up."""
    call()
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def command(*words: str, cwd: Path, env: dict[str, str]) -> Callable[[], object]:
    """A call that runs a command and raises where it fails."""
    return lambda: subprocess.run(words, cwd=cwd, env=env, check=True, capture_output=True)


def ratio(first: Callable[[], object], second: Callable[[], object], times: int) -> float:
    """The median of first/second, taken in turns, so that a busy machine is busy for both."""
    first(), second()
    return statistics.median(seconds_once(first) / seconds_once(second) for _ in range(times))


def seconds_once(call: Callable[[], object]) -> float:
    """The time of one call."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun
