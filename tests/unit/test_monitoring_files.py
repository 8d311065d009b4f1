"""Rules, dashboard and Alertmanager's file: they name only what there is, and agree with one another.

That Prometheus takes them, and that each alarm fires when it should, is in tests/e2e/test_prometheus.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from weighlock.monitoring import dashboard
from weighlock.monitoring.dashboard_grafana import COLUMNS, Panel, Row, _placed
from weighlock.monitoring.exposition import VERDICTS, Watched, exposition
from weighlock.scoring import Signature
from weighlock.scoring.signature import Feature
from weighlock.serving.measures import ENDPOINTS, SECONDS, STATUSES, Measures
from weighlock.serving.settings import Identity

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "monitoring"
RULES = sorted((FOLDER / "prometheus/rules").glob("*.yaml"))
# What Prometheus and node_exporter make themselves, and what the scrape configuration adds to each series.
FOREIGN = {"up": set(), "ALERTS": {"alertname", "alertstate", "severity"}, "node_textfile_scrape_error": set()}
TARGET = {"job", "instance", "environment", "variant"}
NAME = re.compile(r"(?<![\w:$\"{.])([a-zA-Z_][\w:]*)(?![\w:]|\s*\()")
SELECTOR = re.compile(r"([a-zA-Z_][\w:]*)\{([^}]*)\}")
MATCHER = re.compile(r'(\w+)(=~|!=|!~|=)"([^"]*)"')
WORDS = {"and", "or", "unless", "on", "ignoring", "by", "without", "group_left", "offset", "bool", "inf"}


@pytest.fixture(scope="module")
def exposed() -> dict[str, set[str]]:
    """Each series that the service and a watch really expose, and its labels."""
    features = (Feature("heat", "number", False, 0.0, 1.0), Feature("colour", "category", False, categories=("red",)))
    signature = Signature("binary", "broke", features, ("false", "true"), 0.5, {"": 18}, "sha256:0")
    measures = Measures(signature, Identity(name="m", version="v", digest="d", signature_digest="s"), [], None)
    found: dict[str, set[str]] = {}
    for family in measures.metrics.families:
        endings = {"_bucket": {"le"}, "_sum": set(), "_count": set()} if family.type == "histogram" else {"": set()}
        for ending, more in endings.items():
            found[family.name + ending] = {name for labels in family.series for name, _ in labels} | more
    told = exposition(Watched("e", "OK", datetime(2013, 1, 1, tzinfo=UTC), 1, timedelta(1), {"c": 1.0}))
    for name, labels in re.findall(r"(?m)^(\w+)\{(.*)\} ", told):
        found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    return found


def rules() -> list[dict[str, Any]]:
    return [rule for path in RULES for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def queries() -> Iterator[str]:
    """Every query of rules and dashboard."""
    yield from (str(rule["expr"]) for rule in rules())
    page = json.loads(dashboard.as_json())
    yield from (target["expr"] for panel in page["panels"] for target in panel.get("targets", []))
    yield from (mark["expr"] for mark in page["annotations"]["list"])
    for choice in page["templating"]["list"][1:]:
        yield choice["definition"].removeprefix("label_values(").rpartition(",")[0]


def bare(query: str) -> str:
    """The query without what stands in quotes, braces, brackets, or in a list of labels."""
    query = re.sub(r'"[^"]*"', '""', query)
    query = re.sub(r"\{[^}]*\}|\[[^\]]*\]|offset \w+", "", query)
    return re.sub(r"\b(by|without|on|ignoring|group_left) *\([^)]*\)", "", query)


def test_queries_name_only_series_that_there_are(exposed: dict[str, set[str]]) -> None:
    known = set(exposed) | set(FOREIGN) | {rule["record"] for rule in rules() if "record" in rule}
    named = {name for query in queries() for name in NAME.findall(bare(query))} - WORDS
    assert named - known == set()
    assert {"weighlock_requests_total", "weighlock_score_bucket", "weighlock_label_lag_seconds"} <= named


def test_the_check_of_names_can_fail() -> None:
    query = 'sum by (a) (rate(rowz{x="y"}[5m])) / on (b) group_left () (1 - up offset 1w) and a:b:c > bool 1e3'
    assert set(NAME.findall(bare(query))) - WORDS == {"rowz", "up", "a:b:c"}


def test_selectors_name_only_labels_and_values_that_there_are(exposed: dict[str, set[str]]) -> None:
    limits = {str(rule["labels"]["of"]) for rule in rules() if rule.get("record") == "weighlock:limit"}
    values = {
        "endpoint": set(ENDPOINTS),
        "status": set(map(str, STATUSES)),
        "le": {f"{edge:g}" for edge in SECONDS},
        "verdict": set(VERDICTS),
        "slo": {"availability", "latency"},
        "of": limits,
        "job": {job["job_name"] for job in prometheus()["scrape_configs"]},
    }
    seen = 0
    for query in queries():
        for name, inside in SELECTOR.findall(query):
            for label, operator, value in MATCHER.findall(inside):
                seen += 1
                if name in exposed:
                    assert label in exposed[name] | TARGET, f"{name} has no label {label}"
                elif name in FOREIGN:
                    assert label in FOREIGN[name] | TARGET, f"{name} has no label {label}"
                if label in values:
                    found = {v for v in values[label] if re.fullmatch(value, v)} if "~" in operator else {value}
                    assert found & values[label], f"{name}: no {label} is {value!r}"
    assert seen > 100


def test_the_objective_s_bound_is_a_bucket_and_stands_once() -> None:
    assert re.findall(r'le="([^"]+)"', " ".join(str(rule["expr"]) for rule in rules())) == ["0.1"]
    assert 0.1 in SECONDS


def test_every_limit_is_used_and_every_limit_that_is_used_is_there() -> None:
    there = {str(rule["labels"]["of"]) for rule in rules() if rule.get("record") == "weighlock:limit"}
    assert set(re.findall(r'weighlock:limit\{of="(\w+)"\}', " ".join(str(r["expr"]) for r in alerts()))) == there


def test_every_alarm_says_how_bad_it_is_and_what_it_is() -> None:
    assert len({alert["alert"] for alert in alerts()}) == len(alerts())
    for alert in alerts():
        assert alert["labels"]["severity"] in ("page", "ticket", "none")
        assert set(alert["annotations"]) == {"summary", "description"}
        assert alert["alert"].startswith("Weighlock")


def test_every_alarm_is_tested_both_ways_and_has_its_line_in_the_docs() -> None:
    tests = [t for p in (FOLDER / "prometheus/tests").glob("*.yaml") for t in yaml.safe_load(p.read_text())["tests"]]
    cases = [case for test in tests for case in test.get("alert_rule_test", [])]
    fires = {case["alertname"] for case in cases if case["exp_alerts"]}
    silent = {case["alertname"] for case in cases if not case["exp_alerts"]}
    names = {alert["alert"] for alert in alerts()}
    assert fires == names
    # what must not fire elsewhere: promtool compares all alarms of that name, so a second series is held against too
    assert names - silent == {"WeighlockWatchdog"}
    page = (ROOT / "docs/dashboards.md").read_text()
    assert [name for name in sorted(names) if f"`{name}`" not in page] == []


def prometheus() -> Any:
    return yaml.safe_load((FOLDER / "prometheus/prometheus.yml").read_text())


def test_alertmanager_s_routes_and_inhibitions_name_alarms_that_there_are() -> None:
    names = {alert["alert"] for alert in alerts()}
    config = yaml.safe_load((FOLDER / "alertmanager.yml").read_text())
    matchers = [m for rule in config["inhibit_rules"] for m in rule["source_matchers"] + rule["target_matchers"]]
    matchers += [m for route in config["route"]["routes"] for m in route["matchers"]]
    for matcher in matchers:
        if found := re.fullmatch(r'alertname=~?"(.*)"', matcher):
            for name in found[1].split("|"):
                assert any(re.fullmatch(name, n) for n in names), name
        else:
            key, value = re.fullmatch(r'(\w+)[=!~]+"(.*)"', matcher).groups()  # type: ignore[union-attr]
            assert key == "environment" or any(
                re.fullmatch(value, str(alert["labels"].get(key, ""))) for alert in alerts()
            ) or (key == "slo" and value in ("availability", "latency"))  # fmt: skip


def test_no_secret_stands_in_alertmanager_s_file() -> None:
    text = (FOLDER / "alertmanager.yml").read_text()
    for key in re.findall(r"\b(\w*(?:key|token|password|secret|credentials|api_url)\w*):", text):
        assert key.endswith("_file"), key


def test_the_dashboard_is_the_one_that_the_code_makes() -> None:
    assert (ROOT / dashboard.PATH).read_text() == dashboard.as_json(), (
        "stale: run `python -m weighlock.monitoring.dashboard`"
    )


def test_panels_have_their_own_place_and_number() -> None:
    panels = json.loads(dashboard.as_json())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken
        assert at["x"] + at["w"] <= COLUMNS
        taken |= cells
    full = {y for _, y in taken}
    assert [y for y in sorted(full) if sum((x, y) in taken for x in range(COLUMNS)) < COLUMNS] == []  # no holes


def test_a_row_wraps_and_a_panel_that_is_too_wide_is_refused() -> None:
    wide = [Panel("stat", str(i), "", (), width=10, height=3 + i) for i in range(3)]
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in _placed([Row("a", wide), Row("b", ())])]
    assert places == [(0, 0), (0, 1), (10, 1), (0, 5), (0, 10)]
    with pytest.raises(ValueError, match="25 columns"):
        _placed([Row("a", [Panel("stat", "x", "", (), width=25)])])
