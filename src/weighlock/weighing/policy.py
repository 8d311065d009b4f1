"""`params.yaml: gate`: what a challenger must show, as frozen models."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from weighlock.config import Strict, parse
from weighlock.errors import ConfigError
from weighlock.params import FILE, read_params
from weighlock.statistics.metrics import find_metric

Confidence = Annotated[float, Field(gt=0.5, lt=1)]
Positive = Annotated[int, Field(ge=1)]
BASELINE = "baseline"
# What can go unchecked for want of a model, its data or its repository; `gate.must_run` names those that must not.
CONDITIONS = ("overlap", "validation", "lock", "parity", "size", "vanished slices", "floors", "robustness", "fairness")


class Margin(Strict):
    """How much worse is still not worse: in the metric's unit, or as a share of the champion's value."""

    value: float
    relative: bool = False

    def of(self, champion: float) -> float:
        """The margin in the metric's unit, where the champion's value is this."""
        return self.value * abs(champion) if self.relative else self.value


def _margin(value: Any) -> Any:
    if isinstance(value, str) and (match := re.fullmatch(r"(-?\d+(?:\.\d+)?)\s*%", value)):
        content = {"value": float(match[1]) / 100, "relative": True}
    elif isinstance(value, int | float) and not isinstance(value, bool):
        content = {"value": float(value), "relative": False}
    elif isinstance(value, Margin | dict):
        return value
    else:
        raise ValueError("should be a number in the metric's unit, or a share of the champion's value such as \"2%\"")
    if content["value"] < 0:
        raise ValueError("should be 0 or more: it says how much worse is still not worse, whatever the direction")
    return content


AnyMargin = Annotated[Margin, BeforeValidator(_margin)]


class Rule(Strict):
    """One metric, and what must be shown of it."""

    metric: str
    better: Literal["higher", "lower"]
    margin: AnyMargin
    confidence: Confidence = 0.95
    require: Literal["not_worse", "superior"] = "not_worse"


class SlicesParams(Strict):
    """`gate.slices`: in which slices harm is looked for."""

    metric: str
    margin: AnyMargin
    min_rows: Positive = 500


class FairnessParams(Strict):
    """`gate.fairness`: between which groups the challenger may not widen the gaps."""

    groups: list[str] = []
    margin: Annotated[float, Field(ge=0, le=1)] = 0.02
    min_rows: Positive = 500


class RobustnessParams(Strict):
    """`gate.robustness`: under what the challenger may not suffer more than the champion."""

    metric: str
    margin: AnyMargin
    noise: Annotated[float, Field(ge=0, le=1)] = 0.1
    missing: list[str] = []
    unseen: list[str] = []


def _conditions(value: list[str]) -> list[str]:
    for name in value:
        if name not in CONDITIONS:
            raise ValueError(f"should name some of {', '.join(CONDITIONS)}")
    return value


class GateParams(Strict):
    """`gate`: the policy."""

    primary: Rule
    guards: list[Rule] = []
    cluster: Literal["day", "group", "none"]
    block_days: Positive = 1
    harm_confidence: Confidence = 0.95
    slices: SlicesParams | None = None
    fairness: FairnessParams | None = None
    robustness: RobustnessParams | None = None
    floors: dict[str, float | Literal["baseline"]] = {}
    max_megabytes: Annotated[float, Field(gt=0)] = 50.0
    max_parity: Annotated[float, Field(gt=0)] = 1e-5
    holdout_budget: Positive = 20
    must_run: Annotated[list[str], AfterValidator(_conditions)] = []
    resamples: Annotated[int, Field(ge=100)] = 2000
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 7

    @model_validator(mode="after")
    def _once(self) -> GateParams:
        names = [rule.metric for rule in self.rules]
        if len(set(names)) < len(names):
            raise ValueError("should name each metric once among `primary` and `guards`")
        return self

    @property
    def rules(self) -> list[Rule]:
        """The primary metric's, then the guards'."""
        return [self.primary, *self.guards]


def read_policy(task: str, path: Path = FILE) -> GateParams:
    """Read `params.yaml: gate` and hold it against the task.

    Raises:
        ConfigError: there is none, a key is wrong, a metric is unknown or its direction is not the metric's.
    """
    content = read_params(path).gate
    if not content:
        raise ConfigError(
            f"`{path}` has no `gate` section, so nothing would be checked. `docs/gate.md` shows one; "
            "`weighlock init` writes one."
        )
    policy = parse(content, GateParams, f"{path}: gate")
    check_metrics(policy, task, str(path))
    return policy


def check_metrics(policy: GateParams, task: str, source: str) -> None:
    """Every metric that the policy names applies to the task, and is better where the policy says so.

    Raises:
        ConfigError: names the key.
    """
    named = {f"gate.{'primary' if i == 0 else f'guards.{i - 1}'}": rule for i, rule in enumerate(policy.rules)}
    metrics = {key: rule.metric for key, rule in named.items()}
    metrics |= {f"gate.{key}": part.metric for key in ("slices", "robustness") if (part := getattr(policy, key))}
    metrics |= {f"gate.floors.{name}": name for name in policy.floors}
    for key, name in metrics.items():
        try:
            metric = find_metric(name, task)
        except KeyError as error:
            raise ConfigError(f"`{source}`: `{key}`: {error.args[0]}.") from None
        rule = named.get(key)
        if rule and rule.better != metric.better:
            raise ConfigError(
                f"`{source}`: `{key}` says that {rule.better} is better, but of {name} {metric.better} is. "
                "Mend `better`, or name the metric that was meant."
            )
