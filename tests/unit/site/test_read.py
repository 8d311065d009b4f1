"""What the watch and the gate really write is what the pages read."""

from __future__ import annotations

import datetime as dt
import math
from types import SimpleNamespace
from typing import Any

import pytest

from weighlock.decisions.trigger import Decision
from weighlock.decisions.watch import Evidence, Gain, Verdict
from weighlock.decisions.watch_report import Context
from weighlock.errors import EvidenceError
from weighlock.files import to_json
from weighlock.site.read import Gate, Watch, read
from weighlock.statistics.drift import Drift
from weighlock.statistics.paired import Estimate
from weighlock.watching.write import content_of

DAYS = tuple(dt.date(2026, 2, 1) + dt.timedelta(days=day) for day in range(7))


def drift(column: str, score: float, effect: float) -> Drift:
    return Drift(column, "shift", 0.3, effect, 0.1, score, 2.0, 0.2)


def written(error: float) -> Any:
    """What `weighlock watch` writes of a look, through its own function."""
    estimate = Estimate(0.02, error, 0.001, 7, 700, 6.0)
    evidence = Evidence(
        DAYS, (100,) * 7, (True,) * 7, drifts=(drift("heat", 3.0, 0.15), drift("load", 9.0, 0.05)),
        gains=(Gain("heat", estimate), Gain("", estimate)),
    )  # fmt: skip
    verdict = Verdict("WARN", ("`heat` moved",), (), Decision(retrain=False, reasons=()))
    seen = SimpleNamespace(
        evidence=evidence, verdict=verdict, reference_name="the release's days",
        reference=SimpleNamespace(days=range(243)),
        watched=SimpleNamespace(signature=SimpleNamespace(digest=f"sha256:{'a' * 64}")),
    )  # fmt: skip
    context = Context("production", "v7", "243 days", {}, 0.01, 0.0, (600, 7), None, 100, {})
    return content_of(seen, context)  # type: ignore[arg-type]


def test_a_look_as_the_watch_writes_it() -> None:
    seen = read(to_json(written(0.004)).encode(), Watch, "watch.json")

    assert (seen.environment, seen.outcome, seen.window.rows) == ("production", "WARN", 700)
    assert (seen.labelled.rows, seen.reference.days, seen.model.name) == (600, 243, "v7")
    assert seen.nearest is not None
    assert seen.nearest.column == "heat"  # load is farther beyond chance, and too small
    assert seen.nearest.nearness == pytest.approx(1.5)
    assert seen.retraining is not None
    assert (seen.retraining.gain, seen.retraining.error) == (0.02, 0.004)


def test_an_error_that_is_not_known_reads() -> None:
    seen = read(to_json(written(math.inf)).encode(), Watch, "watch.json")
    assert seen.retraining is not None
    assert seen.retraining.error is None


def test_a_verdict_with_little_in_it_and_one_that_is_none() -> None:
    gate = read(b'{"outcome": "PASS", "evidence": "sha256:1", "about": "v1", "flips": []}', Gate, "gate.json")
    assert (gate.reasons, gate.checks, gate.names.champion) == ((), (), None)
    with pytest.raises(EvidenceError, match=r"`gate.json` does not read: `outcome`"):
        read(b'{"evidence": "sha256:1"}', Gate, "gate.json")
