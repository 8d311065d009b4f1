"""What a sync keeps of a machine, and how it speaks to it: state, processes, systemd, nginx's files, its report."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighlock.cli import main
from weighlock.deployment.environment import Environment
from weighlock.deployment.policy import DeployParams, SyncParams
from weighlock.deployment.syncing import front, ready, source, sync, systemd
from weighlock.deployment.syncing.plan import Drain, Instance, Start, Stop
from weighlock.deployment.syncing.processes import Processes
from weighlock.deployment.syncing.report import Report, Serves, lines, tell
from weighlock.deployment.syncing.runner import Job, StepFailedError
from weighlock.deployment.syncing.state import State, alone, loaded, read_state, write_state
from weighlock.deployment.syncing.systemd import Systemd
from weighlock.deployment.targets import Machine
from weighlock.errors import ConfigError, EvidenceError

pytestmark = pytest.mark.processes

V1, V2 = Instance("v1", 3101), Instance("v2", 3102)
UNIT = "weighlock-flights-production@v1.service"
DIGEST = f"sha256:{'b' * 64}"


def job(instance: Instance = V1) -> Job:
    unit = UNIT.replace("v1", instance.version)
    return Job("stable", instance, unit, workers=2, name="flights", digest=DIGEST, signature=DIGEST)


instances = st.frozensets(st.builds(Instance, st.integers(1, 99).map("v{}".format), st.integers(1, 65535)), max_size=3)


@settings(max_examples=30, deadline=None)
@given(st.none() | st.just("c" * 40), instances, instances)
def test_a_state_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, applied: str | None, old: frozenset[Instance], new: frozenset[Instance]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    state = State(applied=applied, loaded=loaded("sha256:1", old), switching=loaded("sha256:2", new))
    write_state(folder, state)
    assert read_state(folder) == state
    assert state.used(old | new | {V1}) == old | new | ({V1} & (old | new))


def test_a_machine_of_which_nothing_is_known_may_use_all_that_runs(tmp_path: Path) -> None:
    assert read_state(tmp_path) == State()
    assert State().used(frozenset({V1, V2})) == {V1, V2}


@pytest.mark.parametrize("text", ["{", "[]", '{"applied": "main"}', '{"apllied": null}'])
def test_a_torn_state_is_refused_with_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(EvidenceError, match=r"(?s)state.json.*Remove it"):
        read_state(tmp_path)


def test_two_syncs_do_not_run_at_once(tmp_path: Path) -> None:
    with alone(tmp_path, 0), pytest.raises(ConfigError, match="another sync"), alone(tmp_path, 0):
        pass
    with alone(tmp_path, 0):
        pass


def test_a_policy_that_asks_for_nobodys_signature_is_refused() -> None:
    assert DeployParams().sync == SyncParams(signatures="optional", ready_seconds=60)
    for wrong in ({"allowed_signers": "signers"}, {"signatures": "maybe"}, {"allowed_signers": "a;b"}):
        with pytest.raises(ValueError, match=r"signers|signatures"):
            SyncParams.model_validate(wrong)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    script = "import sys, time; print(sys.argv[1:], flush=True); time.sleep(60)"
    runner = Processes(tmp_path / "services", tmp_path, (sys.executable, "-S", "-c", script), ("--log-dir", "log"))
    runner.prepare({})
    yield runner
    for instance in runner.running():
        runner.stop(instance)


def test_a_process_goes_on_when_its_parent_goes_and_is_found_again(processes: Processes) -> None:
    processes.start(job())
    processes.start(job())  # once more: it runs already
    processes.leave()

    later = Processes(processes.folder, processes.root)
    assert later.running() == {V1}
    assert len(list(processes.folder.glob("*.pid"))) <= 1
    later.stop(V1)
    assert later.running() == frozenset()
    assert not list(processes.folder.glob("*.lock"))


def test_a_process_that_ends_by_itself_is_seen_and_what_it_said_is_kept(tmp_path: Path) -> None:
    runner = Processes(tmp_path, tmp_path, ("/bin/echo", "no", "model"))
    runner.start(job(V2))
    while runner.alive(V2):
        pass
    said = "no model --release v2 --host 127.0.0.1 --port 3102 --workers 2"
    assert runner.said(V2) == said
    assert runner.running() == frozenset()
    assert runner.said(V1) == ""
    with pytest.raises(StepFailedError, match="cannot be started"):
        Processes(tmp_path, tmp_path / "nowhere").start(job())


@dataclass
class Systemctl:
    """systemd, as far as `systemctl` tells: units that are active, and everything that was asked."""

    active: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def run(self, words: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        self.asked.append(" ".join(words))
        unit, out = words[-1], ""
        if "enable" in words:
            self.active.add(unit)
        elif "disable" in words:
            self.active.discard(unit)
        elif "list-units" in words:
            head, _, tail = unit.partition("@*")
            prefix, _, suffix = head.partition("*")
            out = "".join(
                f"{name} loaded active running A model\n" for name in sorted(self.active)
                if name.startswith(prefix) and f"{suffix}@" in name and name.endswith(tail)
            )  # fmt: skip
        elif "show" in words:
            out = "active\n" if unit in self.active else "inactive\n"
        elif unit == "broken.service":
            return subprocess.CompletedProcess(words, 1, "", "Unit broken.service not found.")
        return subprocess.CompletedProcess(words, 0, out, "")


@pytest.fixture
def systemctl(monkeypatch: pytest.MonkeyPatch) -> Systemctl:
    found = Systemctl()
    monkeypatch.setattr(systemd.subprocess, "run", found.run)
    return found


FILES = {
    "weighlock-flights-production@.service": "# Rendered by `weighlock render production` from\n[Unit]\n",
    f"{UNIT}.d/release.conf": "[Service]\nEnvironment=PORT=3101 WORKERS=2\n",
    "weighlock.sysusers.conf": "u weighlock\n",
    "weighlock-sync-production.timer": "[Timer]\n",
    "weighlock-production.conf": "server {}\n",
}


def test_units_are_installed_once_started_found_and_taken_away(tmp_path: Path, systemctl: Systemctl) -> None:
    runner = Systemd("production", tmp_path / "units", tmp_path / "sysusers")
    runner.prepare(FILES)
    runner.prepare(FILES)
    assert systemctl.asked.count("systemctl daemon-reload") == systemctl.asked.count("systemd-sysusers") == 1
    assert not (tmp_path / "units/weighlock-production.conf").exists()
    systemctl.active |= {"weighlock-flights-eu-production@v9.service", "weighlock-sync-production.service"}
    (tmp_path / "units/weighlock-flights-eu-production@.service").write_text("# `weighlock render eu-production`\n")

    runner.start(job())
    assert f"systemctl enable --now --quiet {UNIT}" in systemctl.asked

    later = Systemd("production", tmp_path / "units", tmp_path / "sysusers")
    assert later.running() == {V1}  # and not those of `eu-production`, which have the same end
    later.stop(V1)
    assert later.running() == frozenset()
    assert not (tmp_path / f"units/{UNIT}.d").exists()


def test_a_systemd_that_refuses_is_told(tmp_path: Path, systemctl: Systemctl) -> None:
    runner = Systemd("production", tmp_path, tmp_path)
    with pytest.raises(StepFailedError, match=r"broken.service. failed: Unit broken.service not found"):
        runner._ask("start", "broken.service")
    assert systemctl.asked == ["systemctl start broken.service"]


def test_nginx_files_have_a_digest_that_no_two_share() -> None:
    files = {"a.conf": "x", "b.conf": "y"}
    assert front.digest_of(files) == front.digest_of(dict(reversed(files.items())))
    others = [{"a.conf": "xb", "b.conf": "y"}, {"a.conf": "x"}, {"a.conf": "x", "b.con": "fy"}]
    assert len({front.digest_of(files), *map(front.digest_of, others)}) == 4


def test_an_nginx_of_ones_own_keeps_its_files_in_its_folder() -> None:
    rendered = {"nginx.conf": "events {\n}\nhttp {\n    include x;\n}\n", "weighlock-production.conf": "s", "other": ""}
    found = front.own_files("production", rendered)
    assert set(found) == {"nginx.conf", "weighlock-production.conf"}
    assert found["nginx.conf"].count("_temp_path temporary-") == 5
    assert set(front.shared_files("production", rendered)) == {"weighlock-production.conf"}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"/readyz": (503, {})}, "/readyz gives 503"),
        ({"/v1/model": (500, {})}, "/v1/model gives 500"),
        ({"/v1/model": (200, {"name": "flights", "version": "v2"})}, "its `version` is v2, and should be v1"),
        ({"/v1/model": (200, [])}, "its `name` is None"),
        ({"/v1/model": (200, {"name": "flights", "version": "v1", "digest": DIGEST, "signature_digest": "x"})},
         "its `signature_digest` is x"),
        ({}, ""),
    ],
)  # fmt: skip
def test_a_service_is_what_git_names_or_it_is_not_ready(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, Any], said: str
) -> None:
    right = (200, {"name": "flights", "version": "v1", "digest": DIGEST, "signature_digest": DIGEST})
    answers = {"/readyz": (200, {}), "/v1/model": right, **told}
    monkeypatch.setattr(ready, "ask", lambda url, _: answers[url.removeprefix("http://127.0.0.1:3101")])
    found = ready.wrong(job(), None)
    assert found == said or (said and found.startswith(said))


def test_a_service_that_asks_for_a_key_is_known_by_its_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, "ask", lambda url, _: (200 if url.endswith("readyz") else 401, {}))
    metrics = f'weighlock_model_info{{name="flights",version="v1",digest="{DIGEST}"}} 1.0\n'
    match = ready._INFO.search(metrics)
    assert match
    monkeypatch.setattr(ready, "_metrics", lambda _: dict(ready._LABEL.findall(match[1])))
    assert ready.wrong(job(), None) == ""


def test_a_report_is_written_and_announced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    report = Report(
        environment="production", at="2026-01-31T05:15:00Z", outcome="FAILED", commit="c" * 40, before="a" * 40,
        applied="a" * 40, steps=["start v2 on port 3102"], reason="v2 is not ready", notes=["so it is"],
        serves=[Serves(variant="stable", version="v1", port=3101, digest=DIGEST)],
    )  # fmt: skip
    tell(report, tmp_path)
    assert (tmp_path / "output").read_text() == f"outcome=FAILED\napplied={'a' * 40}\n"
    assert Report.model_validate(json.loads((tmp_path / "reports/sync/production.json").read_text())) == report
    assert report.code == 3
    assert lines(report) == [
        "FAILED  production stays as it was: v2 is not ready", "  1. start v2 on port 3102", "  note: so it is",
    ]  # fmt: skip


@dataclass
class Stuck:
    """A machine on which nginx never has answered everything, and services can be stopped."""

    stopped: list[Instance] = field(default_factory=list)

    def drained(self) -> bool:
        return False

    def stop(self, instance: Instance) -> None:
        self.stopped.append(instance)


def test_what_nginx_still_uses_is_stopped_later(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sync.source, "rules_of", lambda *_: SyncParams(drain_seconds=1))
    monkeypatch.setattr(sync, "time", Clock())
    stuck: Any = Stuck()
    run = sync.Sync(tmp_path, "production", sync.Site(tmp_path, stuck, stuck, front.own_files), "now")
    target = source.Target("c" * 40, Environment(stable=None), Machine(), {}, (), {})

    run._apply(target, {}, (Drain(), Stop(V1)), State())
    assert run.notes == [
        "nginx is still answering what came before, after 1 s; what is old is stopped by a later sync."
    ]
    with pytest.raises(StepFailedError, match="a port that is wanted"):
        run._apply(target, {}, (Drain(), Stop(V1), Start(V2)), State())
    assert stuck.stopped == []


class Clock:
    """Time that passes by sleeping alone."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_clone_that_follows_nothing_is_refused_and_the_report_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy/production.yaml").write_text("stable: null\nmachine: {}\n")
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], [*who, "commit", "-qm", "feat: a machine"]):
        subprocess.run(["git", *words], check=True)

    assert main(["sync", "production", "--runner", "process", "--dry-run"]) == 2
    assert not (tmp_path / "reports").exists()
    assert main(["sync", "production", "--runner", "process"]) == 2
    assert "follows no branch of a remote" in capsys.readouterr().out
    report = json.loads((tmp_path / "reports/sync/production.json").read_text())
    assert (report["outcome"], report["applied"], report["commit"]) == ("REFUSED", None, None)
    assert main(["sync", "../production"]) == 2
    assert "There is no environment" in capsys.readouterr().err
