"""Panels and their places as Grafana's dashboard JSON (schema 39, Grafana 10 and later), whatever they show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["stat", "timeseries", "heatmap", "table", "state-timeline", "bargauge"]
COLUMNS = 24
SOURCE = {"type": "prometheus", "uid": "${source}"}
LIMIT = "limit"  # the legend of a query that is drawn as a dashed red line
RED, AMBER, GREEN, GREY = "red", "orange", "green", "text"


@dataclass(frozen=True)
class Query:
    """A PromQL query, and how its series are called."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Step:
    """From this value on (None: from the lowest), a colour."""

    value: float | None
    color: str


@dataclass(frozen=True)
class Panel:
    """One picture.

    Attributes:
        kind: of Grafana's panels.
        title: what is seen.
        about: how to read it; shown at the small "i".
        queries: what is drawn.
        unit: Grafana's name of the unit.
        width: in columns, of 24.
        height: in rows of 30 pixels.
        steps: colours by value.
        names: what a value is called, and its colour: (value, text, colour).
        stacked: series add up.
        top: the upper end of the axis.
    """

    kind: Kind
    title: str
    about: str
    queries: Sequence[Query]
    unit: str = "short"
    width: int = 8
    height: int = 8
    steps: Sequence[Step] = ()
    names: Sequence[tuple[float, str, str]] = ()
    stacked: bool = False
    top: float | None = None


@dataclass(frozen=True)
class Row:
    """Panels beside one another, under a title; wrapped where they do not fit."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Choice:
    """A variable: what may be chosen above the panels, from a label's values."""

    name: str
    title: str
    query: str


@dataclass(frozen=True)
class Mark:
    """An annotation: a line through all panels, where a query has a value."""

    name: str
    expr: str
    title: str
    color: str


@dataclass(frozen=True)
class Dashboard:
    """A page of rows."""

    uid: str
    title: str
    about: str
    rows: Sequence[Row]
    choices: Sequence[Choice]
    marks: Sequence[Mark]
    tags: Sequence[str] = field(default_factory=tuple)


def to_grafana(dashboard: Dashboard) -> dict[str, Any]:
    """The dashboard as Grafana imports it.

    Raises:
        ValueError: a panel is wider than the page.
    """
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.about,
        "tags": list(dashboard.tags),
        "schemaVersion": 39,
        "editable": False,
        "graphTooltip": 1,  # the same moment is marked in all panels
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_source(), *map(_choice, dashboard.choices)]},
        "annotations": {"list": [_mark(mark) for mark in dashboard.marks]},
        "panels": _placed(dashboard.rows),
    }


def _placed(rows: Sequence[Row]) -> list[dict[str, Any]]:
    panels: list[dict[str, Any]] = []
    y = 0
    for row in rows:
        place = {"x": 0, "y": y, "w": COLUMNS, "h": 1}
        panels.append(
            {
                "id": len(panels) + 1,
                "type": "row",
                "title": row.title,
                "collapsed": False,
                "gridPos": place,
                "panels": [],
            }
        )
        x, y, tallest = 0, y + 1, 0
        for panel in row.panels:
            if panel.width > COLUMNS:
                raise ValueError(f"`{panel.title}` is {panel.width} columns wide; there are {COLUMNS}")
            if x + panel.width > COLUMNS:
                x, y, tallest = 0, y + tallest, 0
            place = {"x": x, "y": y, "w": panel.width, "h": panel.height}
            panels.append({"id": len(panels) + 1, "gridPos": place, **_panel(panel)})
            x, tallest = x + panel.width, max(tallest, panel.height)
        y += tallest
    return panels


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": SOURCE,
        "targets": [_target(panel, number, query) for number, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": _overrides(panel)},
        "options": _options(panel),
        **({"transformations": [_tidy()]} if panel.kind == "table" else {}),
    }


