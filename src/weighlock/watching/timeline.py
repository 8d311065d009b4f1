"""The timeline: what the window and the one before it looked like, day by day."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from weighlock.canvas import BAD, DIM, GOOD, INK, STYLE, WIDTH, dates, save
from weighlock.monitoring.profile import SCORE
from weighlock.statistics.drift_distance import moments
from weighlock.statistics.metrics import Scored, log_losses

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from weighlock.watching.look import Look

SHOWN = 3
BAND = (0.05, 0.95)


def timeline(look: Look, path: Path) -> None:
    """Rows, the prediction, the columns nearest to their limits, and the loss with its season."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    panels: list[Any] = [lambda axes: _volume(axes, look)]
    panels += [lambda axes, n=name: _column(axes, look, n) for name in _columns(look)]
    if len(look.labelled) and look.labelled.scored.task == "binary":
        panels.append(lambda axes: _loss(axes, look))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 1.7 * len(panels) + 0.4), layout="constrained")
        axes = np.atleast_1d(figure.subplots(len(panels), 1, sharex=True))
        for panel, at in zip(panels, axes, strict=True):
            panel(at)
            start = _x(look.window.days)[0]
            at.axvspan(start, _x(look.window.days)[-1], color=GOOD, alpha=0.06, lw=0)
            at.grid(axis="y")
        dates(axes[-1])
        save(figure, path)


def _columns(look: Look) -> list[str]:
    """The prediction, and the numbers that came nearest to their limits among those that count."""
    numbers = [
        name for name, bins in look.watched.bins.items() if bins.centres is not None and name in look.window.columns
    ]
    scores = [name for name in numbers if name.startswith(SCORE)][:1]
    ranked = sorted(look.evidence.drifts or (), key=lambda drift: -drift.score)
    faulty = [fault.column for fault in look.evidence.faults]
    others = [name for name in dict.fromkeys([*faulty, *(drift.column for drift in ranked)]) if name in numbers]
    return [*scores, *[name for name in others if name not in scores][:SHOWN]]


def _volume(axes: Axes, look: Look) -> None:
    for counts in (look.before, look.window):
        axes.bar(_x(counts.days), counts.rows, width=0.7, color=DIM if counts is look.before else GOOD)
    axes.set_title("predictions a day; the window is shaded", loc="left")


def _column(axes: Axes, look: Look, name: str) -> None:
    values = look.watched.bins[name].centres
    assert values is not None  # noqa: S101  (numbers alone come here)
    usual = _means(look.reference.columns[name], values)
    if np.isfinite(usual).any():
        low, high = np.nanquantile(usual, BAND)
        axes.axhspan(low, high, color=DIM, alpha=0.2, lw=0)
    for counts in (look.before, look.window):
        if name in counts.columns:
            faulty = counts is look.window and any(fault.column == name for fault in look.evidence.faults)
            shown = _means(counts.columns[name], values) + (_overshoot(look, name) if faulty else 0)
            axes.plot(_x(counts.days), shown, "o-", color=INK if counts is look.before else GOOD, ms=4, lw=1.4)
    title = "mean prediction" if name.startswith(SCORE) else name
    axes.set_title(f"{title}: daily mean; grey: 9 of 10 days of the reference", loc="left")


def _overshoot(look: Look, name: str) -> NDArray[np.float64]:
    """By how much each of the window's daily means lies further out than bins can tell."""
    values = look.rows.scores[name] if name in look.rows.scores else look.rows.features[name].to_numpy(np.float64)
    known = ~np.isnan(values)
    beyond = look.watched.bins[name].overshoot(values[known])
    place, count = (look.rows.day - look.window.days[0])[known], len(look.window.days)
    with np.errstate(invalid="ignore"):
        return np.bincount(place, beyond, count) / np.bincount(place, minlength=count)


def _x(days: NDArray[np.int64]) -> Any:
    return days.astype("datetime64[D]")


def _means(counts: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([moments(day[None], values)[0] if day[:-1].sum() else np.nan for day in counts])


def _loss(axes: Axes, look: Look) -> None:
    labelled = look.labelled
    days, place = np.unique(labelled.day, return_inverse=True)
    rows = np.bincount(place)
    rate = np.bincount(place, weights=labelled.scored.truth) / rows
    known = Scored("binary", labelled.scored.truth, rate[place])
    styles: tuple[tuple[Any, dict[str, Any], str], ...] = (
        (log_losses(labelled.scored), {"color": BAD, "marker": "o"}, "the model"),
        (log_losses(known), {"color": DIM, "ls": "--"}, "the season: the loss of someone who knows each day's rate"),
    )
    for values, style, name in styles:
        axes.plot(_x(days), np.bincount(place, weights=values) / rows, lw=1.4, ms=4, label=name, **style)
    axes.set_title("log loss of labelled rows", loc="left")
    axes.legend(fontsize=8, loc="best")
