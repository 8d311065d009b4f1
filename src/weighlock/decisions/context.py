"""What a report needs beside the verdict: who was weighed against whom, on which rows, and what else has changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from weighlock.statistics.paired import Estimate


@dataclass(frozen=True)
class Side:
    """One of the two models.

    Attributes:
        name: as people call it: a version, a revision, a file.
        model: which of its models was scored; `file` where only its predictions are at hand.
        digests: (weighed | served | file, `sha256:…`, or None where nothing says).
        trained_until: the newest row that it was trained on, such as 2013-08-04T03:59Z; None where nothing says.
        why: why this one and no other, in a sentence; empty where there was no choice.
    """

    name: str
    model: Literal["weighed", "served", "file"]
    digests: tuple[tuple[str, str | None], ...] = ()
    trained_until: str | None = None
    why: str = ""

    @property
    def digest(self) -> str | None:
        """Of the model that was scored."""
        return dict(self.digests).get(self.model)


@dataclass(frozen=True)
class Holdout:
    """The rows that both were scored on.

    Attributes:
        rows: how many there are.
        start: the oldest row's time; None where rows have none.
        end: the newest row's time.
        unit: what stands or falls together: day, group or row.
        units: how many of them there are.
        block: how many units in a row count as one (days a block); 1 where each counts.
        digest: of keys and truth, `sha256:…`.
        weighed: distinct models weighed on these rows so far, this one included; None where it is not known.
        budget: of `gate.holdout_budget`.
    """

    rows: int
    start: str | None
    end: str | None
    unit: str
    units: int
    block: int
    digest: str
    weighed: int | None
    budget: int


@dataclass(frozen=True)
class Said:
    """What one model says of a row: its label, where there are any, and its score.

    `score` is the positive class's probability, the named class's for multiclass, or the value.
    """

    label: str | None
    score: float


@dataclass(frozen=True)
class Flip:
    """A row of which the two models say something else.

    Attributes:
        key: the row's.
        truth: the class's name, or the value.
        champion: what the champion says.
        challenger: what the challenger says.
        moved: by how much the scores differ; for multiclass the total variation, half the sum over classes.
        nearer: which of them was nearer to the truth.
        features: (name, value) of each column, as text.
    """

    key: str
    truth: str
    champion: Said
    challenger: Said
    moved: float
    nearer: Literal["challenger", "champion", "neither"]
    features: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Turns:
    """How many rows the two models label differently.

    Attributes:
        rows: how many there are in all.
        flipped: how many of them are labelled differently.
        to_right: of those, how many the challenger alone labels rightly.
        to_wrong: of those, how many the champion alone labels rightly.
        p: McNemar's exact p-value that both err equally often; None where rows stand or fall together.
    """

    rows: int
    flipped: int
    to_right: int
    to_wrong: int
    p: float | None = None


@dataclass(frozen=True)
class ParamChange:
    """A key of `params.yaml` and its two values, as JSON; None where one side lacks it."""

    key: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class TrainingSet:
    """A training set.

    Attributes:
        rows: how many.
        first: the oldest row's time, such as 2013-01-01T10:15Z; None where rows have no time.
        last: the newest row's.
        target: (name, figure): the share of each class, or of the positive one, or `mean` and `standard deviation`.
    """

    rows: int
    first: str | None
    last: str | None
    target: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Drift:
    """How far a feature's values have moved.

    Attributes:
        kind: number, integer, boolean or category.
        distance: numbers and integers: the Wasserstein distance over the older values' standard deviation; others: the
            Jensen–Shannon distance (base 2, from 0 to 1). None where either side has no values, infinite where all
            older values are one and the newer ones are not.
        old_missing: the share of nulls, from 0 to 1.
        new_missing: the share of nulls.
    """

    feature: str
    kind: str
    distance: float | None
    old_missing: float
    new_missing: float

    @property
    def size(self) -> float:
        """By what drifts are put in order: the distance, or the change of the share of nulls where that is larger."""
        return max(self.distance or 0.0, abs(self.new_missing - self.old_missing))


@dataclass(frozen=True)
class DataChanges:
    """How two training sets differ.

    Attributes:
        shared: rows whose key is in both.
        added: columns that only the new one has.
        removed: columns that only the old one has.
        retyped: (column, old type, new type).
        drift: of each feature of the schema that both have, largest first.
    """

    old: TrainingSet
    new: TrainingSet
    shared: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    retyped: tuple[tuple[str, str, str], ...]
    drift: tuple[Drift, ...]


@dataclass(frozen=True)
class GroupRate:
    """Both models' figure in one group: what the gaps are made of.

    Attributes:
        group: `origin = JFK`.
        measure: `true-positive rate` …
        rows: those that count in it.
    """

    group: str
    measure: str
    rows: int
    champion: Estimate
    challenger: Estimate


@dataclass(frozen=True)
class Context:
    """All that a report says beside the verdict.

    Attributes:
        task: binary, multiclass or regression.
        target: what is predicted.
        challenger: what was weighed.
        champion: what it was weighed against; None for `bootstrap`.
        holdout: on which rows.
        evidence: the digest of everything that the verdict hangs on, `sha256:…`.
        slice_metric: by what slices are compared.
        robustness_metric: by what perturbations are compared.
        flips: the rows that moved most, the most telling first.
        rates: both models' figures by group, where gaps between groups were compared.
        turns: how many labels flipped; None where there are no labels.
        params: keys of `params.yaml` that changed; None where one side's are not at hand.
        data: how the training sets differ; None where one side's are not at hand.
        warnings: what a reviewer should know, in sentences.
        plots: (title, file name beside the report).
        accepted: the reason for which an INCONCLUSIVE was accepted; None where it was not.
    """

    task: str
    target: str
    challenger: Side
    champion: Side | None
    holdout: Holdout
    evidence: str
    slice_metric: str | None = None
    robustness_metric: str | None = None
    flips: tuple[Flip, ...] = ()
    rates: tuple[GroupRate, ...] = ()
    turns: Turns | None = None
    params: tuple[ParamChange, ...] | None = None
    data: DataChanges | None = None
    warnings: tuple[str, ...] = ()
    plots: tuple[tuple[str, str], ...] = ()
    accepted: str | None = None
