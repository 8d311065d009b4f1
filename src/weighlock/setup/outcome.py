"""What the target is: the task, and the classes in their order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from weighlock.conform import as_category
from weighlock.errors import DataError
from weighlock.schema import Task
from weighlock.setup.columns import as_numbers, is_moment

FEW_VALUES = 20  # whole numbers with more values than this are amounts, not classes
ROWS_A_VALUE = 20  # and so are those whose values have fewer rows than this, on average
MOST_CLASSES = 50
RARE = 10  # rows; a class with fewer can be neither learnt nor judged
POSITIVE = {
    "true", "1", "yes", "y", "t", "positive", "pos", "present", "case", "bad", "churned", "converted", "default",
    "defaulted", "died", "dead", "failed", "failure", "fraud", "malignant", "success",
}  # fmt: skip
NEGATIVE = {
    "false", "0", "no", "n", "f", "negative", "neg", "absent", "control", "good", "none", "-1", "alive", "benign",
    "never", "normal", "ok", "survived",
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """The task, its classes (binary: the negative, then the positive), and why it is thought so."""

    task: Task
    classes: list[str] | None
    why: tuple[str, ...]


def infer_outcome(values: pd.Series, task: Task | None = None) -> Outcome:
    """The outcome that a target's values speak of; `task` where the user knows better.

    Raises:
        DataError: nothing can be learnt of it, or it does not go with `task`.
    """
    name = values.name
    labels = as_category(values)
    known = values[labels.notna()]
    if len(known) < len(values) / 2:
        raise DataError(
            f"the target `{name}` is missing in {len(values) - len(known):,} of {len(values):,} rows. Is it the right "
            "column? If so, take the rows without an outcome out of the file."
        )
    counts = labels.value_counts()
    if len(counts) == 1:
        raise DataError(
            f"the target `{name}` is {counts.index[0]!r} in every row: nothing can be learnt. Name another "
            "`--target`, or bring rows with another outcome."
        )
    numbers = as_numbers(known)
    if task is None and numbers is None and is_moment(known):
        raise DataError(f"the target `{name}` holds dates or times. Predict a number (days until…) or a class instead.")
    task = task or _task(counts, numbers)
    if task == "regression":
        if numbers is None:
            raise DataError(f"the target `{name}` holds texts such as {counts.index[0]!r}; regression needs numbers.")
        return Outcome("regression", None, (f"`{name}` is a number with {len(counts):,} values",))
    return _classes(str(name), counts, task)


def _task(counts: pd.Series, numbers: pd.Series | None) -> Task:
    if len(counts) == 2:
        return "binary"
    whole = numbers is not None and bool((numbers.dropna() % 1 == 0).all())
    few = len(counts) <= FEW_VALUES and counts.sum() >= ROWS_A_VALUE * len(counts)
    return "multiclass" if numbers is None or (whole and few) else "regression"


def _classes(name: str, counts: pd.Series, task: Task) -> Outcome:
    if task == "binary" and len(counts) != 2:
        raise DataError(f"the target `{name}` has {len(counts):,} values; `--task binary` needs two.")
    if task == "multiclass" and len(counts) == 2:
        raise DataError(f"the target `{name}` has two values; `--task multiclass` needs three or more.")
    if len(counts) > MOST_CLASSES:
        raise DataError(
            f"the target `{name}` has {len(counts):,} distinct values, such as {counts.index[0]!r}: too many to be "
            f"classes (at most {MOST_CLASSES}), and no numbers. Name another `--target`, or group its values first."
        )
    common, rare = counts[counts >= RARE], counts[counts < RARE]
    if len(common) < 2:
        raise DataError(
            f"the target `{name}` has {len(common)} class(es) with {RARE} rows or more; it takes two to learn and to "
            f"judge. Rarest: {rare.index[-1]!r}, {rare.iloc[-1]} rows."
        )
    why = []
    if len(rare):
        why.append(f"classes with fewer than {RARE} rows are left out, their rows go to quarantine: {_named(rare)}")
    if len(common) == 2:
        classes, reason = _ordered_pair(common)
        return Outcome("binary", classes, (f"`{name}` is {_named(common[classes])}", reason, *why))
    classes = _in_order(list(common.index))
    return Outcome("multiclass", classes, (f"`{name}` is one of {_named(common[classes])}", *why))


def _ordered_pair(counts: pd.Series) -> tuple[list[str], str]:
    """Negative and positive class, and why the positive one is."""
    first, second = _in_order(list(counts.index))
    for words, place in ((POSITIVE, 1), (NEGATIVE, 0)):
        found = [c for c in (first, second) if c.lower() in words]
        if len(found) == 1:
            other = second if found[0] == first else first
            pair = [other, found[0]] if place else [found[0], other]
            return pair, f"the positive class is {pair[1]!r}, by its meaning; exchange `classes` if it is not"
    rarer = first if counts[first] < counts[second] else second
    other = second if rarer == first else first
    return [other, rarer], f"the positive class is {rarer!r}, the rarer one; exchange `classes` if it is not"


def _in_order(classes: list[str]) -> list[str]:
    numbers = pd.to_numeric(pd.Series(classes), errors="coerce")
    if numbers.notna().all():
        return [classes[i] for i in np.argsort(numbers.to_numpy(), kind="stable")]
    return sorted(classes)


def _named(counts: pd.Series) -> str:
    return ", ".join(f"{name} ({rows:,})" for name, rows in counts.items())
