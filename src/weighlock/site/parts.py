"""What stands on more than one page: verdicts, metrics with intervals, changes of environments, looks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from weighlock.decisions.figures import number, share
from weighlock.deployment.history import Event
from weighlock.deployment.telling import told
from weighlock.releases.record import Release
from weighlock.site.html import Child, Html, items, joined, marked, table, tag, text
from weighlock.site.looks import REPORTS, Look
from weighlock.site.read import Check, Correction, Gate, Metric, Reached
from weighlock.site.shell import days, mark, moment, person, without_mail
from weighlock.site.weighings import Weighed

SHORT = 9  # of a commit
ARROWS = {"higher": "↑", "lower": "↓"}


def release_path(version: str) -> str:
    """A release's page."""
    return f"releases/{version}.html"


def card_path(version: str) -> str:
    """A release's model card."""
    return f"releases/{version}-card.html"


def environment_path(name: str) -> str:
    """An environment's page."""
    return f"environments/{name}.html"


def report_path(environment: str, look: Look, name: str) -> str:
    """A report of a look."""
    return f"watch/{environment}/{look.place}/{name}"


def release_link(version: str, up: str, known: bool = True) -> Html:  # noqa: FBT001
    """A release, which leads to its page where there is one."""
    return tag("a", version, href=f"{up}{release_path(version)}") if known else text(version)


def judged(release: Release) -> Html:
    """What let a release through: `PASS against v1`."""
    verdict = release.verdict
    against = f" against {verdict.champion}" if verdict.champion else " bootstrap: there was no champion"
    accepted = f", accepted: {without_mail(verdict.accepted)}" if verdict.accepted else ""
    return joined([mark(verdict.outcome), against, accepted])


def interval(metric: Metric) -> str:
    """Its ends, or why there are none."""
    if metric.lower is None or metric.upper is None:
        return "unknown"
    return f"{number(metric.lower)} to {number(metric.upper)}"


def headline(reached: Reached | None) -> str | None:
    """The first metric with its interval: `log_loss 0.42 (0.4 to 0.44)`."""
    if reached is None or not reached.metrics:
        return None
    first = reached.metrics[0]
    return f"{first.name} {_figure(first.value)} ({interval(first)})"


def metrics(reached: Reached, title: str) -> Html:
    """All of them."""
    rows = [
        (f"{m.name} {ARROWS.get(m.better, '')}".strip(), _figure(m.value), interval(m), _figure(m.baseline))
        for m in reached.metrics
    ]
    units = "" if reached.unit == "row" else f" of {reached.units:,} {reached.unit}s"
    caption = (
        f"{title}: the weighed model on {reached.rows:,} rows{units} that it never saw; intervals at "
        f"{share(reached.confidence)}; an arrow says which way is better"
    )
    return table(caption, ("metric", "value", "interval", "baseline"), rows, frozenset({1, 3}))


def checks(found: Sequence[Check]) -> Html:
    """What the gate looked at."""
    compared = any(check.comparison for check in found)
    rows = [
        (f"{c.kind}: {c.name}", mark(c.result), *(_compared(c) if compared else ()), marked(c.reason)) for c in found
    ]
    head = ("check", "result", *(("champion", "challenger", "gain", "interval") if compared else ()), "why")
    return table("What the gate checked", head, rows, frozenset({2, 3, 4} if compared else ()), why=len(head) - 1)


def moves(events: Iterable[Event], up: str, known: set[str], caption: str, *, named: bool = False) -> Html:
    """Changes of environments, newest first, each with its reason."""
    head = ("when", *(("environment",) if named else ()), "what", "by", "why", "commit")
    rows: list[tuple[Child, ...]] = []
    for event in events:
        where: tuple[Child, ...] = (
            (tag("a", event.environment, href=f"{up}{environment_path(event.environment)}"),) if named else ()
        )
        rows.append(
            (moment(event.entry.at), *where, _told(event, up, known), person(event.entry.author), reasons(event),
             tag("code", event.entry.id[:SHORT]))
        )  # fmt: skip
    return table(caption, head, rows, why=head.index("why"))


