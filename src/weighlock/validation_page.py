"""The validation report as a page: self-contained, readable in light and dark, no script."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_STYLE = """
:root {
  color-scheme: light dark;
  --ink: #1f2430; --dim: #667; --line: #dde; --paper: #fff; --good: #187a4b; --bad: #b3261e
}
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8ee; --dim: #99a; --line: #334; --paper: #14161c; --good: #58c994; --bad: #ff8a80 }
}
body {
  font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  margin: 2rem auto; max-width: 62rem; padding: 0 1rem
}
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
.verdict { font-weight: 600 } .good { color: var(--good) } .bad { color: var(--bad) } .dim { color: var(--dim) }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--line); white-space: nowrap }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
"""


def render(report: dict[str, Any]) -> str:
    """The page for the content of `reports/validation.json`; everything from the data is escaped."""
    problems = report["problems"]
    verdict = (
        f"<ul class='bad'>{''.join(f'<li>{escape(p)}</li>' for p in problems)}</ul>"
        if problems
        else "<p class='verdict good'>Fit to train on.</p>"
    )
    failures = [(f["column"], f["reason"], f"{f['rows']:,}") for f in report["failures"]]
    columns = [_column(c) for c in report["columns"]]
    return "\n".join(
        [
            "<!doctype html><html lang='en'><meta charset='utf-8'><title>Data validation</title>",
            "<meta name='viewport' content='width=device-width, initial-scale=1'>",
            f"<style>{_STYLE}</style>",
            "<h1>Data validation</h1>",
            f"<p>{report['rows']:,} rows, {report['quarantined']:,} quarantined ({report['bad_share']:.3%}).</p>",
            verdict,
            "<h2>Why rows were quarantined</h2>",
            _table(["column", "reason", "rows"], failures, numeric={2})
            if failures
            else "<p class='dim'>None were.</p>",
            "<h2>Columns of the valid rows</h2>",
            "<p class='dim'>“Alone” is how well the feature alone predicts the target: ROC AUC, for regression R².</p>",
            _table(
                ["column", "type", "alone", "null", "distinct", "least", "median", "most", "most frequent"],
                columns,
                numeric={2, 3, 4, 5, 6, 7},
            ),
            "</html>\n",
        ]
    )


def _column(column: dict[str, Any]) -> tuple[str, ...]:
    alone = column["alone"]
    return (
        column["column"],
        column["type"] + ("" if column["feature"] else " (not a feature)"),
        "" if alone is None else f"{alone:.3f}",
        f"{column['null_share']:.1%}",
        f"{column['distinct']:,}",
        *(f"{column[k]:.6g}" if k in column else "" for k in ("min", "median", "max")),
        ", ".join(column.get("most_frequent", [])),
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], numeric: set[int]) -> str:
    def cells(tag: str, values: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{' class=n' if i in numeric else ''}>{escape(value)}</{tag}>" for i, value in enumerate(values)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<div class='scroll'><table><tr>{cells('th', head)}</tr>{body}</table></div>"
