"""Figures as reports write them: as many digits as the row's uncertainty bears, so that differences can be checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighlock.statistics.metrics import find_metric

if TYPE_CHECKING:
    from weighlock.decisions.context import Context
    from weighlock.decisions.verdict import Check, Comparison

UNKNOWN = "unknown"
DIGITS = 4  # significant ones of a metric
ERROR_DIGITS = 2
MOST_DECIMALS = 8
CONFIDENCE = 0.95  # of what a check does not say


@dataclass(frozen=True)
class Figures:
    """How to write the figures of one row; without decimals, as powers of ten."""

    decimals: int | None

    def plain(self, value: float) -> str:
        """As 0.4512, or 23,410."""
        return self._write(value, "")

    def signed(self, value: float) -> str:
        """As +0.0024; what rounds to nothing has no sign."""
        return self._write(value, "+")

    def _write(self, value: float, sign: str) -> str:
        if not math.isfinite(value):
            return UNKNOWN
        if self.decimals is None:
            return f"{value:{sign}.{DIGITS}g}"
        text = f"{value:{sign},.{self.decimals}f}"
        return text if text.strip("+-0.,") else text.lstrip("+-")


def figures_of(comparison: Comparison) -> Figures:
    """Four significant digits of the values, and two of the error, all with the same decimals."""
    sizes = [abs(v) for v in (comparison.champion, comparison.challenger) if math.isfinite(v)]
    largest = max(sizes, default=0.0)
    if largest >= 1e9 or 0 < largest < 1e-4:
        return Figures(None)
    gain = comparison.gain
    spread = gain.error if gain.error > 0 else gain.value
    return Figures(max(decimals(largest, DIGITS), decimals(spread, ERROR_DIGITS), decimals(comparison.margin, 1)))


def decimals(size: float, digits: int) -> int:
    """How many decimals show `digits` significant digits of a number of this size."""
    if not math.isfinite(size) or size == 0:
        return 0
    return min(max(digits - 1 - math.floor(math.log10(abs(size))), 0), MOST_DECIMALS)


def number(value: float, digits: int = DIGITS) -> str:
    """A figure that stands alone."""
    if math.isfinite(value) and value != 0 and not 1e-4 <= abs(value) < 1e9:
        return f"{value:.{digits}g}"
    return Figures(decimals(value, digits)).plain(value)


def interval(check: Check) -> tuple[float, float] | None:
    """The ends of the interval whose lower one is the check's one-sided bound; None where there is none."""
    if check.comparison is None:
        return None
    confidence = CONFIDENCE if check.confidence is None else check.confidence
    ends = check.comparison.gain.lower(confidence), check.comparison.gain.upper(confidence)
    return ends if all(map(math.isfinite, ends)) else None


def written(check: Check) -> tuple[str, str, str, str, str]:
    """Champion, challenger, gain, its interval and the margin's line, as text."""
    if check.comparison is None:
        return "", "", "", "", ""
    comparison, ends = check.comparison, interval(check)
    figures = figures_of(comparison)
    span = f"{figures.signed(ends[0])} to {figures.signed(ends[1])}" if ends else UNKNOWN
    return (
        figures.plain(comparison.champion),
        figures.plain(comparison.challenger),
        figures.signed(comparison.gain.value),
        span,
        "0" if check.superior or not comparison.margin else f"{-comparison.margin:,.4g}",
    )


def count(number_of: int, one: str, several: str | None = None) -> str:
    """As `1 row`, or `26,053 rows`."""
    return f"{number_of:,} {one if number_of == 1 else several or f'{one}s'}"


def probability(value: float | None) -> str:
    """A p-value; empty where there is none."""
    return "" if value is None else "< 0.0001" if value < 1e-4 else f"{value:.2g}"


def share(value: float) -> str:
    """A confidence or a share, as 95% or 97.5%."""
    return f"{100 * value:.4g}%"


def arrow(metric: str | None, task: str) -> str:
    """Which way is better: ↑ or ↓; empty where that is not known."""
    try:
        return "↑" if metric is not None and find_metric(metric, task).better == "higher" else "↓" if metric else ""
    except KeyError:
        return ""


def metric_of(check: Check, context: Context) -> str | None:
    """The metric that a check compares by; None where it has no name of its own."""
    named = {"slice": context.slice_metric, "robustness": context.robustness_metric, "fairness": None}
    return named.get(check.kind, check.name)
