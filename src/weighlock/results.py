"""Results, and how two of them compare: identical, equivalent (scores within 1e-5) or different."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from weighlock.errors import EvidenceError
from weighlock.layout import GOLDEN, METRICS, MODEL, PREDICTIONS, SERVED, WEIGHED
from weighlock.revisions import Revision, file_md5

if TYPE_CHECKING:
    import pandas as pd

TOLERANCE = 1e-5
COMPARED = (f"{WEIGHED}/{MODEL}", f"{SERVED}/{MODEL}", METRICS, PREDICTIONS, f"{SERVED}/{GOLDEN}")
Outcome = Literal["identical", "equivalent", "different"]


@dataclass(frozen=True)
class Result:
    """What one run of the pipeline made: each file's MD5 (as DVC has it), and how to read it."""

    name: str
    digests: dict[str, str]
    read: Callable[[str], bytes]


@dataclass(frozen=True)
class Comparison:
    """How two results compare, and the reasons in words."""

    outcome: Outcome
    reasons: tuple[str, ...]


def find_result(name: str, root: Path) -> Result:
    """The result in a folder, or of a git revision of the repository at `root`.

    Raises:
        EvidenceError: there is neither, or it lacks a file.
    """
    folder = Path(name)
    if folder.is_dir():
        return _of_folder(name, folder)
    return _of_revision(name, root)


def compare(a: Result, b: Result) -> Comparison:
    """Compare digests first; where they differ, the scores of the holdout's rows and of the golden rows.

    Raises:
        EvidenceError: a file that has to be read is not to be had.
    """
    differ = [path for path in COMPARED if a.digests[path] != b.digests[path]]
    if not differ:
        return Comparison("identical", ("both models, their scores and the metrics are the same, byte for byte",))
    first, second = (_predictions(r.read(PREDICTIONS)) for r in (a, b))
    relative = "value" in first  # a number has no scale of its own, a probability has
    reasons = _compare_scores("holdout", first, second, relative=relative)
    golden = f"{SERVED}/{GOLDEN}"
    if golden in differ:
        first, second = (_golden(r.read(golden)) for r in (a, b))
        reasons += _compare_scores("golden", first, second, relative=relative)
    if reasons:
        return Comparison("different", (*reasons, *_metric_differences(a, b)))
    return Comparison("equivalent", (f"scores agree within {TOLERANCE:g}; other bytes in {', '.join(differ)}",))


def _of_folder(name: str, folder: Path) -> Result:
    digests = {}
    for path in COMPARED:
        try:
            digests[path] = file_md5(folder / path)
        except FileNotFoundError:
            raise EvidenceError(f"`{folder / path}` is missing. Run `dvc repro` or `dvc pull` there first.") from None
    return Result(name, digests, lambda path: (folder / path).read_bytes())


def _of_revision(name: str, root: Path) -> Result:
    revision = Revision(name, root)
    digests = dict(zip(COMPARED, revision.require(*COMPARED), strict=True))
    return Result(name, digests, lambda path: revision.text(path) if path == METRICS else revision.data(path))


def _predictions(content: bytes) -> pd.DataFrame:
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(content)).to_pandas().set_index("key")
    scores = [c for c in table.columns if c in {"score", "value"} or c.startswith("score_")]
    return table[[*scores, "truth"]]


def _golden(content: bytes) -> pd.DataFrame:
    import pandas as pd

    golden = json.loads(content)
    rows = [json.dumps(row, sort_keys=True) for row in golden["rows"]]
    scores = np.array(golden["scores"], dtype=float).reshape(len(rows), -1)
    return pd.DataFrame(scores, index=rows).groupby(level=0).first()


def _compare_scores(what: str, a: pd.DataFrame, b: pd.DataFrame, *, relative: bool) -> list[str]:
    """Why the scores are not equivalent; nothing where they are. Values are compared relative to their size."""
    if list(a.columns) != list(b.columns):
        return [f"{what}: other scores: {', '.join(map(str, a.columns))} and {', '.join(map(str, b.columns))}"]
    shared = a.index.intersection(b.index)
    if len(shared) < max(len(a), len(b)):
        return [f"{what}: {len(a):,} and {len(b):,} rows, {len(shared):,} of them the same"]
    b = b.loc[a.index]
    if "truth" in a and (a["truth"] != b["truth"]).any():
        return [f"{what}: {int((a['truth'] != b['truth']).sum()):,} rows have another truth"]
    x = a.drop(columns="truth", errors="ignore").to_numpy(dtype=float)
    y = b.drop(columns="truth", errors="ignore").to_numpy(dtype=float)
    scale = float(np.sqrt(np.mean(x**2))) if relative else 1.0
    apart = np.abs(x - y).max(axis=1) / (scale or 1.0)
    if apart.max() <= TOLERANCE:
        return []
    return [
        (
            f"{what}: {int((apart > TOLERANCE).sum()):,} of {len(apart):,} rows score differently, "
            f"by up to {apart.max():.2g}"
        )
    ]


def _metric_differences(a: Result, b: Result) -> list[str]:
    first, second = (json.loads(r.read(METRICS))["model"] for r in (a, b))
    return [
        f"{name}: {first[name]:.6f} and {second[name]:.6f}"
        for name in first
        if name in second and first[name] != second[name]
    ]


def lines(a: Result, b: Result, comparison: Comparison) -> list[str]:
    """What the command prints."""
    return [f"{comparison.outcome}: `{a.name}` and `{b.name}`", *(f"  {reason}" for reason in comparison.reasons)]


def to_json(a: Result, b: Result, comparison: Comparison) -> dict[str, Any]:
    """What the command prints with `--json`."""
    return {"a": a.name, "b": b.name, "outcome": comparison.outcome, "reasons": list(comparison.reasons)}
