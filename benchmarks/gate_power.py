"""How often the gate passes a challenger, by days of holdout and true difference, beside the textbook's t-test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.gate_simulation import CONFIDENCE, WORLDS, Floats, bounds, simulate
from weighlock.statistics.power import power

DAYS = (14, 28, 42, 56, 90)
SPREAD = 2.0  # of one day's gain, in margins
DIFFERENCES = np.linspace(-1.5, 1.5, 61)  # true gains, in margins
DASHES = (0, (4, 2))
IMAGE = Path(__file__).parents[1] / "docs" / "images" / "gate-power.png"


@dataclass(frozen=True)
class Curve:
    """Pass probabilities at DIFFERENCES, days being independent.

    Attributes:
        textbook: of the paired t-test on days.
        declared: of the gate where days are said to have no order.
        ordered: of the gate as it takes days.
    """

    days: int
    textbook: Floats
    declared: Floats
    ordered: Floats


def curves(random: np.random.Generator, holdouts: int) -> list[Curve]:
    """One for each number of days."""
    found = []
    for days in DAYS:
        drawn = simulate(random, WORLDS[1], days, holdouts)
        # in margins: a day's mean has this spread, whatever its rows
        share = WORLDS[1].shared
        margin = np.sqrt(share + (1 - share) / (drawn.sizes.sum() / days)) / SPREAD
        passed = [
            (bounds(drawn, ordered=ordered)[:, None] > -(1 + DIFFERENCES) * margin).mean(axis=0)
            for ordered in (False, True)
        ]
        textbook = np.array([power(d, SPREAD, days, 1.0, CONFIDENCE) for d in DIFFERENCES])
        found.append(Curve(days, textbook, *passed))
    return found


def ratio_at(passed: Floats, textbook: Floats, level: float) -> float:
    """Passed, in textbook power, where that is `level`."""
    return float(np.interp(level, textbook, passed)) / level


def least_ratio(passed: Floats, textbook: Floats) -> float:
    """The least of passed in textbook power, where that is a half and more."""
    worth = textbook >= 0.5
    return float((passed[worth] / textbook[worth]).min())


def draw(found: list[Curve], path: Path = IMAGE) -> None:
    """Save the curves as a plot."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt
    from matplotlib.lines import Line2D
    from matplotlib.ticker import PercentFormatter

    figure, axes = plt.subplots(figsize=(8, 4.8), layout="constrained")
    colors = plt.get_cmap("viridis")(np.linspace(0.9, 0.05, len(found)))
    for curve, color in zip(found, colors, strict=True):
        axes.plot(DIFFERENCES, curve.ordered, color=color, linewidth=2, label=f"{curve.days} days")
        axes.plot(DIFFERENCES, curve.textbook, color=color, linewidth=1.2, linestyle=DASHES)
    axes.axvline(0, color="0.75", linewidth=0.8, zorder=0)
    axes.axvline(-1, color="0.75", linewidth=0.8, zorder=0)
    axes.axhline(1 - CONFIDENCE, color="0.75", linewidth=0.8, zorder=0)
    axes.text(-1.02, 0.97, "worse by the margin", rotation=90, ha="right", va="top", color="0.4", fontsize=9)
    axes.text(0.02, 0.08, "equal", rotation=90, ha="left", va="bottom", color="0.4", fontsize=9)
    axes.text(1.5, 1 - CONFIDENCE + 0.01, "5 %", ha="right", va="bottom", color="0.4", fontsize=9)
    axes.set(xlim=(-1.5, 1.5), ylim=(0, 1.01), xlabel="true difference of challenger and champion, in margins")
    axes.set_ylabel("probability of passing")
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    axes.set_title(f"What a holdout can show, where a day's difference spreads by {SPREAD:g} margins", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    dashed = Line2D(
        [], [], color="0.4", linewidth=1.2, linestyle=DASHES, label="t-test, days\nknown to be\nindependent"
    )
    handles = [*axes.get_legend_handles_labels()[0][::-1], dashed]
    axes.legend(handles=handles, title="holdout", loc="lower right", bbox_to_anchor=(1, 0.08), frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=115, metadata={"Software": None})
    plt.close(figure)
