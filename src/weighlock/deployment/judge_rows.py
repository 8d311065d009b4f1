"""From both variants' prediction logs to what the judge is given: scores and losses, one of each unit.

The unit is the entity; of rows without one, the request; of rows without either, the row. A unit counts once, with its
first row of the step (for the loss: the first whose truth came): whoever returns says little that is new, and values
that changed after they were counted would make "at any time" untrue.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from weighlock.decisions.judge_verdict import Samples
from weighlock.deployment.judge_policy import Loss
from weighlock.errors import ConfigError
from weighlock.monitoring.log_record import Feedback, HashKey, Record, Row, Value
from weighlock.monitoring.log_store import LABELS, PREDICTIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weighlock.monitoring.log_store import Store

METRICS = {
    "binary": ("brier", "log_loss"),
    "multiclass": ("brier", "log_loss"),
    "regression": ("absolute_error", "squared_error"),
}
LossOf: TypeAlias = "Callable[[Kept, Value], float | None]"
_LEAST_PROBABILITY = 1e-15


class Kept(NamedTuple):
    """What is kept of a row: its id and unit, when it was, and its score, or that of each class."""

    id: str
    unit: str
    time: str
    scores: tuple[float, ...]


@dataclass
class Logged:
    """What the logs hold of a step.

    Attributes:
        first: variant -> unit -> its first row, in the order in which they came.
        requests: variant -> the client's id of a request -> its first row; None where the id was used twice.
        labelled: variant -> unit -> its row whose truth came first.
        truths: by prediction, how many truths had come before its own, and what became of it.
        classes: whose scores a row has; empty: it has one.
        unit: entity, request or row.
    """

    first: dict[str, dict[str, Kept]] = field(default_factory=lambda: {"candidate": {}, "stable": {}})
    requests: dict[str, dict[str, Kept | None]] = field(default_factory=lambda: {"candidate": {}, "stable": {}})
    labelled: dict[str, dict[str, Kept]] = field(default_factory=lambda: {"candidate": {}, "stable": {}})
    truths: Mapping[str, tuple[int, Value]] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    unit: str = "row"

    def add(self, variant: str, row: Record) -> None:
        """Take a row; they come in the order of time."""
        if row.scores is not None and not self.classes:
            self.classes = tuple(sorted(row.scores))
        unit = row.entity or row.request or row.id
        self.unit = "entity" if row.entity else "request" if row.request and self.unit == "row" else self.unit
        kept = Kept(row.id, unit, row.time, self._scores(row))
        self.first[variant].setdefault(unit, kept)
        if row.id in self.truths:
            before = self.labelled[variant].get(unit)
            if before is None or self.truths[row.id][0] < self.truths[before.id][0]:
                self.labelled[variant][unit] = kept
        if row.request is not None:
            seen = self.requests[variant].setdefault(row.request, kept)
            if seen is not None and seen.time != row.time:  # rows of one request are of one moment
                self.requests[variant][row.request] = None

    def pairs(self) -> list[tuple[Kept, Kept]]:
        """The candidate's and the stable's rows of the same requests, one of each unit."""
        found: dict[str, tuple[Kept, Kept]] = {}
        for new, old in self._same():
            found.setdefault(old.unit, (new, old))
        return list(found.values())

    def labelled_pairs(self) -> list[tuple[tuple[int, Value], Kept, Kept]]:
        """Those whose truth is known, by either's id, with that truth: of each unit the one that came first."""
        found: dict[str, tuple[tuple[int, Value], Kept, Kept]] = {}
        for new, old in self._same():
            told = self.truths.get(old.id) or self.truths.get(new.id)
            if told is not None and (old.unit not in found or told[0] < found[old.unit][0][0]):
                found[old.unit] = (told, new, old)
        return list(found.values())

    def _same(self) -> Iterator[tuple[Kept, Kept]]:
        for request, old in self.requests["stable"].items():
            new = self.requests["candidate"].get(request)
            if old is not None and new is not None:
                yield new, old

    def _scores(self, row: Record) -> tuple[float, ...]:
        if row.scores is not None:
            return tuple(row.scores.get(name, 0.0) for name in self.classes)
        score = row.value if row.score is None else row.score
        return () if score is None else (score,)


@dataclass(frozen=True)
class Log:
    """One log: the service's folder, and where its compacted days are."""

    folder: Path
    store: Store


def read_logged(
    logs: Sequence[Log], digests: Mapping[str, str], since: Mapping[str, str], key: HashKey | None, *, together: bool
) -> Logged:
    """The rows of a step, with the truths that have come.

    Args:
        logs: of both variants; one may be of both.
        digests: model digest -> variant.
        since: variant -> from when on its rows count.
        key: of the log's hashes.
        together: the stable version's rows count from the candidate's first on: those before are of another time.

    Raises:
        EvidenceError, StorageError: a log cannot be read.
    """
    begin = min(since.values())
    logged = Logged(truths=read_truths(logs, begin, key))
    waiting = together
    for row in _rows(logs, PREDICTIONS, key, begin):
        variant = digests.get(row.model.digest) if isinstance(row, Record) else None
        if not isinstance(row, Record) or variant is None or row.time < since[variant]:
            continue
        waiting = waiting and variant == "stable"
        if not waiting:
            logged.add(variant, row)
    return logged


