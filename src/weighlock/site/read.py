"""What the gate and the watch wrote, as far as the pages show it; keys that are not shown are not looked at."""

from __future__ import annotations

import datetime as dt
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from weighlock.errors import EvidenceError


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Interval(_Read):
    """Both ends; None where it has none."""

    lower: float | None = None
    upper: float | None = None


class Gain(_Read):
    """Of the challenger over the champion."""

    value: float | None
    interval: Interval


class Comparison(_Read):
    """Champion against challenger."""

    champion: float | None
    challenger: float | None
    gain: Gain


class Check(_Read):
    """One of the gate's."""

    kind: str
    name: str
    result: str
    reason: str = ""
    comparison: Comparison | None = None


class Span(_Read):
    """Rows from one time to another."""

    rows: int | None = None
    start: str | None = None
    end: str | None = None


class Names(_Read):
    """What the two models were called."""

    challenger: str | None = None
    champion: str | None = None


class About(_Read):
    """What is said beside a verdict."""

    names: Names = Names()
    warnings: tuple[str, ...] = ()


class Gate(_Read):
    """A `gate.json`."""

    outcome: str
    evidence: str
    bootstrap: bool = False
    reasons: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    holdout: Span = Span()
    about: About | str = About()

    @property
    def names(self) -> Names:
        """What the two models were called."""
        return self.about.names if isinstance(self.about, About) else Names()


class Metric(_Read):
    """What the weighed model reached on the holdout."""

    name: str
    better: str = ""
    value: float | None
    lower: float | None = None
    upper: float | None = None
    baseline: float | None = None


class Reached(_Read):
    """A `reached.json`."""

    rows: int
    unit: str
    units: int
    confidence: float
    metrics: tuple[Metric, ...]


class Window(_Read):
    """The days that a look is about."""

    start: dt.date
    end: dt.date
    rows: int


class Model(_Read):
    """Which one was watched."""

    name: str
    digest: str


class Reference(_Read):
    """What it was held against."""

    name: str
    days: int


class Labelled(_Read):
    """Rows whose outcome is known."""

    rows: int
    days: int


class Fault(_Read):
    """Of a feed."""

    column: str
    kind: str


class Drift(_Read):
    """One measure of one column."""

    column: str
    measure: str
    effect: float | None
    floor: float
    score: float | None
    limit: float | None
    drifted: bool

    @property
    def nearness(self) -> float:
        """How near it came to being called drift, which it is from 1 on: the lesser of chance's limit and the floor."""
        if self.score is None or self.limit is None or self.effect is None:
            return 0.0
        parts = [self.score / self.limit if self.limit > 0 else float("inf")]
        parts += [self.effect / self.floor] if self.floor > 0 else []
        return max(min(parts), 0.0)


class Correction(_Read):
    """What a model that knows more would gain; `by` is empty for the recipe trained anew."""

    by: str
    gain: float | None
    error: float | None
    rows: int


class Watch(_Read):
    """A `watch.json`."""

    environment: str
    model: Model
    window: Window
    reference: Reference
    outcome: str
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    flagged: float | None = None
    unseen: float | None = None
    labelled: Labelled
    faults: tuple[Fault, ...] = ()
    drifts: tuple[Drift, ...] = ()
    gains: tuple[Correction, ...] = ()

    @property
    def nearest(self) -> Drift | None:
        """The column that is drift, or comes nearest to it."""
        return max(self.drifts, key=lambda drift: (drift.drifted, drift.nearness), default=None)

    @property
    def retraining(self) -> Correction | None:
        """What a retraining would gain; None where that was not measured."""
        return next((gain for gain in self.gains if not gain.by and gain.gain is not None), None)


T = TypeVar("T", bound=_Read)


def read(content: bytes, model: type[T], source: str) -> T:
    """The content of a JSON file; `source` names it in messages.

    Raises:
        EvidenceError: it is not what was written there.
    """
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"])) or "the file"
        raise EvidenceError(f"`{source}` does not read: `{key}`: {first['msg']}.") from error
