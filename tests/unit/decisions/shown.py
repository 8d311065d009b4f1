"""Verdicts and contexts for the tests of what is shown: by hand, and hostile and huge by hypothesis."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from weighlock.decisions.context import (
    Context,
    DataChanges,
    Drift,
    Flip,
    GroupRate,
    Holdout,
    ParamChange,
    Said,
    Side,
    TrainingSet,
    Turns,
)
from weighlock.decisions.verdict import Check, Comparison, Kind, Outcome, Result, Verdict
from weighlock.statistics.paired import Estimate

DIGEST = "sha256:" + "0123456789abcdef" * 4
HOSTILE = (
    "| pipe | `tick` ``two`` <img src=x onerror=alert(1)> [link](http://evil.example) ![image](x.png) @octocat #1 "
    "www.evil.example GH-12 **bold** _under_ ~~gone~~ $x$ :tada: &lt; \\| \\` \n\n# heading\n- [ ] task\n"
    "</details>\u202e\x1b[31m"
)


def estimate(value: float = 0.0024, error: float = 0.0041, **change: Any) -> Estimate:
    """A gain over 28 days, whose rows are worth a quarter of themselves."""
    made = Estimate(value, error, error / 2, clusters=28, rows=4000, freedom=27.0, autocorrelation=0.1)
    return dataclasses.replace(made, **change)


def check(
    kind: Kind = "primary",
    name: str = "log_loss",
    result: Result = "pass",
    gain: Estimate | None = None,
    margin: float = 0.02,
    **change: Any,
) -> Check:
    """A check with its figures; the champion's value is 0.4512."""
    gain = gain or estimate()
    comparison = Comparison(kind, name, 0.4512, 0.4512 - gain.value, gain, margin)
    made = Check(kind, name, result, f"{name} was looked at.", comparison, 0.95, p_harm=0.4)
    return dataclasses.replace(made, **change)


def condition(name: str, result: Result, reason: str = "It was looked at.") -> Check:
    """A check without figures."""
    return Check("condition", name, result, reason)


def verdict(*checks: Check, outcome: Outcome = "PASS", **change: Any) -> Verdict:
    """These checks' verdict, with their own reasons."""
    reasons = tuple(c.reason for c in checks)
    return dataclasses.replace(Verdict(outcome, bootstrap=False, reasons=reasons, checks=checks), **change)


def context(**change: Any) -> Context:
    """Of a binary task, with some of everything."""
    made = Context(
        task="binary",
        target="late",
        challenger=Side("models/weighed", "weighed", (("weighed", DIGEST), ("served", None)), "2013-08-04T03:59Z"),
        champion=Side("v7", "served", (("weighed", None), ("served", DIGEST)), "2013-07-07T03:59Z", "It is older."),
        holdout=Holdout(4000, "2013-08-04T09:00Z", "2013-09-01T03:59Z", "day", 28, 1, DIGEST, weighed=3, budget=20),
        evidence=DIGEST,
        slice_metric="log_loss",
        robustness_metric="log_loss",
        flips=(Flip("k1", "true", Said("false", 0.21), Said("true", 0.64), 0.43, "challenger", (("kind", "a|b"),)),),
        rates=(GroupRate("kind = a|b", "selection rate", 2000, estimate(0.4, 0.01), estimate(0.45, 0.01)),),
        turns=Turns(4000, 12, 8, 4),
        params=(ParamChange("train.seed", "7", None),),
        data=DataChanges(
            TrainingSet(1000, "2013-01-01", "2013-07-07", (("true", 0.25),)),
            TrainingSet(1200, "2013-01-01", "2013-08-04", (("true", 0.26),)), 1000,
            ("new",), ("old",), (("year", "integer", "number"),), (Drift("temperature", "number", 0.213, 0.0, 0.01),),
        ),
        warnings=("Mind this.",),
        plots=(("Calibration", "calibration.png"),),
    )  # fmt: skip
    return dataclasses.replace(made, **change)


def everything(text: str, many: int, outcome: Outcome = "INCONCLUSIVE") -> tuple[Verdict, Context]:
    """A verdict and a context in which every text is this one and every list is this long."""
    results: list[Result] = ["fail", "inconclusive", "pass", "not run"]
    kinds: list[Kind] = ["primary", "guard", "slice", "fairness", "robustness", "condition"]
    broken = estimate(math.nan, math.inf)
    checks = tuple(
        check(kind, text, results[i % 4], broken if i % 5 == 0 else None, reason=text, more_units=i)
        for kind in kinds
        for i in range(many)
    )
    side = Side(text, "file", (("file", text),), text, text)
    flip = Flip(text, text, Said(text, math.nan), Said(None, 1e300), 0.5, "neither", ((text, text),) * many)
    said = context(
        task="regression", target=text, challenger=side, champion=side, evidence=text, slice_metric=text,
        holdout=Holdout(10**9, text, text, "day", 10**6, 7, text, weighed=10**6, budget=1), flips=(flip,) * many,
        rates=(GroupRate(text, "selection rate", 0, broken, broken),) * many,
        params=(ParamChange(text, text, text),) * many, warnings=(text,) * many, plots=((text, text[:90]),) * many,
        data=DataChanges(
            TrainingSet(0, text, text, ((text, math.nan),) * many),
            TrainingSet(1, text, text, ((text, math.inf),) * many),
            0, (text,) * many, (text,) * many, ((text, text, text),) * many,
            (Drift(text, text, math.nan, 0.0, 1.0), Drift(text, text, None, 0.0, 1.0)) * many,
        ),
        accepted=text,
    )  # fmt: skip
    return verdict(*checks, outcome=outcome, reasons=(text,) * many), said
