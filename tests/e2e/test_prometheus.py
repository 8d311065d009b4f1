"""Prometheus, Alertmanager and node_exporter as they are: they take our files, scrape our service, tell somebody."""

from __future__ import annotations

import json
import shutil
import subprocess
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from conftest import ROOT, Clone, Project
from prometheus_stack import DURATION, FOLDER, NoPrometheusError, Stack, hastened, programs, running_stack
from served import ROW, Load, Running, add_key, serving, until

from support.needs import needing
from weighlock.monitoring.exposition import Watched, exposition

TESTS = sorted((FOLDER / "prometheus/tests").glob("*.yaml"))


@pytest.fixture(scope="module")
def binaries() -> dict[str, str]:
    with needing("rules, alarms and dashboard with a real Prometheus", NoPrometheusError):
        return programs()


@pytest.fixture(scope="module")
def project(with_model: Clone) -> Project:
    """A clone whose small model is trained."""
    return with_model("watched")


def checked(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_and_alertmanager_take_the_files(binaries: dict[str, str]) -> None:
    assert "3 rule files found" in checked(
        binaries["promtool"], "check", "config", "monitoring/prometheus/prometheus.yml"
    )
    rules = map(str, (FOLDER / "prometheus/rules").glob("*.yaml"))
    checked(binaries["promtool"], "check", "rules", "--lint=all", "--lint-fatal", *rules)
    checked(binaries["amtool"], "check-config", "monitoring/alertmanager.yml")


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ("severity=page environment=production variant=stable", "on-call"),
        ("severity=page", "on-call"),
        ("severity=page environment=staging", "team"),
        ("severity=ticket environment=production", "team"),
        ("alertname=WeighlockWatchdog severity=none", "heartbeat"),
    ],
)
def test_who_is_told(binaries: dict[str, str], labels: str, receiver: str) -> None:
    config = str(FOLDER / "alertmanager.yml")
    said = checked(binaries["amtool"], "config", "routes", "test", f"--config.file={config}", *labels.split())
    assert said.split() == [receiver]


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_each_alarm_fires_when_it_should_and_not_when_it_should_not(binaries: dict[str, str], path: Path) -> None:
    checked(binaries["promtool"], "test", "rules", str(path))


def test_an_alarm_that_no_longer_fires_is_noticed(binaries: dict[str, str], tmp_path: Path) -> None:
    shutil.copytree(FOLDER / "prometheus", tmp_path / "prometheus")
    rules = tmp_path / "prometheus/rules/service.yaml"
    rules.write_text(rules.read_text().replace('(up{job="weighlock"}) == 0', '(up{job="weighlock"}) < 0'))
    test = str(tmp_path / "prometheus/tests/service.yaml")
    done = subprocess.run([binaries["promtool"], "test", "rules", test], capture_output=True, text=True, check=False)
    assert done.returncode
    assert "WeighlockServiceDown" in done.stdout + done.stderr


def test_what_runs_faster_below_is_the_same_rules() -> None:
    for path in (FOLDER / "prometheus/rules").glob("*.yaml"):
        text = path.read_text()
        assert DURATION.sub("·", hastened(text)) == DURATION.sub("·", text)
    assert hastened("rate(x[5m]) offset 1w for: 1m # rate5m 14 * 86400") == (
        "rate(x[5s]) offset 10080s for: 1s # rate5m 14 * 86400"
    )


def test_it_scrapes_a_service_under_load_and_somebody_is_told(
    binaries: dict[str, str], project: Project, tmp_path: Path
) -> None:
    key = add_key(project)
    with ExitStack() as stack:
        service = stack.enter_context(serving(project, key, log="log-watched"))
        service.answers()
        seen = stack.enter_context(running_stack(tmp_path, {"stable": service.port}))
        with Load(service, size=1, rows=4):
            it_is_well(seen, service)
            a_watch_that_says_retrain_reaches_the_team(seen)
            a_full_disk_wakes_on_call(seen, service)
        service.stop()
        nothing_answers(seen)


def it_is_well(seen: Stack, service: Running) -> None:
    """Every panel's query is understood and nearly every one shows something; only the watchdog fires."""
    watched = Watched("production", "OK", datetime.now(UTC), 2100, timedelta(hours=5), {"heat": 0.4})
    (seen.textfiles / "production.prom").write_text(exposition(watched))
    until(lambda: seen.received.told("heartbeat", "WeighlockWatchdog"), 20)
    until(lambda: seen.value("variant:weighlock_rows:rate5m") > 1, 20)
    until(lambda: seen.value('weighlock_watch_verdict{verdict="OK"}') == 1, 10)

    def shown() -> bool:
        service.predict(ROW | {"heat": 400.0, "colour": "mauve"})
        return empty_panels(seen) == QUIET

    until(shown, 15)
    assert seen.value("weighlock_workers") == 1
    assert seen.firing() == {"WeighlockWatchdog"}


# Panels that have nothing to show while all is well.
QUIET = {"Answers other than 200"}


def empty_panels(seen: Stack) -> set[str]:
    """Titles of panels without data. A query that Prometheus does not understand is an error."""
    page = json.loads((FOLDER / "grafana/dashboards/weighlock.json").read_text())
    empty = set()
    for panel in page["panels"]:
        for target in panel.get("targets", []):
            expr = target["expr"].replace("$__rate_interval", "5s")
            for name in ("environment", "variant"):
                expr = expr.replace(f"${name}", ".*")
            if not [s for s in seen.query(expr) if s["value"][1] != "NaN"]:
                empty.add(panel["title"])
    for mark in page["annotations"]["list"]:
        seen.query(mark["expr"].replace("$environment", ".*").replace("$variant", ".*"))
    return empty


def a_watch_that_says_retrain_reaches_the_team(seen: Stack) -> None:
    watched = Watched("production", "RETRAIN", datetime.now(UTC), 2100, timedelta(hours=5), {"heat": 1.4})
    (seen.textfiles / "production.prom").write_text(exposition(watched))
    until(lambda: seen.received.told("team", "WeighlockRetrain"), 20)
    assert not seen.received.told("on-call", "WeighlockRetrain")


def a_full_disk_wakes_on_call(seen: Stack, service: Running) -> None:
    """No worker may write: requests are refused, the log's alarm and the budget's go out; then there is room."""
    workers = [psutil.Process(pid) for pid in service.workers()]
    before = [worker.rlimit(psutil.RLIMIT_FSIZE) for worker in workers]
    for worker, (_, most) in zip(workers, before, strict=True):
        worker.rlimit(psutil.RLIMIT_FSIZE, (0, most))
    until(lambda: seen.received.told("on-call", "WeighlockLogFailures"), 20)
    until(lambda: seen.received.told("on-call", "WeighlockBudgetBurnsFast"), 20)
    burn = seen.received.told("on-call", "WeighlockBudgetBurnsFast")[0]
    assert burn["annotations"]["summary"] == "production stable: availability is far below its objective."
    assert empty_panels(seen) == set()
    for worker, limits in zip(workers, before, strict=True):
        worker.rlimit(psutil.RLIMIT_FSIZE, limits)
    until(lambda: seen.received.told("on-call", "WeighlockLogFailures", "resolved"), 30)
    assert service.predict()[0] == 200


def nothing_answers(seen: Stack) -> None:
    """One alarm says so; what follows from it is kept back."""
    until(lambda: seen.received.told("on-call", "WeighlockServiceDown"), 20)
    until(lambda: "WeighlockInstanceDown" in seen.inhibited(), 20)
    assert not seen.received.told("team", "WeighlockInstanceDown")
