"""Evidently's report of the window against the reference, on a sample: it draws and describes, it does not decide."""

from __future__ import annotations

import contextlib
import io
import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from weighlock.monitoring.profile import MISSING, SCORE
from weighlock.statistics.drift_distance import middles
from weighlock.watching.packed_page import packed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weighlock.watching.counts import Bins, DayCounts
    from weighlock.watching.reference import Watched
    from weighlock.watching.rows import Rows

PREDICTION = "prediction"


@dataclass(frozen=True)
class Drawn:
    """What Evidently says, by its defaults.

    Attributes:
        columns: by name, its distance, its threshold, and how it is called.
        html, content: its page, and its result for machines.
    """

    columns: dict[str, tuple[float, float, str]]
    html: str
    content: dict[str, Any]

    @property
    def drifted(self) -> set[str]:
        """The columns that it calls drifted."""
        return {name for name, (value, threshold, _) in self.columns.items() if value > threshold}


def draw(rows: Rows, reference: DayCounts, watched: Watched, most: int, seed: int) -> Drawn:
    """Run the preset on at most so many rows of either side.

    Of the reference there are histograms, no rows: values are drawn from those, each column for itself, which is all
    that tests of single columns see. None lies outside of its range: rain is not negative, and mostly none.

    Args:
        rows: of the window, one at least.
        reference: days.
        watched: the model, whose bins and ranges they are.
        most: rows of a sample.
        seed: of the samples.
    """
    random = np.random.default_rng(seed)
    current, bins = sampled(rows, most, random), watched.bins
    past = pd.DataFrame({name: drawn(reference.columns[name], bins[name], most, random) for name in current.columns})
    for feature in watched.signature.features:
        if feature.name in past and bins[feature.name].centres is not None:
            past[feature.name] = past[feature.name].clip(feature.min, feature.max)
    current.columns = past.columns = pd.Index([_named(str(name)) for name in current.columns])
    return run(current, past, [_named(name) for name in bins if bins[name].centres is not None])


def sampled(rows: Rows, most: int, random: np.random.Generator) -> pd.DataFrame:
    """At most so many rows, features and scores, in order."""
    chosen = np.sort(random.choice(len(rows), min(most, len(rows)), replace=False))
    frame = rows.features.iloc[chosen].reset_index(drop=True)
    for name, values in rows.scores.items():
        if not np.isnan(values[chosen]).all():
            frame[name] = values[chosen]
    return frame


def drawn(counts: NDArray[np.int64], bins: Bins, most: int, random: np.random.Generator) -> NDArray[Any]:
    """Values drawn from days' histograms: within its bin each number is as likely as another."""
    total = counts.sum(axis=0)
    places = random.choice(len(total), most, p=total / total.sum())
    if bins.edges is None:
        names = np.array([None if name == MISSING else name for name in bins.names], dtype=object)
        return names[places]
    centres = middles(bins.edges)
    outer = np.concatenate([[2 * centres[0] - bins.edges[0]], bins.edges, [2 * centres[-1] - bins.edges[-1]]]) if len(
        bins.edges
    ) else np.repeat(centres, 2)  # fmt: skip
    inside = np.minimum(places, len(centres) - 1)
    values = outer[inside] + random.random(most) * (outer[inside + 1] - outer[inside])
    return np.asarray(np.where(places == len(centres), np.nan, values))


def run(current: pd.DataFrame, reference: pd.DataFrame, numbers: list[str]) -> Drawn:
    """Evidently's preset with its defaults; quietly, and without asking the network for anything."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        from evidently import DataDefinition, Dataset, Report
        from evidently.presets import DataDriftPreset

        usable = [c for c in current.columns if current[c].notna().any() and reference[c].notna().any()]
        numerical = [name for name in usable if name in numbers]
        definition = DataDefinition(
            numerical_columns=numerical, categorical_columns=[name for name in usable if name not in numbers]
        )
        sides = [
            Dataset.from_pandas(_whole(side[usable], numerical), data_definition=definition)
            for side in (current, reference)
        ]
        snapshot = Report([DataDriftPreset()]).run(*sides)
        content = json.loads(snapshot.json())
        return Drawn(_columns(content), snapshot.get_html_str(as_iframe=False), content)


def write(drawn_report: Drawn, page: Path, machine: Path) -> None:
    """The page for people, packed, and the result for machines."""
    page.write_text(packed(drawn_report.html, "Evidently"), encoding="utf-8")
    machine.write_text(json.dumps(drawn_report.content, indent=2) + "\n", encoding="utf-8")


def _columns(content: dict[str, Any]) -> dict[str, tuple[float, float, str]]:
    found = {}
    for metric in content["metrics"]:
        config = metric.get("config", {})
        if "column" in config and "threshold" in config and "method" in config:
            found[str(config["column"])] = (float(metric["value"]), float(config["threshold"]), str(config["method"]))
    return found


def _whole(frame: pd.DataFrame, numbers: list[str]) -> pd.DataFrame:
    return frame.astype({name: "float64" if name in numbers else "object" for name in frame.columns})


def _named(name: str) -> str:
    return f"{PREDICTION} {name[len(SCORE) :]}".rstrip() if name.startswith(SCORE) else name