def read_truths(logs: Sequence[Log], since: str, key: HashKey | None) -> dict[str, tuple[int, Value]]:
    """By prediction: how many truths had come before its own, and what became of it, as told last."""
    found: dict[str, tuple[int, Value]] = {}
    for place, row in enumerate(_rows(logs, LABELS, key, since)):
        if isinstance(row, Feedback) and row.truth is not None:
            found[row.id] = (found.get(row.id, (place, None))[0], row.truth)
    return found


def score_samples(logged: Logged, *, paired: bool) -> dict[str, Samples]:
    """Both variants' scores, by class; of probabilities on the same requests as pairs."""
    if paired:
        rows = logged.pairs()
        new, old = [pair[0] for pair in rows], [pair[1] for pair in rows]
    else:
        new, old = (list(logged.first[variant].values()) for variant in ("candidate", "stable"))
    tables = [_table(rows, max(len(logged.classes), 1)) for rows in (new, old)]
    if not min(len(table) for table in tables):
        return {}
    both = paired and all(((table >= 0) & (table <= 1)).all() for table in tables)
    names = logged.classes or ("",)
    return {name: Samples(tables[0][:, k], tables[1][:, k], both, logged.unit) for k, name in enumerate(names)}


def loss_samples(logged: Logged, loss: LossOf, *, paired: bool) -> Samples | None:
    """Both variants' losses, 0 to 1, in the order in which truths came; None: there are none of one of them."""
    arms: tuple[list[tuple[int, float]], list[tuple[int, float]]] = ([], [])
    if paired:
        told = [(place, loss(new, truth), loss(old, truth)) for (place, truth), new, old in logged.labelled_pairs()]
        known = [(place, new, old) for place, new, old in told if new is not None and old is not None]
        arms[0].extend((place, new) for place, new, _ in known)
        arms[1].extend((place, old) for place, _, old in known)
    else:
        for arm, variant in zip(arms, ("candidate", "stable"), strict=True):
            truths = ((logged.truths[row.id], row) for row in logged.labelled[variant].values())
            values = ((place, loss(row, truth)) for (place, truth), row in truths)
            arm.extend((place, value) for place, value in values if value is not None)
    if not (arms[0] and arms[1]):
        return None
    new, old = (np.array([value for _, value in sorted(arm, key=lambda item: item[0])]) for arm in arms)
    return Samples(new, old, paired, logged.unit)


def loss_of(task: str, classes: Sequence[str] | None, logged: Sequence[str], params: Loss) -> LossOf:
    """A row's loss in shares of `cap`, 0 to 1; None where its truth is no class, or no number.

    Args:
        task: of the model.
        classes: of the model; the last of two is the one whose probability is the score.
        logged: the classes in the order of a logged row's scores.
        params: which loss.

    Raises:
        ConfigError: it is none of the task's.
    """
    if params.metric not in METRICS[task]:
        raise ConfigError(
            f"`deploy.judge.loss.metric` is `{params.metric}`, but the task is {task}. "
            f"Choose one of {', '.join(METRICS[task])}."
        )
    if task == "regression":
        return partial(_of_number, params)
    return partial(_of_class, params, list(classes or ()) if task == "binary" else list(logged))


def _of_number(params: Loss, row: Kept, truth: Value) -> float | None:
    if isinstance(truth, str | bool) or truth is None or not row.scores:
        return None
    return min(_error(row.scores[0] - truth, params.metric), params.cap) / params.cap


def _of_class(params: Loss, names: list[str], row: Kept, truth: Value) -> float | None:
    name = str(truth).lower() if isinstance(truth, bool) else str(truth)  # as the service names it
    chances = np.array([1 - row.scores[0], row.scores[0]] if len(row.scores) == 1 else row.scores)
    if name not in names or len(chances) != len(names):
        return None
    true = np.array([each == name for each in names])
    if params.metric == "brier":
        return float(((chances - true) ** 2).sum() / 2)
    chance = max(float(chances[true].sum()), _LEAST_PROBABILITY)
    return min(-float(np.log(chance)), params.cap) / params.cap


def _error(difference: float, metric: str) -> float:
    return abs(difference) if metric == "absolute_error" else difference**2


def _rows(logs: Sequence[Log], kind: str, key: HashKey | None, since: str) -> Iterator[Row]:
    """The rows of all logs in the order of time, those that stand in two of them once."""
    from weighlock.monitoring.log_cat import rows_by_time

    every = [rows_by_time(log.folder, log.store, kind, key=key, since=since) for log in logs]
    last: tuple[str, str] | None = None
    for row in heapq.merge(*every, key=lambda row: (row.time, row.id)):
        if (row.time, row.id) != last:
            yield row
        last = (row.time, row.id)


def _table(rows: Iterable[Kept], columns: int) -> NDArray[np.float64]:
    found = [row.scores for row in rows if len(row.scores) == columns]
    return np.array(found, dtype=np.float64).reshape(-1, columns)
