"""The judge's way: which step git wants, what both variants counted and logged in it, and the files that say so."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from pathlib import Path

from weighlock import files
from weighlock.decisions.judge import judge
from weighlock.decisions.judge_report import Step, markdown, to_json
from weighlock.decisions.judge_verdict import Evidence, Judgement, Name, Rules
from weighlock.deployment.judge_counters import Look, remember, scrape
from weighlock.deployment.judge_loss import loss_of
from weighlock.deployment.judge_policy import JudgeParams
from weighlock.deployment.judge_rows import loss_samples, read_logged, score_samples
from weighlock.deployment.judge_sources import Sources
from weighlock.deployment.judge_step import Wanted, route_in_words
from weighlock.deployment.judge_stretches import Stretches, errors, latency, stretches
from weighlock.errors import EvidenceError
from weighlock.monitoring.log_record import stamp
from weighlock.schema import Schema

RECORD, REPORT, LOOKS = "judge.json", "judge.md", "counters.jsonl"
_BY_HAND = (
    "Who gets the candidate is chosen by hand, so the two groups may differ in more than the model: what is compared "
    "here are the groups."
)
_ALONE = (
    "No requests go to the stable version in this step: the candidate is compared with what that did before, and what "
    "has changed since in the world counts for or against it."
)
_RESTARTED = "Services of the {} began anew {} times between looks: what they had counted since the last one is lost."
LONGEST_BEFORE = dt.timedelta(days=7)


@dataclass(frozen=True)
class Judged:
    """A judgement and all that it hangs on."""

    judgement: Judgement
    step: Step
    rules: Rules
    evidence: Evidence


def judge_step(
    step: Wanted, params: JudgeParams, schema: Schema, sources: Sources, out: Path, at: dt.datetime
) -> Judged:
    """Judge the step that an environment is in; the look at the counters is kept in `out`.

    Args:
        step: what git wants.
        params: the policy.
        schema: says the task and the classes.
        sources: where evidence is.
        out: the environment's folder of reports.
        at: the present.

    Raises:
        ConfigError: the policy does not suit the task.
        EvidenceError: a service or log does not tell; where `max_hold` is over, that is judged instead.
        StorageError: the look cannot be kept.
    """
    held, rules = (at - step.since).total_seconds(), params.rules()
    over = rules.max_hold is not None and held >= rules.max_hold
    evidence, warnings = Evidence(0, held), _warnings(step)
    try:
        evidence, told = _counted(evidence, step, params, sources, out, at)
        warnings += told
    except EvidenceError as error:
        if not over:
            raise
        evidence = replace(evidence, missing={"error_rate": str(error), "latency": str(error)})
    try:
        evidence = _logged(evidence, step, params, schema, sources, at)
    except EvidenceError as error:
        if not over:
            raise
        evidence = replace(evidence, missing={**evidence.missing, "score": str(error), "loss": str(error)})
    about = Step(
        step.environment, step.stable.version, step.candidate.version,
        (step.stable.served.digest, step.candidate.served.digest), route_in_words(step.route),
        f"{step.since:%Y-%m-%dT%H:%M:%SZ}", f"{at:%Y-%m-%dT%H:%M:%SZ}", tuple(warnings),
    )  # fmt: skip
    return Judged(judge(evidence, rules), about, rules, evidence)


def write(judged: Judged, out: Path) -> None:
    """Write `judge.json` and `judge.md` to the folder `out`.

    Raises:
        StorageError: the disk is full or read-only; nothing was changed.
    """
    parts = (judged.judgement, judged.step, judged.rules, judged.evidence)
    with files.outputs("judge", out) as staged:
        staged.json(RECORD, to_json(*parts))
        staged.path(REPORT).write_text(markdown(*parts), encoding="utf-8")


def _counted(
    evidence: Evidence, step: Wanted, params: JudgeParams, sources: Sources, out: Path, at: dt.datetime
) -> tuple[Evidence, list[str]]:
    """Errors and latency, from the services' counters."""
    if not sources.urls:
        return _without(
            evidence, "No service was named: `--url stable=… --url candidate=…`.", "error_rate", "latency"
        ), []
    releases = {"stable": step.stable, "candidate": step.candidate}
    variants = {
        variant: {
            url: scrape(url, release.served.digest, f"{variant} {release.version}") for url in sources.urls[variant]
        }
        for variant, release in releases.items()
    }
    looks = remember(out / LOOKS, Look(stamp(at), step.key, step.stable.version, variants))
    found = stretches(looks, together=not step.alone)
    if not found.candidate or not found.candidate[0].totals.edges:
        reason = "This is the first look at the counters in this step: what is counted from here on is compared."
        return _without(evidence, reason, "error_rate", "latency"), []
    slow = latency(found, params)
    evidence = replace(
        evidence, requests=found.requests, errors=errors(found, params.error_rate.statuses), latency=slow
    )
    if slow is None:
        evidence = _without(evidence, "The stable version has answered too little to know what is slow.", "latency")
    return evidence, _restarts(found)


def _logged(
    evidence: Evidence, step: Wanted, params: JudgeParams, schema: Schema, sources: Sources, at: dt.datetime
) -> Evidence:
    """Scores and losses, from the prediction log."""
    if not sources.logs:
        return _without(evidence, "No prediction log was named: `--log-dir` or `--log-url`.", "score", "loss")
    digest = step.candidate.served.digest
    if digest == step.stable.served.digest:
        reason = f"{step.candidate.version} and {step.stable.version} are one model: the log cannot tell them apart."
        return _without(evidence, reason, "score", "loss")
    stable_since = max(step.before, step.since - LONGEST_BEFORE) if step.alone and step.before else step.since
    logged = read_logged(
        sources.logs, {digest: "candidate", step.stable.served.digest: "stable"},
        {"candidate": step.since, "stable": stable_since}, at, sources.key,
        together=not (step.alone or step.mirrored),
    )  # fmt: skip
    if not len(logged.rows["candidate"]):
        return _without(evidence, "The log has no row of the candidate in this step.", "score", "loss")
    scores = score_samples(logged, paired=step.mirrored)
    if not scores:
        both = "no request of which both have logged a row (by `X-Request-Id`)" if step.mirrored else "no rows of both"
        evidence = _without(evidence, f"The log has {both}.", "score")
    loss = loss_of(schema.task, schema.classes, logged.classes, params.loss)
    losses = loss_samples(logged, loss, paired=step.mirrored)
    if losses is None:
        evidence = _without(evidence, "No labels have come for both variants yet.", "loss")
    return replace(
        evidence, requests=max(evidence.requests, logged.requests), scores=scores, loss=losses,
        loss_unit=params.loss.cap, loss_name=params.loss.metric,
    )  # fmt: skip


def _without(evidence: Evidence, reason: str, *names: Name) -> Evidence:
    return replace(evidence, missing={**evidence.missing, **dict.fromkeys(names, reason)})


def _warnings(step: Wanted) -> list[str]:
    if step.route.route.match is not None:
        return [_BY_HAND]
    if step.alone:
        return [_ALONE]
    return []


def _restarts(found: Stretches) -> list[str]:
    new, old = found.restarts
    said = [("candidate", new), ("stable version", old)]
    return [_RESTARTED.format(what, count) for what, count in said if count]
