"""What a report says beside the verdict: both sides, the rows, what flipped, what else has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighlock.decisions.context import Context, DataChanges, Holdout, ParamChange, Side
from weighlock.files import read_json
from weighlock.layout import IMPORTANCE, WEIGHED
from weighlock.times import minute
from weighlock.weighing.changes import data_changes, params_changes, training_rows
from weighlock.weighing.flips import flips, turns
from weighlock.weighing.judgement import UNIT, Judgement
from weighlock.weighing.predictions import rows_digest
from weighlock.weighing.wear import models_weighed

if TYPE_CHECKING:
    import pandas as pd

    from weighlock.weighing.contender import Contender
    from weighlock.weighing.scale import Scale

SHOWN = 5


def context_of(scale: Scale, judgement: Judgement | None) -> Context:
    """Everything but the evidence's digest, the plots and an acceptance, which come later."""
    challenger, champion, policy = scale.challenger, scale.champion, scale.policy
    predictions = challenger.predictions
    wear = models_weighed(scale.root) if scale.tree else None
    times = predictions.frame.get("time")
    holdout = Holdout(
        rows=len(predictions.frame),
        start=None if times is None else minute(times.min()),
        end=None if times is None else minute(times.max()),
        unit=UNIT[policy.cluster],
        units=int(scale.judge.units.clusters.max()) + 1,
        block=policy.block_days if policy.cluster == "day" else 1,
        digest=rows_digest(predictions),
        weighed=wear.models if wear else None,
        budget=policy.holdout_budget,
    )
    return Context(
        task=predictions.task,
        target=predictions.target,
        challenger=_side(challenger),
        champion=_side(champion) if champion else None,
        holdout=holdout,
        evidence="",
        slice_metric=policy.slices.metric if policy.slices else None,
        robustness_metric=policy.robustness.metric if policy.robustness else None,
        flips=flips(predictions, champion.predictions, _features(scale)) if champion else (),
        turns=turns(predictions, champion.predictions, independent=policy.cluster == "none") if champion else None,
        rates=judgement.fairness.rates if judgement else (),
        params=_params(champion, challenger) if champion else None,
        data=_data(champion, challenger) if champion else None,
        warnings=tuple(_warnings(scale, judgement, wear.caveat if wear else "")),
    )


def _side(contender: Contender) -> Side:
    if contender.which is None:
        digests: tuple[tuple[str, str | None], ...] = (("file", contender.predictions.model),)
    else:
        digests = (("weighed", contender.digests.weighed), ("served", contender.digests.served))
    return Side(
        name=contender.name,
        model=contender.which or "file",
        digests=digests,
        trained_until=contender.trained_until,
        why=contender.why,
    )


def _params(champion: Contender, challenger: Contender) -> tuple[ParamChange, ...] | None:
    old, new = champion.params_text, challenger.params_text
    return None if old is None or new is None else params_changes(old, new)


def _data(champion: Contender, challenger: Contender) -> DataChanges | None:
    old, new = training_rows(champion), training_rows(challenger)
    if old is None or new is None or challenger.holdout is None:
        return None
    return data_changes(old, new, challenger.holdout.schema)


def _features(scale: Scale) -> pd.DataFrame | None:
    """The holdout's features by key, those that the challenger hangs on most first."""
    holdout = scale.challenger.holdout
    if holdout is None:
        return None
    columns = list(holdout.schema.features)
    if scale.tree and (importance := scale.tree / WEIGHED / IMPORTANCE).is_file():
        known = [name for name in read_json(importance, "dvc repro")["features"] if name in columns]
        columns = [*known, *(name for name in columns if name not in known)]
    return holdout.rows.set_index(holdout.rows[holdout.key].astype(str))[columns]


def _warnings(scale: Scale, judgement: Judgement | None, caveat: str) -> list[str]:
    said = [caveat] if caveat else []
    for role, contender in (("challenger", scale.challenger), ("champion", scale.champion)):
        if contender is not None and contender.unseen is None:
            said.append(f"Whether the {role}'s training left these rows out is not known: nothing says when it ended.")
    small = [*judgement.slices.unweighed, *judgement.fairness.unweighed] if judgement else []
    if small:
        names = "; ".join(f"{part.name} ({part.reason.rstrip('.').replace('; ', ', ')})" for part in small[:SHOWN])
        more = f"; and {len(small) - SHOWN} more" if len(small) > SHOWN else ""
        said.append(f"Too small to be weighed: {names}{more}.")
    return said
