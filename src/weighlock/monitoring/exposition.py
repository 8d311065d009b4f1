"""What a watch found out, as text that node_exporter's textfile collector reads: `weighlock watch --metrics FILE`.

A watch is a job that ends: nobody could scrape it. It leaves a file, and node_exporter on that machine passes it on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

VERDICTS = ("OK", "WARN", "RETRAIN", "BROKEN", "UNKNOWN")


@dataclass(frozen=True)
class Watched:
    """What is told of one watch.

    Attributes:
        environment: whose data were watched.
        verdict: one of VERDICTS.
        time: when it was looked, with its zone.
        rows: predictions in the window.
        label_lag: how long ago the newest prediction was made whose outcome is known; where none is known yet, the age
            of the oldest prediction. None: no outcomes are expected, and nobody is told that they are late.
        drift: by column, its distance from the reference as a share of the threshold: above 1 it drifts.
    """

    environment: str
    verdict: str
    time: datetime
    rows: int
    label_lag: timedelta | None = None
    drift: Mapping[str, float] = field(default_factory=dict)


def exposition(watched: Watched) -> str:
    """Prometheus' text format, without timestamps (the collector refuses them), one series a line.

    Raises:
        ValueError: the verdict is unknown, the time has no zone, or the lag is negative.
    """
    if watched.verdict not in VERDICTS:
        raise ValueError(f"the verdict {watched.verdict!r} is none of {', '.join(VERDICTS)}")
    if watched.time.tzinfo is None:
        raise ValueError("the time of a watch needs its zone")
    if watched.label_lag is not None and watched.label_lag < timedelta(0):
        raise ValueError(f"labels cannot be {watched.label_lag} late")
    where = {"environment": watched.environment}
    verdicts = [({**where, "verdict": v}, float(v == watched.verdict)) for v in VERDICTS]
    lag = [] if watched.label_lag is None else [(where, watched.label_lag.total_seconds())]
    drift = [({**where, "column": column}, ratio) for column, ratio in sorted(watched.drift.items())]
    return "".join(
        (
            _family("weighlock_watch_verdict", "1 for what the newest watch came to, else 0.", verdicts),
            _family("weighlock_watch_time_seconds", "When it was looked.", [(where, watched.time.timestamp())]),
            _family("weighlock_watch_rows", "Predictions in the window.", [(where, float(watched.rows))]),
            _family("weighlock_label_lag_seconds", "Age of the newest prediction whose outcome is known.", lag),
            _family("weighlock_watch_drift_ratio", "Distance from the reference; at 1 the column drifts.", drift),
        )
    )


def _family(name: str, about: str, series: list[tuple[dict[str, str], float]]) -> str:
    if not series:
        return ""
    lines = [f"# HELP {name} {about}", f"# TYPE {name} gauge"]
    for labels, value in series:
        inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        lines.append(f"{name}{{{inside}}} {value!r}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
