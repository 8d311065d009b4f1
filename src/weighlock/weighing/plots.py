"""The gate's pictures: what the report's tables say, seen at once. PNG files that are the same for the same input."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from weighlock.canvas import BAD, DIM, GOOD, INK, STYLE, dates, figure_of, line, save, short
from weighlock.decisions.figures import arrow, interval
from weighlock.decisions.report import ranked
from weighlock.statistics.metrics import calibration_curve, log_losses

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from weighlock.decisions.verdict import Check, Result, Verdict
    from weighlock.statistics.metrics import Scored
    from weighlock.weighing.predictions import Predictions

MARKS: dict[Result, tuple[str, str]] = {
    "pass": ("o", GOOD), "fail": ("X", BAD), "inconclusive": ("D", DIM), "not run": ("s", "#C3C7CF"),
}  # fmt: skip
MOST_SLICES = 20
MOST_BARS = 120
MOST_MARGINS = 5.0  # beyond this many margins an interval runs off the picture
BINS = 10


def draw(
    verdict: Verdict,
    challenger: Predictions,
    champion: Predictions | None,
    days: NDArray[np.int64] | None,
    folder: Path,
) -> list[tuple[str, str]]:
    """Draw what there is to draw.

    Args:
        verdict: the gate's.
        challenger: its predictions.
        champion: its predictions of the same rows; None for `bootstrap`.
        days: (n,) the local day of each row, in days since 1970-01-01; None where rows have no time.
        folder: where the PNG files go; it exists.

    Returns:
        (title, file name) of each.
    """
    from matplotlib import rc_context, rcdefaults, rcParams

    drawings: list[tuple[str, str, Callable[[], Figure]]] = []
    demands = [check for check in verdict.of("primary", "guard") if check.comparison]
    slices = [check for check in ranked(verdict.of("slice")) if check.comparison]
    if demands:
        drawings.append(("Gains, in margins", "gains.png", lambda: gains(demands, challenger.task)))
    if slices:
        drawings.append(("Slices by harm", "slices.png", lambda: harms(slices)))
    if champion is not None and days is not None:
        drawings.append(("Gain by day", "days.png", lambda: by_day(challenger.scored, champion.scored, days)))
    sides = [("challenger", challenger.scored)] + ([("champion", champion.scored)] if champion else [])
    title = "Errors by prediction" if challenger.task == "regression" else "Calibration"
    drawings.append((title, "calibration.png", lambda: calibration(sides)))
    with rc_context(), warnings.catch_warnings():
        rcdefaults()  # whatever the user's own matplotlibrc says
        rcParams.update(STYLE)
        # a slice's name may be in a script that the font lacks: a box is drawn, which is no reason to stop
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        for _, name, make in drawings:
            save(make(), folder / name)
    return [(title, name) for title, name, _ in drawings]


def losses(scored: Scored) -> NDArray[np.float64]:
    """(n,) log loss of each row; for regression its absolute error."""
    if scored.task == "regression":
        return np.asarray(np.abs(np.asarray(scored.scores, dtype=np.float64) - scored.truth))
    return log_losses(scored)


def gains(checks: Sequence[Check], task: str) -> Figure:
    """Gains of primary and guards with their intervals, each in its own margin, so that -1 is the margin of all."""
    scales = [_scale(check) for check in checks]
    rows = [_scaled(check, scale) for check, scale in zip(checks, scales, strict=True)]
    figure, axes = figure_of(1.4 + 0.42 * len(checks))
    span = _span(rows, -1.3, 0.6, MOST_MARGINS)
    if any(check.comparison and check.comparison.margin > 0 for check in checks):
        axes.axvspan(span[0], -1, color=BAD, alpha=0.08, lw=0)
        axes.axvline(-1, color=BAD, lw=1.2, ls=(0, (4, 3)))
    _intervals(axes, checks, rows, span)
    axes.set_yticks(range(len(checks)), [_label(check, task) for check in checks])
    _finish(
        axes,
        checks,
        "worse   ◂   gain, in margins   ▸   better      (dashed: the margin)",
        "Gains with their intervals",
    )
    return figure


def harms(checks: Sequence[Check]) -> Figure:
    """Gains of the slices with their intervals, those that are harmed most on top; a tick is the slice's margin."""
    shown = checks[:MOST_SLICES]
    rows = [_scaled(check, 1.0) for check in shown]
    figure, axes = figure_of(1.5 + 0.27 * len(shown))
    margins = [check.comparison.margin if check.comparison else 0.0 for check in shown]
    most = max([1e-9, *margins, *(abs(row[0]) for row in rows if np.isfinite(row[0]))])
    span = _span(rows, -1.15 * max([*margins, most / 10]), most / 10, 4 * most)
    axes.vlines([-m for m in margins], *_bands(len(shown)), color=BAD, lw=1.6, ls=(0, (3, 2)))
    _intervals(axes, shown, rows, span)
    axes.set_yticks(range(len(shown)), [short(check.name) for check in shown])
    left = len(checks) - len(shown)
    title = "Slices by harm" + (f" ({len(shown)} of {len(checks)})" if left else "")
    _finish(axes, shown, "worse   ◂   gain   ▸   better      (dashed: the margin)", title)
    return figure