def reasons(event: Event) -> Html:
    """Why: what was said, the steps passed over, the evidence that was named; and where no command made the commit."""
    said = [event.said.get("Reason")]
    said.append(f"{event.said['Skipped']} passed over" if event.said.get("Skipped") else None)
    said.append(f"evidence: {event.said['Evidence']}" if event.said.get("Evidence") else None)
    by_hand = "Environment" not in event.said and event.before is not None
    said.append(f"by hand: {event.entry.subject}" if by_hand else None)
    said.append(event.fault)
    return marked("; ".join(filter(None, said)))


def _told(event: Event, up: str, known: set[str]) -> Html:
    """What changed, each release a link to its page."""
    words = told(event).split(" ")
    found: list[Child] = []
    for word in words:
        version = word.rstrip(",")
        linked = version in known
        found.append(joined([release_link(version, up), word[len(version):]]) if linked else word)  # fmt: skip
    return joined(found, " ")


def weighings(found: Iterable[Weighed], up: str) -> Html:
    """The gate's history."""
    rows = [_weighing(one, up) for one in found]
    head = ("what", "verdict", "against", "holdout", "why")
    return table("What the gate has said, newest rows first", head, rows, why=4)


def _weighing(one: Weighed, up: str) -> tuple[Child, ...]:
    gate = one.gate
    outcome = gate.outcome if gate else "INCONCLUSIVE" if one.accepted else "unknown"
    what: Child
    if one.version:
        what = release_link(one.version, up)
    else:
        what = joined([(gate.names.challenger if gate else None) or "a challenger", ", not released"])
    against = "no champion" if gate and gate.bootstrap else (gate.names.champion if gate else None) or ""
    said = list(gate.reasons) if gate else [f"known from `{one.source}`"]
    if one.accepted:
        said.append(f"Accepted by {person(one.accepted.by)} on {one.accepted.at[:10]}: {one.accepted.reason}")
    return what, mark(outcome), against, _holdout(gate), items(said)


def _holdout(gate: Gate | None) -> Child:
    span = gate.holdout if gate else None
    return days(span.start[:10], span.end[:10]) if span and span.start and span.end else None


def looks(found: Sequence[Look], environment: str, up: str, copied: set[str]) -> Html:
    """The watch's looks, newest first, with links to what lies beside them."""
    head = (
        "window", "verdict", "why", "nearest to drift", "retraining's gain", "rows labelled", "flagged", "unseen",
        "reports",
    )  # fmt: skip
    rows = [_look(look, environment, up, copied) for look in reversed(found)]
    caption = "The watch's looks, newest first; from 1 on it is drift; a gain stands with two standard errors"
    return table(caption, head, rows, frozenset({5, 6, 7}), why=2)


def _look(look: Look, environment: str, up: str, copied: set[str]) -> tuple[Child, ...]:
    seen = look.seen
    nearest = seen.nearest
    return (
        days(seen.window.start, seen.window.end), mark(seen.outcome), items(seen.reasons),
        f"{nearest.column} ({nearest.measure}) {number(nearest.nearness, 2)}" if nearest else "not compared",
        _gain(seen.retraining),
        f"{seen.labelled.rows:,} of {seen.window.rows:,}", _share(seen.flagged), _share(seen.unseen),
        reports(look, environment, up, copied),
    )  # fmt: skip


def reports(look: Look, environment: str, up: str, copied: set[str]) -> Html:
    """Links to the reports that are part of the site."""
    links = [
        tag("a", REPORTS[name], href=f"{up}{path}")
        for name in look.reports
        if (path := report_path(environment, look, name)) in copied
    ]
    return joined(links, ", ") if links else Html("none")


def _compared(check: Check) -> tuple[str, str, str, str]:
    compared = check.comparison
    if compared is None:
        return "", "", "", ""
    ends = compared.gain.interval
    span = "unknown" if ends.lower is None or ends.upper is None else f"{number(ends.lower)} to {number(ends.upper)}"
    return _figure(compared.champion), _figure(compared.challenger), _figure(compared.gain.value), span


def _figure(value: float | None) -> str:
    return "" if value is None else number(value)


def _gain(found: Correction | None) -> str:
    if found is None or found.gain is None or found.error is None:
        return "not measured"
    return f"{found.gain:+.4f} ± {2 * found.error:.4f}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"
