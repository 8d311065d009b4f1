"""`dvc.yaml`: which plots DVC draws hangs on the task; nothing else of the pipeline does."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

from weighlock.layout import PLOTS
from weighlock.plots import NAMES

if TYPE_CHECKING:
    from weighlock.schema import Task

# How DVC draws each of weighlock.plots.NAMES.
DRAWN: dict[str, tuple[str, dict[str, Any]]] = {
    "roc": ("ROC", {
        "x": "false_positive_rate", "y": "true_positive_rate", "x_label": "false positive rate",
        "y_label": "true positive rate", "template": "simple",
    }),
    "precision_recall": ("Precision and recall", {"x": "recall", "y": "precision", "template": "simple"}),
    "calibration": ("Calibration", {
        "x": "predicted", "y": "observed", "x_label": "mean predicted, groups of equal size", "y_label": "observed",
        "template": "against_diagonal",
    }),
    "confusion": ("Confusion", {"x": "predicted", "y": "actual", "template": "confusion_counts"}),
    "residuals": ("Residuals", {
        "x": "residual", "y": "share", "x_label": "truth minus predicted", "template": "shares",
    }),
    "scores": ("Scores", {"x": "score", "y": "share", "template": "shares"}),
}  # fmt: skip


def pipeline_text(text: str, task: Task) -> str:
    """`dvc.yaml` with the plots that the task has: those of other tasks go, missing ones come, others stay.

    All but the section `plots:` stays as it is, byte for byte.
    """
    from ruamel.yaml import YAML

    section = re.search(r"^plots:.*?(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    before, after = (text[: section.start()], text[section.end() :]) if section else (f"{text.rstrip()}\n\n", "")
    editor = YAML()
    editor.indent(mapping=2, sequence=4, offset=2)
    editor.width = 4096
    plots = (editor.load(section.group()) if section else {"plots": []})["plots"] or []
    ours = {title: name for name, (title, _) in DRAWN.items()}
    theirs = [plot for plot in plots if ours.get(_title(plot)) is None]
    there = {ours[_title(plot)]: plot for plot in plots if _title(plot) in ours}
    kept = [_fitted(there.get(name) or definition(name), name, task) for name in NAMES[task]]
    out = io.StringIO()
    editor.dump({"plots": [*kept, *theirs]}, out)
    return f"{before}{out.getvalue()}{after}"


def definition(name: str) -> dict[str, Any]:
    """One plot as `dvc.yaml` has it."""
    title, drawn = DRAWN[name]
    return {title: {**drawn, "y": {f"{PLOTS}/{name}.csv": drawn["y"]}}}


def _fitted(plot: Any, name: str, task: Task) -> Any:
    if name == "scores":  # a regression's are values
        plot[_title(plot)]["x"] = "value" if task == "regression" else "score"
    return plot


def _title(plot: Any) -> str:
    return str(next(iter(plot))) if isinstance(plot, dict) else str(plot)
