"""Pictures of a replay: each policy's months, and loss against promotions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from weighlock.canvas import BAD, DIM, GOOD, INK, STYLE, save

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from weighlock.replaying.measure import Account

# told apart by colour, dash and mark (Okabe & Ito, 2008)
LOOKS: dict[str, dict[str, Any]] = {
    "never": {"color": DIM, "ls": ":", "marker": "v"},
    "always": {"color": BAD, "ls": "--", "marker": "s"},
    "triggered": {"color": "#E69F00", "ls": "-.", "marker": "D"},
    "gated": {"color": GOOD, "ls": "-", "marker": "o"},
}
OTHER: dict[str, Any] = {"color": "#C3C7CF", "ls": "-", "marker": "o"}


def draw_months(accounts: Sequence[Account], metric: str, path: Path) -> None:
    """Three panels: the metric by month; by how much it differs from the first policy's; when versions changed."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        figure = Figure(figsize=(8.0, 8.0), layout="constrained")
        level, apart, steps = figure.subplots(3, 1, sharex=True, height_ratios=(3, 3, 1.4))
        names = [month.name for month in accounts[0].months]
        first = np.array([month.values[metric] for month in accounts[0].months])
        for account in accounts:
            name = account.life.policy.name
            values = np.array([month.values[metric] for month in account.months])
            style = {**LOOKS.get(name, OTHER), "ms": 5, "lw": 1.6}
            level.plot(names, values, label=name, **style)
            apart.plot(names, values - first, **style)
        level.set_title(f"{metric} of the rows of each month, by the version that answered")
        level.legend(ncols=len(accounts), loc="upper center")
        level.set_ylim(top=level.get_ylim()[0] + 1.15 * (level.get_ylim()[1] - level.get_ylim()[0]))
        apart.set_title(f"{metric} beside {accounts[0].life.policy.name}'s")
        apart.axhline(0, color=INK, lw=0.8)
        for axes in (level, apart):
            axes.grid(axis="y")
        _steps(steps, accounts, names)
        save(figure, path)


def draw_frontier(points: Sequence[tuple[str, int, float]], metric: str, path: Path) -> None:
    """The metric over all days against the number of promotions, a policy a point."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        figure = Figure(figsize=(8.0, 4.2), layout="constrained")
        axes = figure.subplots()
        for name, promotions, value in points:
            look = LOOKS.get(name, OTHER)
            known = name in LOOKS
            axes.plot(promotions, value, color=look["color"], marker=look["marker"], ms=9 if known else 6, ls="none",
                      zorder=3 if known else 2)  # fmt: skip
            if known:
                axes.annotate(name, (promotions, value), xytext=(8, 6), textcoords="offset points")
        axes.set_xlabel("promotions")
        axes.set_ylabel(metric)
        axes.set_title(f"{metric} over all days against promotions")
        axes.set_xlim(-0.5, max(p for _, p, _ in points) + 1.5)
        axes.margins(y=0.15)
        axes.grid()
        save(figure, path)


def _steps(axes: Axes, accounts: Sequence[Account], names: Sequence[str]) -> None:
    """A row a policy: a mark where a version was promoted, a cross where one was refused."""
    for row, account in enumerate(reversed(accounts)):
        look = LOOKS.get(account.life.policy.name, OTHER)
        axes.axhline(row, color="#E6E8EE", lw=0.8, zorder=0)
        for kind, marker in (("promotion", look["marker"]), ("refusal", "x")):
            months = [f"{e.day:%Y-%m}" for e in account.life.events if e.kind == kind]
            axes.plot(months, [row] * len(months), marker=marker, color=look["color"], ls="none", ms=7)
    axes.set_yticks(range(len(accounts)), [account.life.policy.name for account in reversed(accounts)])
    axes.set_ylim(-0.6, len(accounts) - 0.4)
    axes.set_title("promoted, or refused (×), at the start of the month")
    axes.tick_params(axis="x", labelrotation=0)
    axes.set_xlim(-0.5, len(names) - 0.5)
