"""`params.yaml` and `schema.yaml` as text: every key with its comment, and values that read back as they were."""

from __future__ import annotations

import re
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

import yaml

from weighlock.config import load_yaml
from weighlock.schema import Column, label
from weighlock.setup.report import suspicion

if TYPE_CHECKING:
    from weighlock.params import LearnerParams, Params
    from weighlock.setup.plan import Plan

WIDEST_NAME, WIDEST_COLUMN = 32, 64
_PLAIN_NAME = re.compile(r"[^\W\d][\w./-]*")
_PLAIN_LABEL = re.compile(r"[\w.+-]+")


def params_text(params: Params) -> str:
    """`params.yaml` for these params: `read_params` gives them back."""
    data, split, train, evaluate = params.data, params.split, params.train, params.evaluate
    path = str(data.source.files)
    timed = split.by == "time"
    values = {
        "path": shown(path),
        "files": scalar(path),
        "depends_on": scalar(data.depends_on),
        "csv": flow({k: Quoted(v) if k != "encoding" else v for k, v in data.csv.model_dump().items()}),
        "timezone": data.timezone,
        "start": "null" if data.window.start is None else f'"{data.window.start}"',
        "end": "null" if data.window.end is None else f'"{data.window.end}"',
        "start_note": "in quotes: to DVC a bare day is no text" if timed else "null: there is no `time` in schema.yaml",
        **params.validate_.model_dump(),
        **split.model_dump(),
        "holdout_note": "the newest rows" if timed else "rows",
        **train.model_dump(include={"seed", "metric", "max_categories", "calibration"}),
        **train.search.model_dump(),
        "folds_note": "time-ordered: each fold is scored by a model of what came before it"
        if timed
        else "each is scored by a model of the others",
        "learners": "\n".join(_learner(name, learner) for name, learner in train.learners.items()),
        **train.threshold.model_dump(),
        **evaluate.model_dump(),
        "slices": flow(evaluate.slices),
        **params.refit.model_dump(),
        **_gate(params.gate),
        **{"serve_max_rows" if k == "max_rows" else k: flow(v) for k, v in params.serve.items()},
        **{f"release_{key}": flow(value) for key, value in params.release.items()},
        **{f"deploy_{key}": flow(value) for key, value in params.deploy.items() if key not in {"judge", "sync"}},
        **{f"sync_{key}": flow(value) for key, value in params.deploy["sync"].items()},
        **{f"judge_{key}": flow(value) for key, value in params.deploy["judge"].items()},
        "log_url": flow(params.monitoring["log_url"]),
        **{f"watch_{key}": flow(value) for key, value in params.watch.items()},
        **{f"log_{key}": flow(value) for key, value in params.monitoring["log"].items()},
    }
    return _filled("params.template", values, column=39)


def _gate(policy: dict[str, Any]) -> dict[str, str]:
    """The values of the template's `gate`; its names are other sections' names, too."""
    guards = "\n".join(f"    - {flow(guard)}" for guard in policy["guards"])
    renamed = {"slices": "gate_slices", "seed": "gate_seed"}
    return {renamed.get(key, key): flow(value) for key, value in policy.items()} | {"guards": guards}


def schema_text(plan: Plan) -> str:
    """`schema.yaml` of a plan: `read_schema` gives its schema back."""
    schema = plan.schema
    reasons = [f"#   {shown(name)}: {shown(reason)}" for name, reason in plan.left_out.items()]
    alone = {name: f"almost alone: {suspicion(schema.task, plan.scores[name])}" for name in schema.others}
    values = {
        "path": shown(plan.table.path),
        "task": schema.task,
        "freshness": schema.freshness,
        **{name: scalar(getattr(schema, name)) for name in ("target", "key", "time", "group")},
        "classes": "null" if schema.classes is None else f"[{', '.join(map(labelled, schema.classes))}]",
        "classes_note": {"binary": "the negative, then the positive", "regression": "regression has none"}.get(
            schema.task, "three or more"
        ),
        "key_note": "unique; predictions are matched by it"
        if schema.key
        else "null: a row is known by its content; name a unique column to follow rows that change",
        "features": _columns(schema.features, plan.observed),
        "left_out": "\n".join(["\n# Left out, and not asked of a client:", *reasons, ""] if reasons else [""]),
        "others": "\n" + _columns(schema.others, alone) if schema.others else " {}",
    }
    return _filled("schema.template", values, column=27)