def by_day(challenger: Scored, champion: Scored, days: NDArray[np.int64]) -> Figure:
    """The mean gain in loss of each day's rows, and of all rows."""
    differences = losses(champion) - losses(challenger)
    width = int(np.ceil((days.max() - days.min() + 1) / MOST_BARS))
    place = (days - days.min()) // width
    rows = np.bincount(place)
    there = rows > 0
    means = np.bincount(place, weights=differences)[there] / rows[there]
    starts = (np.flatnonzero(there) * width + days.min()).astype("datetime64[D]")
    figure, axes = figure_of(3.4)
    axes.bar(starts, means, width=0.82 * width, align="edge" if width > 1 else "center",
             color=[GOOD if m >= 0 else BAD for m in means])  # fmt: skip
    mean = float(differences.mean())
    axes.axhline(0, color=INK, lw=0.8)
    axes.axhline(mean, color=INK, lw=1.2, ls=(0, (4, 3)), label=f"all rows: {mean:+.4g}")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), borderpad=0.2)
    axes.grid(axis="y")
    dates(axes)
    loss = "absolute error" if challenger.task == "regression" else "log loss"
    by = "day" if width == 1 else f"{width} days"
    axes.set_ylabel("gain (above 0: better)")
    axes.set_title(f"Gain in {loss} by {by}", loc="left")
    return figure


def calibration(sides: Sequence[tuple[str, Scored]]) -> Figure:
    """Of classifiers, what scores say against what came; of regressions, by how much they are off."""
    return _residuals(sides) if sides[0][1].task == "regression" else _reliability(sides)


def _reliability(sides: Sequence[tuple[str, Scored]]) -> Figure:
    figure, axes = figure_of(5.0, width=5.6)
    ends = []
    for number, (name, scored) in enumerate(sides):
        if scored.task == "binary":
            hits, scores = scored.truth, scored.scores
        else:
            hits, scores = scored.labels == scored.truth, scored.scores.max(axis=1)
        curve = np.array(calibration_curve(np.asarray(hits, dtype=float), np.asarray(scores, dtype=float), BINS))
        ends += [curve[:, 0].max(), curve[:, 1].max()]
        line(axes, curve[:, 0], curve[:, 1], name, number)
    edge = min(1.0, 1.08 * max(ends))
    axes.plot([0, edge], [0, edge], color=DIM, lw=1, ls=(0, (2, 2)), zorder=1, label="well calibrated")
    axes.set_xlim(0, edge)
    axes.set_ylim(0, edge)
    axes.set_aspect("equal")
    axes.grid(visible=True)
    axes.legend(loc="upper left")
    top = "" if sides[0][1].task == "binary" else " of the top class"
    axes.set_xlabel(f"mean score{top}, by tenths of the rows")
    axes.set_ylabel("share that came true")
    axes.set_title(f"Calibration{top}", loc="left")
    return figure


