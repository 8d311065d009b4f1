"""`params.yaml: deploy.judge`: by which rules a rollout is judged."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from weighlock.config import Strict
from weighlock.decisions.judge_verdict import NAMES, Name, Rules
from weighlock.params import Duration, Positive, Share, to_timedelta

LARGEST_HARM = 20.0
Proper = Annotated[float, Field(gt=0, lt=1)]
Clump = Annotated[int, Field(ge=1, le=1000)]
Times = Annotated[float, Field(ge=1, le=LARGEST_HARM)]


def _status(value: str) -> str:
    if len(value) == 3 and value[0] in "45" and (value[1:] == "xx" or value[1:].isdigit()):
        return value
    raise ValueError('should be a status such as "429", or "5xx"')


class Split(Strict):
    """`split`: each figure's share of `alpha`."""

    error_rate: Share = 0.4
    latency: Share = 0.2
    score: Share = 0.2
    loss: Share = 0.2

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if sum(self.model_dump().values()) > 1 + 1e-9:
            raise ValueError("should not add up to more than 1")
        if not all(self.model_dump().values()):
            raise ValueError("should give each figure something: with nothing it could never show harm")
        return self


class ErrorRate(Strict):
    """`error_rate`."""

    statuses: Annotated[list[Annotated[str, AfterValidator(_status)]], Field(min_length=1)] = ["5xx", "429", "422"]
    harm: Times = 1.0
    margin: Proper = 0.005
    clump: Clump = 1


class Latency(Strict):
    """`latency`."""

    quantile: Annotated[float, Field(ge=0.5, lt=1)] = 0.99
    fast_enough_ms: Annotated[float, Field(ge=0)] = 25.0
    harm: Times = 2.0
    margin: Proper = 0.02
    clump: Clump = 3


class Score(Strict):
    """`score`."""

    distance: Proper = 0.15
    paired: Proper = 0.05


class Loss(Strict):
    """`loss`."""

    metric: Literal["brier", "log_loss", "absolute_error", "squared_error"] = "brier"
    cap: Annotated[float, Field(gt=0)] = 1.0
    harm: Annotated[float, Field(ge=0)] = 0.0
    margin: Annotated[float, Field(gt=0)] = 0.02

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.metric == "brier" and self.cap != 1:
            raise ValueError("`cap` should be 1: a Brier score is never more")
        if self.harm >= self.cap or self.margin >= self.cap:
            raise ValueError("`harm` and `margin` should be below `cap`")
        return self


class JudgeParams(Strict):
    """`deploy.judge`."""

    alpha: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    split: Split = Split()
    error_rate: ErrorRate = ErrorRate()
    latency: Latency = Latency()
    score: Score = Score()
    loss: Loss = Loss()
    must_show: Annotated[list[Name], Field(min_length=1)] = ["error_rate", "latency", "score"]
    min_requests: Positive = 500
    max_hold: Duration | None = "7d"
    on_max_hold: Literal["ADVANCE", "ROLLBACK"] = "ROLLBACK"

    def rules(self) -> Rules:
        """As the judge takes them."""
        figures: dict[Name, Any] = {name: getattr(self, name) for name in NAMES}
        return Rules(
            alpha=self.alpha,
            split={name: getattr(self.split, name) for name in NAMES},
            harm={name: getattr(figure, "harm", self.score.distance) for name, figure in figures.items()},
            margin={name: getattr(figure, "margin", self.score.distance) for name, figure in figures.items()},
            paired_margin=self.score.paired,
            clump={"error_rate": self.error_rate.clump, "latency": self.latency.clump},
            quantile=self.latency.quantile,
            must_show=frozenset(self.must_show),
            min_requests=self.min_requests,
            max_hold=to_timedelta(self.max_hold).total_seconds() if self.max_hold else None,
            on_max_hold=self.on_max_hold,
        )