def _target(panel: Panel, number: int, query: Query) -> dict[str, Any]:
    instant = panel.kind in ("stat", "table", "bargauge")
    return {
        "refId": chr(ord("A") + number),
        "datasource": SOURCE,
        "expr": query.expr,
        "legendFormat": query.legend or "__auto",
        "instant": instant,
        "range": not instant,
        "format": {"heatmap": "heatmap", "table": "table"}.get(panel.kind, "time_series"),
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    steps = panel.steps or (Step(None, GREEN if panel.kind != "stat" else GREY),)
    defaults: dict[str, Any] = {
        "unit": panel.unit,
        "thresholds": {"mode": "absolute", "steps": [{"value": s.value, "color": s.color} for s in steps]},
        "color": {"mode": "palette-classic" if panel.kind == "timeseries" else "thresholds"},
        "noValue": "–",
        "mappings": [
            {"type": "value", "options": {f"{value:g}": {"text": text, "color": color, "index": index}}}
            for index, (value, text, color) in enumerate(panel.names)
        ],
    }
    if panel.kind == "timeseries":
        stacking = {"mode": "normal" if panel.stacked else "none", "group": "A"}
        fill = 30 if panel.stacked else 8
        defaults["min"] = 0
        defaults["custom"] = {"lineWidth": 1, "fillOpacity": fill, "showPoints": "never", "stacking": stacking}
    if panel.top is not None:
        defaults |= {"min": 0, "max": panel.top}
    if panel.kind == "state-timeline":
        defaults["custom"] = {"fillOpacity": 80, "lineWidth": 0}
    return defaults


def _overrides(panel: Panel) -> list[dict[str, Any]]:
    if panel.kind != "timeseries" or not any(query.legend.startswith(LIMIT) for query in panel.queries):
        return []
    properties = [
        {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 6]}},
        {"id": "custom.fillOpacity", "value": 0},
        {"id": "custom.stacking", "value": {"mode": "none", "group": "B"}},
        {"id": "color", "value": {"mode": "fixed", "fixedColor": RED}},
    ]
    return [{"matcher": {"id": "byRegexp", "options": f"/^{LIMIT}/"}, "properties": properties}]


def _options(panel: Panel) -> dict[str, Any]:
    legend = {"showLegend": True, "displayMode": "list", "placement": "bottom"}
    reduce = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    options: dict[Kind, dict[str, Any]] = {
        "stat": {"reduceOptions": reduce, "colorMode": "value", "graphMode": "none", "textMode": "auto"},
        "timeseries": {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}},
        "heatmap": {
            "calculate": False,
            "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64, "exponent": 0.5},
            "yAxis": {"unit": panel.unit},
            "cellGap": 1,
            "tooltip": {"mode": "single", "yHistogram": True},
            "legend": {"show": True},
        },
        "table": {"showHeader": True, "cellHeight": "sm"},
        "state-timeline": {"showValue": "never", "mergeValues": True, "legend": legend, "rowHeight": 0.85},
        "bargauge": {
            "reduceOptions": reduce,
            "orientation": "horizontal",
            "displayMode": "basic",
            "showUnfilled": True,
        },
    }
    return options[panel.kind]


def _tidy() -> dict[str, Any]:
    """A table shows labels; when, and what number, is left out."""
    hidden = dict.fromkeys(("Time", "Value", "__name__"), True)
    return {"id": "organize", "options": {"excludeByName": hidden, "indexByName": {}, "renameByName": {}}}


def _source() -> dict[str, Any]:
    return {
        "name": "source",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
        "hide": 0,
        "refresh": 1,
    }


def _choice(choice: Choice) -> dict[str, Any]:
    return {
        "name": choice.name,
        "label": choice.title,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": choice.query, "refId": choice.name},
        "definition": choice.query,
        "refresh": 2,
        "sort": 1,
        "includeAll": True,
        "allValue": ".*",  # also what carries no such label
        "multi": True,
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def _mark(mark: Mark) -> dict[str, Any]:
    return {
        "name": mark.name,
        "datasource": SOURCE,
        "enable": True,
        "expr": mark.expr,
        "titleFormat": mark.title,
        "iconColor": mark.color,
        "step": "30s",
    }
