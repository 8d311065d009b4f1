"""The gate's way: who is weighed against whom, what holds, what the figures show, and the files that say so."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighlock import files
from weighlock.decisions.context import Context
from weighlock.decisions.record import to_json
from weighlock.decisions.report import render
from weighlock.decisions.verdict import Comparison, Condition, Verdict
from weighlock.errors import EvidenceError
from weighlock.files import outputs
from weighlock.layout import SLICES
from weighlock.params import FILE as PARAMS
from weighlock.params import read_params
from weighlock.releases.acceptance import acceptance_of, evidence_digest
from weighlock.weighing import conditions
from weighlock.weighing.judgement import Judgement, days_of
from weighlock.weighing.scale import Scale
from weighlock.weighing.telling import context_of
from weighlock.weighing.vetoes.robustness import robustness_comparisons

if TYPE_CHECKING:
    from weighlock.weighing.contender import Contender

RECORD, REPORT = "gate.json", "gate.md"


@dataclass(frozen=True)
class Weighed:
    """What the gate found.

    Attributes:
        verdict: PASS, FAIL or INCONCLUSIVE, with every check.
        context: what a report says beside it; `accepted` is the reason where an INCONCLUSIVE was.
    """

    verdict: Verdict
    context: Context


def weigh(scale: Scale, lock: Condition | None = None) -> Weighed:
    """Weigh the challenger.

    Args:
        scale: who against whom, by what.
        lock: what is known of `dvc.lock`, where the tree was put together from another's parts; None: ask DVC.

    Raises:
        WeighlockError: there is nothing sound to weigh; the message says why.
    """
    judgement = None
    stress: list[Comparison] = []
    held = list(_held(scale, lock))
    if scale.champion is not None:
        judgement = scale.judge.judge(scale.challenger.predictions, scale.champion.predictions)
        stress, condition = _stressed(scale)
        held += [condition] if condition else []
        held += _fair(scale, judgement)
    verdict = scale.judge.verdict(judgement, stress, held)
    context = context_of(scale, judgement)
    context = replace(context, evidence=evidence_digest(_record(verdict, context, scale)))
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
        record.write_text(files.to_json(_record(verdict, context, scale)), encoding="utf-8")
        report.write_text(render(verdict, context), encoding="utf-8")


def _record(verdict: Verdict, context: Context, scale: Scale) -> dict[str, Any]:
    """The content of `gate.json`."""
    return to_json(verdict, context) | {"policy": scale.policy.model_dump(mode="json")}


def _held(scale: Scale, lock: Condition | None) -> list[Condition]:
    """The plain conditions, of which a file alone tells few."""
    policy, tree, challenger = scale.policy, scale.tree, scale.challenger
    holdout = challenger.holdout if tree else None
    schema = holdout.schema if holdout else None
    held = [
        *conditions.floors(challenger.predictions, policy, tree),
        conditions.overlap(schema, holdout.params.split.by if holdout else "", tree),
        conditions.validation(tree),
        lock or conditions.lock(tree),
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
