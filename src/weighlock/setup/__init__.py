"""`weighlock init`: someone's own table becomes a working setup, with no Python written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from weighlock import params, schema
from weighlock.errors import ConfigError
from weighlock.files import outputs
from weighlock.setup.pipeline import pipeline_text
from weighlock.setup.plan import Plan, Roles, make_plan
from weighlock.setup.report import report
from weighlock.setup.reset import NOTHING_RUNS, PIPELINE, clear, environments, old, written
from weighlock.setup.table import open_table
from weighlock.setup.write import params_text, schema_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weighlock.schema import Task

__all__ = ["Plan", "Roles", "set_up"]


def set_up(data: str, roles: Roles, root: Path, *, task: Task | None = None, force: bool = False) -> Iterator[str]:
    """Write `params.yaml`, `schema.yaml` and the plots of `dvc.yaml` for a table, and clear the old model away.

    Args:
        data: the path of a CSV or Parquet file.
        roles: the target, and the columns that are no features.
        root: the folder of a clone of this repository.
        task: where the target's values would say another.
        force: whether configuration that is there may be replaced.

    Returns:
        What to tell the user, as lines.

    Raises:
        ConfigError: this is no clone, or configuration would be replaced.
        SourceError, DataError: no model can be made of this table; nothing was written.
    """
    places = written(root)
    there = [str(file) for file in (params.FILE, schema.FILE) if (root / file).exists()]
    if there and not force:
        raise ConfigError(
            f"{' and '.join(f'`{name}`' for name in there)} would be replaced, and what belongs to the old model "
            "(`dvc.lock`, its outputs, `releases/`, `deploy/`) removed. Commit what you want to keep, then run the "
            "same command with `--force`."
        )
    plan = make_plan(open_table(data, root, places), roles, task)
    removed = old(root)
    with outputs("init", root) as out:
        out.path(str(params.FILE)).write_text(params_text(plan.params), encoding="utf-8")
        out.path(str(schema.FILE)).write_text(schema_text(plan), encoding="utf-8")
        for environment in environments(root):
            out.path(str(environment.relative_to(root))).write_text(NOTHING_RUNS, encoding="utf-8")
        pipeline = (root / PIPELINE).read_text(encoding="utf-8")
        out.path(str(PIPELINE)).write_text(pipeline_text(pipeline, plan.schema.task), encoding="utf-8")
    clear(root, removed)
    return report(plan, removed)