class Quoted(str):
    """A text that YAML shows in quotes, needed or not."""

    __slots__ = ()


def scalar(value: Any) -> str:
    """A value as YAML within braces or brackets; it reads back as itself, whatever it looks like."""
    style = None
    if isinstance(value, Quoted):
        value, style = str(value), '"'
    elif isinstance(value, str) and not (_PLAIN_NAME.fullmatch(value) and _loaded(value) == value):
        style = '"'
    text = yaml.safe_dump(
        [value], default_flow_style=True, default_style=style, allow_unicode=True, width=float("inf")
    )  # fmt: skip
    return str(text).strip()[1:-1]


def flow(value: Any) -> str:
    """A list or dictionary in braces, on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(k)}: {flow(v)}" for k, v in value.items()) + "}"
    return f"[{', '.join(map(flow, value))}]" if isinstance(value, list) else scalar(value)


def labelled(name: str) -> str:
    """A class or category: plain where it reads back as the same label, such as `true`, 3 or JFK; else in quotes."""
    loaded = _loaded(name) if _PLAIN_LABEL.fullmatch(name) and name.isascii() else None
    plain = isinstance(loaded, str | bool | int | float) and label(loaded) == name
    return name if plain else scalar(Quoted(name))


def shown(text: str) -> str:
    """A text that is safe in a comment: on one line, and printable."""
    return "".join(c if c.isprintable() else "·" for c in text)


def _loaded(text: str) -> Any:
    try:
        return load_yaml(text)
    except (yaml.YAMLError, ValueError):
        return None


def _learner(name: str, learner: LearnerParams) -> str:
    lines = [f"    {scalar(name)}:", f"      trials: {learner.trials}"]
    if learner.fixed:
        lines.append(f"      fixed: {flow(learner.fixed)}")
    spaces = {
        key: flow(space if isinstance(space, list) else space.model_dump(exclude_defaults=True))
        for key, space in learner.space.items()
    }
    if len(spaces) == 1:
        lines.append("      space: {" + ", ".join(f"{k}: {v}" for k, v in spaces.items()) + "}")
    elif spaces:
        lines += ["      space:", *(f"        {key}: {space}" for key, space in spaces.items())]
    return "\n".join(lines)


def _columns(columns: dict[str, Column], observed: dict[str, str]) -> str:
    cells = [(f"{scalar(name)}:", _contract(column), shown(observed.get(name, ""))) for name, column in columns.items()]
    first = min(max(len(name) for name, _, _ in cells), WIDEST_NAME)
    second = min(max(len(contract) for _, contract, _ in cells), WIDEST_COLUMN)
    lines = (f"  {a:<{first}} {b:<{second}}{f'  # {c}' if c else ''}".rstrip() for a, b, c in cells)
    return "\n".join(lines)


def _contract(column: Column) -> str:
    parts = [f"type: {column.type}"]
    if column.type == "category":
        named = column.values if column.values == "open" else f"[{', '.join(map(labelled, column.values))}]"
        parts.append(f"values: {named}")
    parts += [
        f"{end}: {_number(value)}" for end, value in (("min", column.min), ("max", column.max)) if value is not None
    ]
    parts += ["nullable: true"] * column.nullable + ["known: after"] * (column.known == "after")
    return "{" + ", ".join(parts) + "}"


def _number(value: float) -> str:
    whole = float(value).is_integer() and abs(value) < 1e15
    return str(int(value)) if whole else scalar(float(value))


def _filled(template: str, values: dict[str, Any], column: int) -> str:
    """The template with its values; comments, which a tab precedes, stand below each other in `column`."""
    text = files("weighlock.setup").joinpath(template).read_text(encoding="utf-8")
    filled = Template(text).substitute({key: "null" if value is None else value for key, value in values.items()})
    cut = [line.partition("\t") for line in filled.split("\n")]
    return "\n".join(f"{value:<{column - 1}} {comment}" if tab else value for value, tab, comment in cut)
