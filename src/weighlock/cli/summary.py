"""`weighlock summary`: what the last run made, for a person at a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    from rich.table import Table

WORST = 5
FEATURES = 6


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("--save", type=Path, metavar="FILE.svg", help="save it as a picture, too")


def run(args: argparse.Namespace) -> None:
    """Read the reports and print tables."""
    from rich.columns import Columns
    from rich.console import Console

    from weighlock.files import read_json, write_text
    from weighlock.layout import (
        IMPORTANCE,
        METRICS,
        MODEL,
        SEARCH,
        SERVED,
        SIGNATURE,
        SLICES,
        SPLIT,
        VALIDATION,
        VALIDATION_PAGE,
        WEIGHED,
    )  # fmt: skip

    metrics, slices, parts, search, importance, validation, signature = (
        read_json(Path(path), "dvc repro")
        for path in (
            METRICS, SLICES, SPLIT, SEARCH, f"{WEIGHED}/{IMPORTANCE}", VALIDATION, f"{WEIGHED}/{SIGNATURE}",
        )
    )  # fmt: skip
    console = Console(record=args.save is not None, width=100 if args.save else None, highlight=False)
    console.print()
    console.print(f"[bold]{signature['target']}[/bold] ({signature['task']}), chosen: [bold]{search['chosen']}[/bold]")
    console.print(
        f"{validation['rows']:,} rows, {validation['quarantined']:,} quarantined · "
        + " · ".join(f"{name} {part['rows']:,}" for name, part in parts.items())
    )
    console.print()
    console.print(_metrics(metrics, signature["task"]))
    console.print(Columns([_worst(slices), _importance(importance)], padding=(0, 3)))
    console.print(_learners(search))
    console.print(
        f"weighed  {WEIGHED}/{MODEL}\nserved   {SERVED}/{MODEL}\n"
        f"look     {VALIDATION_PAGE} · `dvc plots show` · `dvc metrics diff` · `make mlflow`"
    )
    if args.save:
        write_text(args.save, console.export_svg(title="weighlock summary"))


def _table(title: str, *columns: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1))
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", no_wrap=True)
    return table


def _metrics(metrics: dict[str, Any], task: str) -> Table:
    from weighlock.statistics.metrics import find_metric

    table = _table(f"Holdout, {metrics['rows']:,} rows", "metric", "model", "baseline", "gain")
    for name, value in metrics["model"].items():
        metric, baseline = find_metric(name, task), metrics["baseline"][name]
        gain = metric.gain(value, baseline)
        colour = "green" if gain > 0 else "red" if gain < 0 else "dim"
        arrow = "↑" if metric.better == "higher" else "↓"
        table.add_row(f"{name} {arrow}", f"{value:.4f}", f"{baseline:.4f}", f"[{colour}]{gain:+.4f}[/{colour}]")
    return table


def _worst(slices: list[dict[str, Any]]) -> Table:
    if not slices:
        return _table("No slices")
    metric = next(key for key in slices[0] if key in {"log_loss", "rmse"})
    table = _table(f"Worst slices by {metric}", "slice", "rows", metric)
    for row in sorted(slices, key=lambda r: -r[metric])[:WORST]:
        table.add_row(f"{row['column']} = {row['slice']}", f"{row['rows']:,}", f"{row[metric]:.4f}")
    return table


def _importance(importance: dict[str, Any]) -> Table:
    table = _table("Features that matter most", "feature", f"{importance['metric']} lost without")
    for name, value in list(importance["features"].items())[:FEATURES]:
        table.add_row(name, f"{value:.4f}")
    return table


def _learners(search: dict[str, Any]) -> Table:
    table = _table("Learners", "learner", "trials", f"{search['metric']} on validation")
    for name, learner in search["learners"].items():
        chosen = "bold" if name == search["chosen"] else ""
        table.add_row(name, str(len(learner["trials"])), f"{learner['validation']:.4f}", style=chosen)
    return table
