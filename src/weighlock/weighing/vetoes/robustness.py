"""Robustness: whether the challenger suffers more than the champion where inputs are noisy, missing or unseen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from weighlock.conform import truth
from weighlock.decisions.verdict import Comparison, Condition
from weighlock.errors import ConfigError
from weighlock.statistics.metrics import Scored, find_metric
from weighlock.weighing.vetoes.parts import compare

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from weighlock.schema import Column, Schema
    from weighlock.scoring import Scorer
    from weighlock.statistics.bootstrap import Resampling
    from weighlock.statistics.paired import Units
    from weighlock.weighing.policy import RobustnessParams

UNSEEN = "unseen"


@dataclass(frozen=True)
class RobustnessVetoes:
    """How the models compare under each perturbation, and whether both could score all of them."""

    comparisons: tuple[Comparison, ...]
    condition: Condition


def robustness_comparisons(
    challenger: Scorer,
    champion: Scorer,
    holdout: pd.DataFrame,
    schema: Schema,
    units: Units,
    params: RobustnessParams,
    resampling: Resampling,
) -> RobustnessVetoes:
    """Compare two models on rows that were perturbed the same way for both.

    Where the challenger cannot score them the condition `robustness` does not hold; where it is the champion that
    cannot, there is nothing to compare with, and the condition could not be looked at.

    Args:
        challenger: any model of the schema's task.
        champion: the same.
        holdout: features and target, as `conform` makes them.
        schema: what may be null, which values a number may have, which categories are open.
        units: of the rows.
        params: which perturbations, by which metric, beyond which margin.
        resampling: for metrics that are no means; its seed is the noise's as well.

    Raises:
        ConfigError: `gate.robustness` asks for what the schema does not allow.
    """
    check_robustness(params, schema)
    metric = find_metric(params.metric, schema.task)
    outcome = truth(holdout, schema)
    comparisons, broken, blank = [], [], []
    for name, rows in perturbed(holdout, schema, params, resampling.seed, (challenger, champion)):
        scored = [_scored(model, rows, outcome, schema) for model in (challenger, champion)]
        after, before = scored
        if isinstance(after, str):
            broken.append(f"on rows with {name} the challenger gives no scores: {after}")
        elif isinstance(before, str):
            blank.append(f"on rows with {name} the champion gives no scores: {before}")
        else:
            try:
                margin = params.margin
                found = compare("robustness", name, metric, after, before, units, margin, resampling)
            except ValueError as error:
                blank.append(f"rows with {name} cannot be compared: {error}")
            else:
                comparisons.append(found)
    return RobustnessVetoes(tuple(comparisons), _condition(comparisons, broken, blank))


def check_robustness(params: RobustnessParams, schema: Schema) -> None:
    """Hold the perturbations against the schema.

    Raises:
        ConfigError: a column is no feature, may not be missing, or has no category that could be unseen.
    """
    for key, names in (("missing", params.missing), ("unseen", params.unseen)):
        for name in names:
            column = schema.features.get(name)
            if column is None:
                raise ConfigError(
                    f"`gate.robustness.{key}` names `{name}`, which is no feature of `schema.yaml`. Mend the name, "
                    f"or take it out. There are {', '.join(f'`{n}`' for n in schema.features)}."
                )
            if key == "missing" and not column.nullable:
                raise ConfigError(
                    f"`gate.robustness.missing` names `{name}`, but `schema.yaml` does not let it be missing, so the "
                    "service would refuse such a row. Make it `nullable`, or take it out."
                )
            if key == "unseen" and not _open(column):
                raise ConfigError(
                    f"`gate.robustness.unseen` names `{name}`, which is no category whose values are `open`, so the "
                    "service would refuse such a row. Name an open category, or take it out."
                )


def perturbed(
    holdout: pd.DataFrame, schema: Schema, params: RobustnessParams, seed: int, models: Sequence[Scorer]
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each perturbation's name and its rows: `noise`, `missing wind_speed`, `unseen carrier`.

    Args:
        holdout: features at least, as `conform` makes them; it is left as it is.
        schema: as above.
        params: which; a noise of 0 is none.
        seed: of the noise.
        models: whose categories an unseen one may not be among.
    """
    if params.noise > 0 and any(c.type in {"number", "integer"} for c in schema.features.values()):
        yield "noise", _noisy(holdout, schema, params.noise, np.random.default_rng(seed))
    for name in params.missing:
        blank = None if schema.features[name].type == "category" else np.nan
        yield f"missing {name}", holdout.assign(**{name: blank})
    for name in params.unseen:
        yield f"unseen {name}", holdout.assign(**{name: _unseen(name, holdout, models)})


def _noisy(holdout: pd.DataFrame, schema: Schema, size: float, random: np.random.Generator) -> pd.DataFrame:
    """Normal noise on every number, in its own standard deviations, within what the schema allows."""
    columns = {}
    for name, column in schema.features.items():
        if column.type not in {"number", "integer"}:
            continue
        values = holdout[name].to_numpy(dtype=np.float64)
        spread = float(np.nanstd(values)) if np.isfinite(values).any() else 0.0
        noisy = values + random.normal(size=len(values)) * size * spread
        low, high = column.min, column.max
        if column.type == "integer":
            noisy = np.round(noisy)
            low, high = (None if low is None else np.ceil(low)), (None if high is None else np.floor(high))
        columns[name] = noisy if low is None and high is None else np.clip(noisy, low, high)
    return holdout.assign(**columns)


def _unseen(name: str, holdout: pd.DataFrame, models: Sequence[Scorer]) -> str:
    known = set(holdout[name].dropna())
    for model in models:
        known |= {c for f in model.signature.features if f.name == name for c in f.categories or ()}
    return next(text for text in (UNSEEN + "?" * i for i in range(len(known) + 1)) if text not in known)


def _scored(model: Scorer, rows: pd.DataFrame, outcome: NDArray[np.float64], schema: Schema) -> Scored | str:
    """What a model makes of the rows, its classes in the schema's order; or why it makes nothing of them."""
    try:
        scores = model.score(rows)
    except Exception as error:  # whatever a model raises, it has not scored
        return str(error) or type(error).__name__
    if not np.isfinite(scores).all():
        return f"{np.count_nonzero(~np.isfinite(scores)):,} are not finite."
    if schema.task == "multiclass":
        classes = model.signature.classes or ()
        scores = scores[:, [classes.index(name) for name in schema.classes or ()]]
    return Scored(schema.task, outcome, scores, model.signature.threshold)


def _open(column: Column) -> bool:
    return column.type == "category" and column.values == "open"  # noqa: PD011  (of the schema, not of pandas)


def _condition(comparisons: Sequence[Comparison], broken: Sequence[str], blank: Sequence[str]) -> Condition:
    if broken:
        return Condition("robustness", holds=False, reason=_sentence(broken))
    if blank:
        return Condition("robustness", None, f"{_sentence(blank)} There is nothing to compare with.")
    if not comparisons:
        return Condition("robustness", None, "`gate.robustness` asks for no perturbation.")
    return Condition("robustness", holds=True, reason=f"Both models score under {len(comparisons)} perturbations.")


def _sentence(reasons: Sequence[str]) -> str:
    said = "; ".join(reason.rstrip(".") for reason in reasons)
    return f"{said[0].upper()}{said[1:]}."
