"""What margin, what length of holdout and what loss let an equal model pass? On the flights of April to December.

Pairs of models whose true difference is taken as none: each month's daily differences are centred. Windows of so many
days that follow one another then say how often such a pair passes. It takes the folder that `benchmarks.months` made:
`python -m benchmarks.margins FOLDER`.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchmarks.months import MONTHS, RESULTS, tag
from weighlock.conform import truth
from weighlock.layout import MODEL, PART_FILES, RECIPE, SERVED, SIGNATURE, WEIGHED
from weighlock.learners.recipe import Recipe, matrix
from weighlock.revisions import Revision
from weighlock.schema import Schema, read_schema
from weighlock.scoring import RESULT_THREADS, Scorer
from weighlock.scoring.signature import parse_signature
from weighlock.statistics.metrics import Scored, brier_scores, log_losses
from weighlock.statistics.paired import Estimate, Units, mean_difference
from weighlock.times import local_days

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOSSES: dict[str, Callable[[Scored], NDArray[np.float64]]] = {"log_loss": log_losses, "brier": brier_scores}
LENGTHS = (14, 28, 42, 56, 84)
MARGINS = {"log_loss": (0.005, 0.01, 0.015, 0.02, 0.03), "brier": (0.002, 0.004, 0.006, 0.008, 0.012)}
CONFIDENCE = 0.95
WANTED = 0.8
PAIRS = ("another seed", "chosen anew", "a month older")


@dataclass(frozen=True)
class Days:
    """A pair's differences, a row each: of one loss, centred by month."""

    day: NDArray[np.int64]
    gain: NDArray[np.float64]


def main(folder: Path) -> None:
    """Print the table and write it to `results/margins.json`."""
    schema = read_schema(folder / "schema.yaml")
    found: dict[tuple[str, str], list[Days]] = {(pair, loss): [] for pair in PAIRS for loss in LOSSES}
    levels: dict[str, list[float]] = {loss: [] for loss in LOSSES}
    for place, month in enumerate(MONTHS):
        if place < 2:  # the first that has a model two months old
            continue
        rows, scores = scored(month, MONTHS[place - 1], MONTHS[place - 2], schema, folder)
        day = local_days(rows[schema.time], "America/New_York").to_numpy(dtype="datetime64[D]").astype(np.int64)
        for loss, function in LOSSES.items():
            values = {name: function(Scored("binary", truth(rows, schema), s)) for name, s in scores.items()}
            levels[loss].append(float(values["challenger"].mean()))
            for pair in PAIRS:
                gain = values[pair] - values["challenger"]
                found[pair, loss].append(Days(day, gain - gain.mean()))
        print(f"{month}: scored", file=sys.stderr, flush=True)
    table = [row for (pair, loss), months in found.items() for row in rows_of(pair, loss, months)]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "margins.json").write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    print("\n".join(f"{loss}: {np.mean(values):.4f} on average" for loss, values in levels.items()))
    for loss, margins in MARGINS.items():
        print(f"\n| {loss}: pair, days | {' | '.join(map(str, margins))} | margin for {WANTED:.0%} | worse by it |")
        print("| --- " * (len(margins) + 3) + "|")
        for row in table:
            if row["loss"] == loss:
                shares = " | ".join(f"{share:.0%}" for share in row["passes"])
                print(f"| {row['pair']}, {row['days']} | {shares} | {row['margin']:.4f} | {row['worse passes']:.0%} |")


def scored(
    month: str, before: str, earlier: str, schema: Schema, folder: Path
) -> tuple[pd.DataFrame, dict[str, NDArray[Any]]]:
    """The month's rows, and their scores by its weighed model and by what it is compared with."""
    revision = Revision(tag(month), folder)
    parts = {name: read(revision.data(file)) for name, file in PART_FILES.items()}
    recipe = Recipe.from_json(json.loads(revision.data(f"{WEIGHED}/{RECIPE}")))
    seen = pd.concat([parts["train"], parts["validation"]], ignore_index=True)
    other = replace(recipe, seed=recipe.seed + 1).fit(seen, schema)
    holdout = parts["holdout"]
    return holdout, {
        "challenger": model(revision, WEIGHED).score(holdout),
        "another seed": other.score(matrix(holdout, schema)),
        "chosen anew": model(Revision(tag(before), folder), SERVED).score(holdout),
        "a month older": model(Revision(tag(earlier), folder), SERVED).score(holdout),
    }


def rows_of(pair: str, loss: str, months: list[Days]) -> list[dict[str, Any]]:
    """For each length of holdout, how often this pair passes at each margin, and the margin at which it does enough."""
    day, gain = np.concatenate([m.day for m in months]), np.concatenate([m.gain for m in months])
    order = np.argsort(day, kind="stable")
    day, gain = day[order], gain[order]
    distinct = np.unique(day)
    table = []
    for length in LENGTHS:
        windows = []
        for first in distinct[: len(distinct) - length + 1]:
            inside = slice(*np.searchsorted(day, [first, first + length]))
            windows.append(mean_difference(gain[inside], Units.days(day[inside])))
        shares = [passing(windows, margin) for margin in MARGINS[loss]]
        needed = next(m for m in np.arange(0.0, 0.2, 0.0001) if passing(windows, float(m)) >= WANTED)
        table.append(
            {"pair": pair, "loss": loss, "days": length, "passes": shares, "margin": float(needed),
             "error": float(np.median([w.error for w in windows])), "windows": len(windows),
             "worse passes": passing(windows, 0.0)}
        )  # fmt: skip
    return table


def passing(windows: list[Estimate], margin: float) -> float:
    """The share of windows in which the difference is shown to be above -margin."""
    return float(np.mean([window.lower(CONFIDENCE) > -margin for window in windows]))


def model(revision: Revision, folder: str) -> Scorer:
    """One of a commit's two models."""
    signature = parse_signature(json.loads(revision.data(f"{folder}/{SIGNATURE}")), revision.name)
    return Scorer(revision.data(f"{folder}/{MODEL}"), signature, threads=RESULT_THREADS)


def read(content: bytes) -> pd.DataFrame:
    """A Parquet file's rows."""
    return pd.read_parquet(io.BytesIO(content))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
