"""The gate's way: who is weighed against whom, what holds, what the figures show, and the files that say so."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighlock import files
from weighlock.decisions.context import Context, DataChanges, Holdout, ParamChange, Side
from weighlock.decisions.record import to_json
from weighlock.decisions.report import render
from weighlock.decisions.verdict import Comparison, Condition, Verdict
from weighlock.errors import ConfigError, EvidenceError
from weighlock.files import outputs
from weighlock.layout import SLICES
from weighlock.params import FILE as PARAMS
from weighlock.params import read_params
from weighlock.times import minute
from weighlock.weighing import conditions
from weighlock.weighing.acceptance import acceptance_of, evidence_digest
from weighlock.weighing.changes import data_changes, params_changes, training_rows
from weighlock.weighing.flips import flips, turns
from weighlock.weighing.judgement import UNIT, Judge, Judgement, days_of, units_of
from weighlock.weighing.policy import GateParams, read_policy
from weighlock.weighing.predictions import rows_digest
from weighlock.weighing.vetoes.robustness import robustness_comparisons
from weighlock.weighing.wear import models_weighed

if TYPE_CHECKING:
    from weighlock.weighing.contender import Contender

RECORD, REPORT = "gate.json", "gate.md"
SHOWN = 5


@dataclass(frozen=True)
class Weighed:
    """What the gate found.

    Attributes:
        verdict: PASS, FAIL or INCONCLUSIVE, with every check.
        context: what a report says beside it; `accepted` is the reason where an INCONCLUSIVE was.
    """

    verdict: Verdict
    context: Context


@dataclass(frozen=True)
class Scale:
    """Who is weighed against whom, and by what.

    Attributes:
        challenger: what may become the champion.
        champion: None where there is none: `bootstrap`.
        judge: the policy, and what stands or falls together.
        root: the repository's.
    """

    challenger: Contender
    champion: Contender | None
    judge: Judge
    root: Path

    @property
    def policy(self) -> GateParams:
        """`params.yaml: gate`."""
        return self.judge.policy

    @property
    def tree(self) -> Path | None:
        """The repository, where it is the working tree that is weighed."""
        return self.root if self.challenger.kind == "tree" else None


def scale_of(challenger: Contender, champion: Contender | None, root: Path) -> Scale:
    """Set the policy of the repository at `root` to these two.

    Raises:
        ConfigError: the policy is wrong, or there are no floors where they alone would decide.
    """
    policy = read_policy(challenger.predictions.task, root / PARAMS)
    if champion is None and not policy.floors:
        raise ConfigError(
            "`gate.floors` is empty, and there is no champion: nothing would say whether the challenger is any good. "
            "Set a floor, such as `log_loss: baseline`."
        )
    units = units_of(challenger.predictions, policy, read_params(root / PARAMS).data.timezone)
    groups = policy.fairness.groups if policy.fairness else []
    if challenger.kind == "file":
        groups = [name for name in groups if name in challenger.predictions.slices]
    return Scale(challenger, champion, Judge(policy, units, tuple(groups)), root)


def weigh(scale: Scale) -> Weighed:
    """Weigh the challenger.

    Raises:
        WeighlockError: there is nothing sound to weigh; the message says why.
    """
    judgement = None
    stress: list[Comparison] = []
    held = list(_held(scale))
    if scale.champion is not None:
        judgement = scale.judge.judge(scale.challenger.predictions, scale.champion.predictions)
        stress, condition = _stressed(scale)
        held += [condition] if condition else []
        held += _fair(scale, judgement)
    verdict = scale.judge.verdict(judgement, stress, held)
    context = _context(scale, judgement)
    content = to_json(verdict, context) | {"policy": scale.policy.model_dump(mode="json")}
    context = replace(context, evidence=evidence_digest(content))
    if verdict.outcome == "INCONCLUSIVE" and (accepted := acceptance_of(context.evidence, scale.root)):
        context = replace(context, accepted=f"{accepted.reason} ({accepted.by})")
    return Weighed(verdict, context)


def write(weighed: Weighed, scale: Scale, out: Path) -> None:
    """Write `gate.json`, `gate.md` and the plots to the folder `out`, whose other files stay.

    Raises:
        StorageError: the disk is full or read-only; nothing was changed.
    """
    from weighlock.weighing.plots import draw

    verdict, context = weighed.verdict, weighed.context
    predictions = scale.challenger.predictions
    days = None
    if "time" in predictions.frame:
        days = days_of(predictions, read_params(scale.root / PARAMS).data.timezone)
    champion = scale.champion.predictions if scale.champion else None
    with outputs("gate", out) as staged:
        record, report = staged.path(RECORD), staged.path(REPORT)
        context = replace(context, plots=tuple(draw(verdict, predictions, champion, days, record.parent)))
        for _, file in context.plots:
            staged.path(file)
        content = to_json(verdict, context) | {"policy": scale.policy.model_dump(mode="json")}
        record.write_text(files.to_json(content), encoding="utf-8")
        report.write_text(render(verdict, context), encoding="utf-8")


def _held(scale: Scale) -> list[Condition]:
    """The plain conditions, of which a file alone tells few."""
    policy, tree, challenger = scale.policy, scale.tree, scale.challenger
    holdout = challenger.holdout if tree else None
    schema = holdout.schema if holdout else None
    overlap = (
        conditions.overlap(schema, holdout.params.split.by, tree)
        if schema and holdout
        else Condition("overlap", None, f"Whether training saw the holdout is not known. {conditions.NO_TREE}")
    )
    held = [
        *conditions.floors(challenger.predictions, policy, tree),
        overlap,
        conditions.validation(tree),
        conditions.lock(tree),
        conditions.parity(policy, tree),
        conditions.size(_folders(scale), policy),
    ]
    if scale.champion is not None:
        least = policy.slices.min_rows if policy.slices else 1
        rows = holdout.rows if holdout else None
        held.append(conditions.vanished(_slices_of(scale.champion), rows, schema, least))
    return held


def _folders(scale: Scale) -> list[Path]:
    if scale.tree:
        return conditions.of_tree(scale.tree)
    return [Path(scale.challenger.name)] if scale.challenger.kind == "folder" else []


def _slices_of(champion: Contender) -> list[dict[str, Any]] | None:
    try:
        return list(json.loads(champion.source.text(SLICES))) if champion.source else None
    except (EvidenceError, ValueError):
        return None


def _fair(scale: Scale, judgement: Judgement) -> list[Condition]:
    """Whether gaps between groups were looked at, where the policy asks for it."""
    asked = scale.policy.fairness.groups if scale.policy.fairness else []
    if missing := [name for name in asked if name not in scale.judge.groups]:
        columns = ", ".join(f"`{name}`" for name in missing)
        return [Condition("fairness", None, f"`{scale.challenger.name}` has no column {columns} to tell groups by.")]
    return [judgement.fairness.condition] if asked else []


def _stressed(scale: Scale) -> tuple[list[Comparison], Condition | None]:
    params, challenger, champion = scale.policy.robustness, scale.challenger, scale.champion
    if params is None or champion is None:
        return [], None
    if challenger.scorer is None or champion.scorer is None or challenger.holdout is None:
        reason = "It takes both models and the holdout's rows; of one there are predictions alone."
        return [], Condition("robustness", None, reason)
    found = robustness_comparisons(
        challenger.scorer, champion.scorer, challenger.holdout.rows, challenger.holdout.schema, scale.judge.units,
        params, scale.judge.resampling,
    )  # fmt: skip
    return list(found.comparisons), found.condition


def _context(scale: Scale, judgement: Judgement | None) -> Context:
    challenger, champion, policy = scale.challenger, scale.champion, scale.policy
    predictions = challenger.predictions
    wear = models_weighed(scale.root) if scale.tree else None
    features = None
    if rows := challenger.holdout:
        features = rows.rows.set_index(rows.rows[rows.key].astype(str))[list(rows.schema.features)]
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
        flips=flips(predictions, champion.predictions, features) if champion else (),
        turns=turns(predictions, champion.predictions) if champion else None,
        params=_params(champion, challenger) if champion else None,
        data=_data(champion, challenger) if champion else None,
        warnings=tuple(_warnings(scale, judgement)),
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


def _warnings(scale: Scale, judgement: Judgement | None) -> list[str]:
    said = []
    for role, contender in (("challenger", scale.challenger), ("champion", scale.champion)):
        if contender is not None and contender.unseen is None:
            said.append(f"Whether the {role}'s training left these rows out is not known: nothing says when it ended.")
    small = [*judgement.slices.unweighed, *judgement.fairness.unweighed] if judgement else []
    if small:
        names = "; ".join(f"{part.name} ({part.reason.rstrip('.').replace('; ', ', ')})" for part in small[:SHOWN])
        more = f"; and {len(small) - SHOWN} more" if len(small) > SHOWN else ""
        said.append(f"Too small to be weighed: {names}{more}.")
    return said
