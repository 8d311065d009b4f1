"""What `make dashboards` starts, by what there is on the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from weighlock.monitoring import dashboard_look
from weighlock.monitoring.dashboard_look import PARTS, command, look

FOLDER, DATA = Path("/here/monitoring"), Path("/scratch/data")


def having(*programs: str) -> dict[str, str]:
    return {name: f"/bin/{name}" for name in programs}


def test_what_is_installed_is_started_under_either_name() -> None:
    _, alertmanager, _ = PARTS
    for name in ("alertmanager", "prometheus-alertmanager"):
        assert command(alertmanager, FOLDER, DATA, having(name, "podman").get) == [
            f"/bin/{name}",
            "--config.file=/here/monitoring/alertmanager.yml",
            "--storage.path=/scratch/data",
            "--web.listen-address=127.0.0.1:9093",
            "--cluster.listen-address=",
        ]


def test_else_a_container_that_may_only_read() -> None:
    prometheus, _, grafana = PARTS
    words = command(prometheus, FOLDER, DATA, having("podman", "docker").get) or []
    assert words[:2] == ["/bin/podman", "run"]
    assert "/here/monitoring:/monitoring:ro" in words
    assert words[words.index(prometheus.image) + 1] == "--config.file=/monitoring/prometheus/prometheus.yml"
    words = command(grafana, FOLDER, DATA, having("docker").get) or []
    assert words[0] == "/bin/docker"
    assert "GF_PATHS_PROVISIONING=/monitoring/grafana/provisioning" in words
    assert words[-1] == grafana.image


def test_else_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard_look.shutil, "which", lambda _: None)
    said: list[str] = []
    assert look(FOLDER, said.append) == 2
    assert [line.split()[0] for line in said[:3]] == ["Prometheus", "Alertmanager", "Grafana"]
    assert all(part.get in line for part, line in zip(PARTS, said, strict=False))
    assert "install one" in said[3]


def test_who_ends_is_told_with_its_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard_look, "command", lambda *_: ["sh", "-c", "echo the port is taken; echo; exit 3"])
    said: list[str] = []
    assert look(FOLDER, said.append) == 2
    assert [line for line in said if "ended" in line] == [f"{p.name} ended with 3: the port is taken" for p in PARTS]
    assert said[-1] == "Nothing runs any more."
