"""The judge's figures in words and numbers, for reasons, reports and the terminal."""

from __future__ import annotations

from weighlock.decisions.judge_verdict import Bracket, Check, Name, Samples

TITLES: dict[Name, str] = {
    "error_rate": "error rate",
    "latency": "latency",
    "score": "score distribution",
    "loss": "loss",
}


def duration(seconds: float) -> str:
    """2d 3h, 5h 10m, 4m or 30s."""
    whole = int(seconds)
    days, hours, minutes = whole // 86_400, whole // 3_600 % 24, whole // 60 % 60
    parts = [f"{count}{unit}" for count, unit in ((days, "d"), (hours, "h"), (minutes, "m")) if count]
    return " ".join(parts[:2]) or f"{whole}s"


def percent(share: float) -> str:
    """1.2 %, with as many digits as a small share needs."""
    value = 100 * share
    return f"{value:.0f} %" if abs(value) >= 20 else f"{value:.1f} %" if abs(value) >= 1 else f"{value:.2g} %"


def bracket(found: Bracket) -> str:
    """25 to 50 ms, as far as it is known."""
    low, high = 1000 * found.above, 1000 * found.upto
    if high == float("inf"):
        return f"above {low:g} ms" if low else "unknown"
    return f"{low:g} to {high:g} ms" if low else f"at most {high:g} ms"


def said_counted(check: Check, what: str, *, earlier: bool) -> str:
    """How many requests did what, and how many times the odds that is."""
    assert check.candidate is not None and check.stable is not None  # noqa: S101, PT018  (both were asked)
    new, old = check.units
    before = " before this step, when it still had requests" if earlier else ""
    return (
        f"{percent(check.candidate)} of {new:,} requests {what}, of the stable version's {old:,}{before} "
        f"{percent(check.stable)} ({interval(check)})"
    )


def said_distance(check: Check, seen: float, label: str, samples: Samples) -> str:
    """How far the scores are apart."""
    of = f" of `{label}`" if label else ""
    if samples.paired:
        counts = f"{check.units[0]:,} {_units(samples)}"
        return f"the score{of} of {counts} changed by {seen:.3f} at the mean ({interval(check)})"
    counts = f"{check.units[0]:,} and {check.units[1]:,} {_units(samples)}"
    return f"the scores{of} of {counts} are {seen:.3f} apart, from 0 to 1 ({interval(check)})"


def said_loss(check: Check, name: str, samples: Samples) -> str:
    """Both losses and their difference."""
    assert check.candidate is not None and check.stable is not None  # noqa: S101, PT018  (both have labels)
    counts = f"{check.units[0]:,} {'pairs of ' if samples.paired else ''}{_units(samples)}"
    return f"{name} {check.candidate:.4g} on {counts} against {check.stable:.4g} ({interval(check)})"


def interval(check: Check) -> str:
    """Both bounds, in their scale."""
    low, high = check.lower, check.upper
    if check.scale == "odds":
        if not low and high is None:
            return "nothing is known of the odds"
        if high is None:
            return f"at least {low:.2g} times the odds"
        return f"{low:.2g} to {high:.2g} times the odds" if low else f"at most {high:.2g} times the odds"
    if check.scale == "distance":
        return f"{low or 0:.3f} to {1.0 if high is None else high:.3f}"
    if check.name == "loss":
        return f"{_signed(low)} to {_signed(high)}"
    return f"{_points(low)} to {_points(high)} points"


def limit(check: Check, value: float | None) -> str:
    """A margin or ceiling in its unit."""
    if value is None:
        return "-"
    return f"{_points(value)} points" if check.name in {"error_rate", "latency"} else f"{value:.3g}"


def verdict_of(check: Check, harm: float) -> str:
    """What that shows."""
    if check.result == "worse":
        return f"shown to be {_harmful(check, harm)}."
    better = "shown to be better, and " if check.better else ""
    if check.result == "fine":
        return f"{better}shown to be within the margin of {limit(check, check.margin)}."
    more = (
        f"about {check.more:.1f} times as much would do if all goes on alike"
        if check.more
        else "a hundred times as much would not do if all goes on alike"
    )
    return f"{better}not yet shown to be within the margin of {limit(check, check.margin)}; {more}."


def _harmful(check: Check, harm: float) -> str:
    if check.scale == "odds":
        return "worse" if harm == 1 else f"worse: more than {harm:g} times the odds"
    if check.scale == "distance":
        return f"different by more than {harm:g}"
    if check.name == "loss":
        return "worse" if harm == 0 else f"worse by more than {harm:g}"
    return f"worse by more than {limit(check, check.margin)}"


def _units(samples: Samples) -> str:
    return {"entity": "entities"}.get(samples.unit, f"{samples.unit}s")


def _points(share: float | None) -> str:
    return "?" if share is None else f"{100 * share:.2g}"


def _signed(value: float | None) -> str:
    return "?" if value is None else f"{value:+.3g}"
