"""Plain conditions: what must hold whatever the statistics say. Each fails outright, or was not to be looked at."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from weighlock.decisions.verdict import Condition
from weighlock.files import read_json
from weighlock.layout import (
    GOLDEN,
    METRICS,
    MODEL,
    PART_FILES,
    ROW_ID,
    SEARCH,
    SERVED,
    VALIDATION,
    WEIGHED,
)
from weighlock.scoring import RESULT_THREADS, Scorer
from weighlock.statistics.metrics import find_metric
from weighlock.tables import read_table
from weighlock.times import minute

if TYPE_CHECKING:
    import pandas as pd

    from weighlock.schema import Schema
    from weighlock.weighing.policy import GateParams
    from weighlock.weighing.predictions import Predictions

NO_TREE = "The challenger is a file, so its data and model are not at hand."
MEGABYTE = 1_000_000
SHOWN = 5


def floors(challenger: Predictions, policy: GateParams, root: Path | None) -> list[Condition]:
    """One condition a floor; `baseline` is what someone without a model would reach, from `reports/metrics.json`."""
    conditions = []
    for name, floor in policy.floors.items():
        metric = find_metric(name, challenger.task)
        if floor == "baseline" and root is None:
            conditions.append(Condition("floors", None, f"{name} has to beat the baseline, which no file tells."))
            continue
        least = read_json(root / METRICS, "dvc repro")["baseline"][name] if floor == "baseline" and root else floor
        value = metric(challenger.scored)
        gain = metric.gain(value, float(least))
        holds = gain > 0 if floor == "baseline" else gain >= 0
        what = f"the baseline's {least:.4g}" if floor == "baseline" else f"the floor of {least:.4g}"
        word = "reaches" if holds else "does not reach"
        conditions.append(Condition("floors", holds, f"{name} {value:.4g} {word} {what} ({metric.better} is better)."))
    return conditions


def overlap(schema: Schema | None, split_by: str, root: Path | None) -> Condition:
    """No row, key or group of the holdout was trained on, and, split by time, none is older than a row that was."""
    if schema is None or root is None:
        return Condition("overlap", None, f"Whether training saw the holdout is not known. {NO_TREE}")
    key = schema.key or ROW_ID
    columns = [c for c in (key, schema.group, schema.time) if c]
    parts = {name: read_table(root / file, "dvc repro", columns) for name, file in PART_FILES.items()}
    holdout = parts.pop("holdout")
    for name, rows in parts.items():
        for column in [c for c in (key, schema.group) if c]:
            shared = sorted(set(map(str, rows[column])) & set(map(str, holdout[column])))
            if shared:
                reason = f"{len(shared):,} values of `{column}` stand in {name} and holdout, such as {shared[:SHOWN]}."
                return Condition("overlap", holds=False, reason=reason)
        if schema.time and split_by == "time" and rows[schema.time].max() >= holdout[schema.time].min():
            reason = (
                f"{name} runs to {minute(rows[schema.time].max())}, but the holdout starts at "
                f"{minute(holdout[schema.time].min())}."
            )
            return Condition("overlap", holds=False, reason=reason)
    return Condition("overlap", holds=True, reason="No row of the holdout was trained on, none is older than training.")


def validation(root: Path | None) -> Condition:
    """The data passed `validate`."""
    if root is None:
        return Condition("validation", None, f"Whether the data are valid is not known. {NO_TREE}")
    report = read_json(root / VALIDATION, "dvc repro")
    if report["problems"]:
        return Condition("validation", holds=False, reason=f"The data have problems: {'; '.join(report['problems'])}.")
    reason = f"{report['rows']:,} rows, {report['quarantined']:,} of them quarantined."
    return Condition("validation", holds=True, reason=reason)


def lock(root: Path | None) -> Condition:
    """`dvc.lock` is of this tree: no stage is out of date, no output was changed by hand."""
    if root is None:
        return Condition("lock", None, f"Whether `dvc.lock` is of this tree is not known. {NO_TREE}")
    try:
        asked = subprocess.run(["dvc", "status", "--json"], cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return Condition("lock", None, "DVC is not installed, so no one can tell whether `dvc.lock` is of this tree.")
    try:
        changed: dict[str, Any] = json.loads(asked.stdout)
    except ValueError:
        said = asked.stderr.strip().splitlines()[-1:] or ["it printed no JSON"]
        return Condition("lock", holds=False, reason=f"`dvc status` does not answer: {said[0]}")
    if changed:
        stages = ", ".join(f"`{name}`" for name in changed)
        reason = f"`dvc.lock` is not of this tree: {stages} would run again. Run `dvc repro` and commit `dvc.lock`."
        return Condition("lock", holds=False, reason=reason)
    return Condition("lock", holds=True, reason="`dvc.lock` is of this tree.")


def parity(policy: GateParams, root: Path | None) -> Condition:
    """The ONNX file scores as the model that it was made from did, and the served one still gives its golden scores."""
    if root is None:
        return Condition("parity", None, f"Native scores are not known. {NO_TREE}")
    native = read_json(root / SEARCH, "dvc repro")["parity"]
    served = Scorer.load(root / SERVED, threads=RESULT_THREADS)
    golden = read_json(root / SERVED / GOLDEN, "dvc repro")
    columns = {name: [row[name] for row in golden["rows"]] for name in golden["rows"][0]}
    wanted = np.array(golden["scores"], dtype=float)
    found = served.score(columns).astype(float)
    scale = float(np.sqrt(np.mean(wanted**2))) or 1.0 if served.signature.task == "regression" else 1.0
    apart = float(np.abs(found - wanted).max()) / scale
    holds = max(native, apart) <= policy.max_parity
    reason = (
        f"ONNX and native scores differ by {native:.2g}, golden rows by {apart:.2g}; allowed: {policy.max_parity:.2g}."
    )
    return Condition("parity", holds, reason)


def size(folders: list[Path], policy: GateParams) -> Condition:
    """No model file is larger than `gate.max_megabytes`."""
    if not folders:
        return Condition("size", None, f"The model's size is not known. {NO_TREE}")
    largest = max((folder / MODEL).stat().st_size for folder in folders) / MEGABYTE
    word = "is" if largest <= policy.max_megabytes else "is not"
    reason = f"{largest:.3g} MB {word} within the {policy.max_megabytes:g} MB of `gate.max_megabytes`."
    return Condition("size", largest <= policy.max_megabytes, reason)


def vanished(
    before: list[dict[str, Any]] | None, holdout: pd.DataFrame | None, schema: Schema | None, min_rows: int
) -> Condition:
    """Every category that made a slice worth looking at in the champion's holdout still has rows in this one.

    Args:
        before: the content of the champion's `reports/slices.json`.
        holdout: the challenger's, with its columns as they are.
        schema: of the challenger; numbers have no categories that could vanish.
        min_rows: what makes a slice worth looking at.
    """
    if before is None or holdout is None or schema is None:
        return Condition("vanished slices", None, "The slices of the champion's holdout are not at hand.")
    gone = []
    for row in before:
        column = schema.columns.get(row["column"])
        if row["rows"] < min_rows or column is None or column.type != "category" or row["slice"].startswith("("):
            continue
        if row["column"] in holdout and not (holdout[row["column"]].astype(str) == row["slice"]).any():
            gone.append(f"{row['column']} = {row['slice']} ({row['rows']:,} rows in the champion's holdout)")
    if gone:
        reason = f"No row of the holdout is of {', '.join(gone[:SHOWN])}: does the feed lack them?"
        return Condition("vanished slices", holds=False, reason=reason)
    return Condition("vanished slices", holds=True, reason="Every slice of the champion's holdout is in this one.")


def of_tree(root: Path) -> list[Path]:
    """The two model folders of a repository."""
    return [root / WEIGHED, root / SERVED]
