"""The curves that `dvc.yaml: plots` names, of a branch and of where it began, one PNG each."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

from weighlock.canvas import STYLE, figure_of, line, save, short
from weighlock.errors import EvidenceError
from weighlock.proposals.changes import PIPELINE, read_yaml_at
from weighlock.revisions import Revision, Tree

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

HEIGHT = 4.0
MOST = 12


def draw_curves(root: Path, base: str, out: Path) -> list[str]:
    """Draw what both have as lines of numbers; the files' names."""
    from matplotlib import rc_context

    drawn = []
    with rc_context(STYLE):
        for title, x, file, y in _plots(root)[:MOST]:
            sides = [("this branch", _table(Tree(root), file)), ("before", _table(Revision(base, root), file))]
            shown = [(name, table) for name, table in sides if table is not None and _numeric(table, x, y)]
            if not shown:
                continue
            figure, axes = figure_of(HEIGHT)
            for number, (name, table) in enumerate(shown):
                line(axes, table[x].to_numpy(), table[y].to_numpy(), name, number)
            axes.set(title=short(title), xlabel=short(x.replace("_", " ")), ylabel=short(y.replace("_", " ")))
            axes.grid(visible=True)
            axes.legend()
            drawn.append(f"{re.sub('[^a-z0-9]+', '-', title.lower()).strip('-') or 'plot'}.png")
            out.mkdir(parents=True, exist_ok=True)
            save(figure, out / drawn[-1])
    return drawn


def _plots(root: Path) -> list[tuple[str, str, str, str]]:
    """(title, x, file, y) of each plot with one line."""
    found = []
    for entry in read_yaml_at(root, "HEAD", PIPELINE).get("plots") or []:
        if not isinstance(entry, dict):
            continue
        for title, told in entry.items():
            y: Any = told.get("y") if isinstance(told, dict) else None
            if isinstance(y, dict) and len(y) == 1 and isinstance(told.get("x"), str):
                file, column = next(iter(y.items()))
                if isinstance(column, str):
                    found.append((str(title), told["x"], str(file), column))
    return found


def _table(source: Tree | Revision, file: str) -> pd.DataFrame | None:
    import pandas as pd

    try:
        return pd.read_csv(io.BytesIO(source.text(file)))
    except (EvidenceError, ValueError):
        return None


def _numeric(table: pd.DataFrame, x: str, y: str) -> bool:
    """Whether it is one line: two columns of numbers, and nothing that tells groups."""
    import pandas as pd

    if x not in table or y not in table or "group" in table:
        return False
    kinds = pd.api.types
    numbers = all(kinds.is_numeric_dtype(table[c]) and not kinds.is_bool_dtype(table[c]) for c in (x, y))
    return numbers and len(table) > 1
