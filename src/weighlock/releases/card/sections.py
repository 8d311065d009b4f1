"""The sections of a model card: evidence → blocks."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from weighlock.decisions.figures import arrow, count, number, share
from weighlock.releases.card.blocks import Bars, Block, Commands, Curve, Items, Table, Text, value
from weighlock.releases.tags import format_tag

if TYPE_CHECKING:
    from weighlock.releases.evidence import Evidence

Blocks = list[Block]
MARKS = {"pass": "✅ pass", "fail": "❌ fail", "inconclusive": "❔ inconclusive", "not run": "⚪ not run"}
PARTS = {"train": "training", "validation": "validation (chose learner and threshold)", "holdout": "holdout (judges)"}
NOT_METRICS = {"column", "slice", "rows", "mean_truth", "mean_score"}


def identity(evidence: Evidence) -> Blocks:
    """What it is, who recorded it, and by what it is known."""
    release, gate, recipe = evidence.release, evidence.json("gate.json"), evidence.json("recipe.json")
    threshold = recipe.get("threshold")
    labelled = f", labelled from a score of {number(threshold)} on" if threshold is not None else ""
    rows = [
        ("predicts", f"{value(gate['target'])} ({gate['task']}{labelled})"),
        ("learner", f"{value(recipe['learner'])}{', calibrated' if recipe.get('calibration') else ''}"),
        ("recorded", f"{value(release.at)} by {value(release.by)}"),
        ("verdict", _verdict(evidence)),
        ("model", f"{value_whole(release.served.digest)}"),
        ("signature", f"{value_whole(release.served.signature)}"),
        ("weighed twin", f"{value_whole(release.weighed.digest)}"),
        ("made by commit", value(release.commit)),
        ("image", value_whole(release.image) if release.image else "none was recorded"),
        ("bento", value(release.bento) if release.bento else "none was recorded"),
    ]
    return [Table(("", ""), tuple(rows))]


def use(evidence: Evidence) -> Blocks:
    """What it is for, as `params.yaml: release.card` said then."""
    card, gate = _card(evidence), evidence.json("gate.json")
    said = str(card.get("use") or "")
    blocks: Blocks = [Text(said or f"It predicts {value(gate['target'])}. Nobody wrote down for whom, or for what.")]
    if not_for := card.get("not_for"):
        blocks += [Text("Not for:"), Items(tuple(map(str, not_for)))]
    return blocks


def features(evidence: Evidence) -> Blocks:
    """What a row is."""
    schema = _yaml(evidence, "schema.yaml")
    rows = tuple(
        (value(name), f"{column['type']}{', may be missing' if column.get('nullable') else ''}", _allowed(column))
        for name, column in schema["features"].items()
    )
    return [Table(("feature", "type", "values"), rows)]


def data(evidence: Evidence) -> Blocks:
    """Which rows it was made of."""
    release, parts, report = evidence.release, evidence.json("split.json"), evidence.json("validation.json")
    window = release.data
    span = f"{value(window.start)} to {value(window.end)}" if window.start or window.end else "all rows of the source"
    rows = tuple(
        (said, f"{parts[part]['rows']:,}", *(value(parts[part].get(key) or "unknown") for key in ("from", "to")),
         _target(parts[part].get("mean")))
        for part, said in PARTS.items()
    )  # fmt: skip
    until = release.served.trained_until
    refit = (
        "The model that ships is the weighed one."
        if release.served.digest == release.weighed.digest
        else "The model that ships is of the same recipe, trained once more on all of these rows"
        + (f", up to {value(until)}." if until else ".")
    )
    return [
        Text(f"Window: {span}; {report['rows']:,} rows, {report['quarantined']:,} of them quarantined."),
        Table(("part", "rows", "from", "to", "mean of the target"), rows, frozenset({1, 4})),
        Text(refit),
        Table(("file", "DVC's digest"), tuple((value(path), value(md5)) for path, md5 in window.outputs.items())),
    ]


def metrics(evidence: Evidence) -> Blocks:
    """What the weighed model reached on the holdout, and how sure that is."""
    reached, task = evidence.json("reached.json"), evidence.json("gate.json")["task"]
    rows = tuple(
        (f"{value(m['name'])} {arrow(m['name'], task)}", number(m["value"]), _interval(m), _figure(m["baseline"]))
        for m in reached["metrics"]
    )
    wider = f" Rows of one {reached['unit']} stand or fall together, which widens it." if _units(reached) else ""
    blocks: Blocks = [
        Text(
            f"Of the weighed twin, on {_rows(reached)} that it never saw. The interval is two-sided, at "
            f"{share(reached['confidence'])}.{wider}"
        ),
        Table(("metric", "value", "interval", "baseline"), rows, frozenset({1, 3})),
    ]
    points = tuple(
        (float(row["predicted"]), float(row["observed"]))
        for row in csv.DictReader(evidence.text("calibration.csv").splitlines())
    )
    about = "Calibration: groups of equal size, their mean score against what came to be."
    return [*blocks, Curve(about, "mean predicted", "observed", points)]


def slices(evidence: Evidence) -> Blocks:
    """The holdout in parts."""
    found, gate = evidence.json("slices.json"), evidence.json("gate.json")
    if not found:
        return [Text("No slices were asked for (`evaluate.slices`).")]
    names = [name for name in found[0] if name not in NOT_METRICS]
    head = ("slice", "rows", "mean truth", "mean score", *(f"{name} {arrow(name, gate['task'])}" for name in names))
    rows = tuple(
        (f"{value(s['column'])} = {value(s['slice'])}", f"{s['rows']:,}",
         *(_figure(s.get(key)) for key in ("mean_truth", "mean_score", *names)))
        for s in found
    )  # fmt: skip
    least = (gate["policy"].get("slices") or {}).get("min_rows")
    note = [Text(f"The gate looks for harm in slices of {count(least, 'row')} or more.")] if least else []
    return [Table(head, rows, frozenset(range(1, len(head)))), *note]


def fairness(evidence: Evidence) -> Blocks:
    """Figures by group, and gaps that were weighed."""
    reached, gate = evidence.json("reached.json"), evidence.json("gate.json")
    if not reached["groups"]:
        return [Text("No groups were compared (`gate.fairness.groups` in `params.yaml` names them).")]
    rows = tuple(
        (value(g["group"]), str(g["measure"]), f"{g['rows']:,}", number(g["value"]), _interval(g))
        for g in reached["groups"]
    )
    blocks: Blocks = [Table(("group", "figure", "rows", "value", "interval"), rows, frozenset({2, 3}))]
    checks = [c for c in gate["checks"] if c["kind"] == "fairness"]
    if checks:
        blocks += [Text("Gaps between a group and the rest, against the champion's:"), _checks(checks)]
    return blocks


def importance(evidence: Evidence) -> Blocks:
    """Permutation importance of the weighed model."""
    found = evidence.json("importance.json")
    bars = tuple(sorted(((str(k), float(v)) for k, v in found["features"].items()), key=lambda bar: -bar[1]))
    about = (
        f"By how much {found['metric']} suffers on {count(found['rows'], 'row')} when a feature's values are shuffled "
        f"(without shuffling: {number(found['score'])})."
    )
    return [Bars(about, bars)]


def limits(evidence: Evidence) -> Blocks:
    """What to beware of: what people wrote, then what the evidence says."""
    release, reached = evidence.release, evidence.json("reached.json")
    schema, gate = _yaml(evidence, "schema.yaml"), evidence.json("gate.json")
    told = [str(text) for text in _card(evidence).get("limits") or ()]
    if release.served.trained_until:
        told.append(f"It knows nothing of what came after {value(release.served.trained_until)}.")
    told.append(f"The figures above are of one stretch of {_rows(reached)}; other times may differ.")
    if release.served.digest != release.weighed.digest:
        told.append("The model that ships saw the holdout in training, so that nothing tells its own figures there.")
    if closed := [name for name, column in schema["features"].items() if isinstance(column.get("values"), list)]:
        told.append(f"Categories that are not listed are flagged or refused in {', '.join(map(value, closed))}.")
    if release.verdict.outcome != "PASS":
        told.append(f"The gate was INCONCLUSIVE, and someone let it through: {release.verdict.accepted}")
    told += [str(warning) for warning in gate["about"]["warnings"]]
    return [Items(tuple(told))]


def verdict(evidence: Evidence) -> Blocks:
    """Why it was let through."""
    gate, release = evidence.json("gate.json"), evidence.release
    blocks: Blocks = [
        Text(f"{_verdict(evidence)}. Evidence {value_whole(release.verdict.evidence)}."),
        Items(tuple(map(str, gate["reasons"]))),
        _checks([c for c in gate["checks"] if c["kind"] != "fairness"]),
    ]
    if release.verdict.accepted:
        blocks.insert(1, Text(f"Accepted: {release.verdict.accepted}"))
    return blocks


def getting(evidence: Evidence) -> Blocks:
    """Commands."""
    release = evidence.release
    image = [f"docker pull {release.image}"] if release.image else []
    lines = (
        f"git checkout {format_tag(release.name, release.version)}    # or {release.commit}",
        f"weighlock fetch {release.version}",
        f"weighlock serve --release {release.version}",
        *image,
    )
    return [
        Text("In a clone of the repository; `fetch` verifies both digests, wherever it finds the model."),
        Commands(lines),
    ]


def value_whole(content: str) -> str:
    """A digest or address as code, whole."""
    return f"`{content}`"


def _verdict(evidence: Evidence) -> str:
    judged = evidence.release.verdict
    against = f"against {value(judged.champion)}" if judged.champion else "bootstrap: there was no champion"
    return f"{judged.outcome} ({against}{', accepted by a reviewer' if judged.accepted else ''})"


def _checks(checks: list[dict[str, Any]]) -> Table:
    head = ("check", "champion", "this model", "gain", "interval", "outcome", "why")
    return Table(head, tuple(map(_check, checks)), frozenset({1, 2, 3}))


def _check(check: dict[str, Any]) -> tuple[str, ...]:
    name = value(check["name"] if check["kind"] == "condition" else f"{check['kind']}: {check['name']}")
    compared = check["comparison"]
    outcome = MARKS.get(check["result"], str(check["result"]))
    if compared is None:
        return (name, "", "", "", "", outcome, str(check["reason"]))
    gain = compared["gain"]
    figures = (_figure(compared["champion"]), _figure(compared["challenger"]), _figure(gain["value"]))
    return (name, *figures, _interval(gain["interval"]), outcome, str(check["reason"]))


def _allowed(column: dict[str, Any]) -> str:
    values = column.get("values", "open")
    if column["type"] == "category":
        return "any text" if values == "open" else ", ".join(map(value, values))
    least, most = column.get("min"), column.get("max")
    if least is None and most is None:
        return ""
    if least is None or most is None:
        return f"up to {most:.12g}" if least is None else f"{least:.12g} or more"
    return f"{least:.12g} to {most:.12g}"


def _interval(found: dict[str, Any]) -> str:
    lower, upper = found["lower"], found["upper"]
    return "unknown" if lower is None or upper is None else f"{number(lower)} to {number(upper)}"


def _rows(reached: dict[str, Any]) -> str:
    return f"{count(reached['rows'], 'row')}{_units(reached)}"


def _units(reached: dict[str, Any]) -> str:
    return "" if reached["unit"] == "row" else f" of {count(reached['units'], reached['unit'])}"


def _figure(content: float | None) -> str:
    return "" if content is None else number(content)


def _target(content: Any) -> str:
    return number(content) if isinstance(content, int | float) else ""


def _card(evidence: Evidence) -> dict[str, Any]:
    release = _yaml(evidence, "params.yaml").get("release") or {}
    return dict(release.get("card") or {})


def _yaml(evidence: Evidence, name: str) -> dict[str, Any]:
    import yaml

    from weighlock.config import load_yaml

    try:
        return dict(load_yaml(evidence.text(name)))
    except yaml.YAMLError as error:
        raise ValueError(f"{name} is not YAML: {error}") from error