def _residuals(sides: Sequence[tuple[str, Scored]]) -> Figure:
    figure, axes = figure_of(4.0)
    for number, (name, scored) in enumerate(sides):
        scores = np.asarray(scored.scores, dtype=np.float64)
        groups = np.array_split(np.argsort(scores, kind="stable"), min(BINS, len(scores)))
        middles = np.array([scores[g].mean() for g in groups])
        errors = [scored.truth[g] - scores[g] for g in groups]
        low, high = (np.array([np.quantile(e, q) for e in errors]) for q in (0.1, 0.9))
        axes.fill_between(middles, low, high, color=(GOOD, BAD)[number], alpha=0.12, lw=0)
        line(axes, middles, np.array([e.mean() for e in errors]), name, number)
    axes.axhline(0, color=DIM, lw=1, ls=(0, (4, 3)), zorder=1)
    axes.grid(visible=True)
    axes.legend(loc="upper left", ncols=2)
    axes.set_xlabel("mean prediction, by tenths of the rows")
    axes.set_ylabel("truth - prediction")
    axes.set_title("Errors by prediction: mean, and the middle 80 %", loc="left")
    return figure


def _scale(check: Check) -> float:
    comparison = check.comparison
    if comparison is None:
        return 1.0
    # without a margin there is no such unit: the row is drawn to fit
    ends = [abs(x) for x in (comparison.gain.value, *(interval(check) or ())) if np.isfinite(x)]
    unit = comparison.margin or max(ends, default=1.0)
    return unit if np.isfinite(unit) and unit > 0 else 1.0


def _scaled(check: Check, scale: float) -> tuple[float, float, float]:
    """Gain and the interval's ends; ends that are not known are infinite."""
    gain = check.comparison.gain.value if check.comparison else 0.0
    low, high = interval(check) or (-np.inf, np.inf)
    return gain / scale, low / scale, high / scale


def _intervals(
    axes: Axes, checks: Sequence[Check], rows: Sequence[tuple[float, float, float]], span: tuple[float, float]
) -> None:
    """A dot and a bar each, from the top down; what runs off the picture ends in an arrow."""
    axes.axvline(0, color=INK, lw=0.8)
    for place, (check, (gain, low, high)) in enumerate(zip(checks, rows, strict=True)):
        marker, colour = MARKS[check.result]
        axes.plot(np.clip([low, high], *span), [place, place], color=colour, lw=2.2, solid_capstyle="butt", zorder=3)
        if span[0] <= gain <= span[1]:
            axes.plot(
                [gain], [place], marker, color=colour, ms=9 if marker == "X" else 7, mec="white", mew=0.8, zorder=4
            )
        for off, edge, head in ((low < span[0], span[0], "<"), (high > span[1], span[1], ">")):
            if off:
                axes.plot([edge], [place], head, color=colour, ms=7, clip_on=False, zorder=4)
    axes.set_xlim(*span)
    axes.set_ylim(len(rows) - 0.5, -0.5)


def _bands(rows: int) -> tuple[list[float], list[float]]:
    return [i - 0.38 for i in range(rows)], [i + 0.38 for i in range(rows)]


def _span(rows: Sequence[tuple[float, float, float]], left: float, right: float, most: float) -> tuple[float, float]:
    """From where to where an axis runs: all that is finite, at least `left` to `right`, at most `most` either way."""
    ends = [x for row in rows for x in row if np.isfinite(x)]
    low, high = min([left, *ends]), max([right, *ends])
    space = 0.04 * (high - low)
    return max(low - space, -most), min(high + space, most)


def _finish(axes: Axes, checks: Sequence[Check], label: str, title: str) -> None:
    from matplotlib.lines import Line2D

    results = {check.result for check in checks}
    handles = [
        Line2D([], [], color=colour, marker=marker, lw=2.2, ms=7, mec="white", label=result)
        for result, (marker, colour) in MARKS.items()
        if result in results
    ]
    axes.legend(handles=handles, loc="lower right", bbox_to_anchor=(1, 1), ncols=4, borderpad=0.2, columnspacing=1.2)
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0, pad=8)
    axes.set_xlabel(label)
    axes.set_title(title, loc="left")


def _label(check: Check, task: str) -> str:
    bare = "" if check.comparison and check.comparison.margin else "\n(no margin, own scale)"
    return f"{short(check.name)} {arrow(check.name, task)}".strip() + bare
