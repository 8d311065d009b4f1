"""What can go wrong when a machine is synced: with a real nginx and real processes, whose models are made up."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Project
from drill import Clients
from histories import Team, tell
from served import until

from support.ports import free_port, free_ports
from weighlock.deployment.environment import Environment
from weighlock.deployment.render import render
from weighlock.deployment.syncing import front, sync
from weighlock.deployment.syncing.processes import Processes
from weighlock.deployment.syncing.report import Report
from weighlock.deployment.syncing.runner import StepFailedError
from weighlock.deployment.syncing.state import alone
from weighlock.deployment.targets import Machine
from weighlock.releases.fetch import HERE, Fetched, fetch_recorded

STAND_IN = Path(__file__).parent / "stand_in.py"
MODEL = {"name": "flights", "digest": f"sha256:{'b' * 64}", "signature_digest": f"sha256:{'e' * 64}"}


def begun(story: Any) -> None:
    """Three releases that have been through staging; production has none."""
    for version in ("v1", "v2", "v3"):
        story.release(version)
        story.move("staging", stable=version)


@dataclass
class Yard:
    """Someone who decides, and a machine.

    Attributes:
        ada: her clone.
        path: the machine's clone.
        port: where its nginx listens.
        models: the file with what stand-ins say.
    """

    ada: Project
    path: Path
    port: int
    models: Path
    key: str = "-"

    @property
    def site(self) -> sync.Site:
        folder = self.path / ".weighlock/production"
        runner = Processes(folder / "services", self.path, (sys.executable, str(STAND_IN)))
        return sync.Site(folder, runner, front.own(folder / "nginx", "production"), front.own_files)

    def sync(self, **options: Any) -> Report:
        site = self.site
        try:
            with alone(site.folder, 60):
                return sync.Sync(self.path, "production", site, "2026-01-31T05:15:00Z", **options).run()
        finally:
            site.runner.leave()

    def move(self, *command: str) -> None:
        self.ada.run("weighlock", *command, "--push")

    def push(self, message: str) -> str:
        commit = self.ada.commit(message)
        self.ada.run("git", "push", "-q")
        return commit

    def fault(self, **faults: str | None) -> None:
        told = {v: {**MODEL, "version": v, "fault": faults.get(v)} for v in ("v1", "v2", "v3")}
        self.models.write_text(json.dumps(told))

    def runs(self) -> set[str]:
        return {instance.version for instance in self.site.runner.running()}

    def whole(self) -> dict[str, Any]:
        """Everything that a failed sync leaves as it was."""
        nginx = self.path / ".weighlock/production/nginx"
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=self.path, capture_output=True, check=True).stdout
        state = json.loads((self.path / ".weighlock/production/state.json").read_text())
        return {
            "runs": self.runs(), "head": head, "state": state,
            "nginx": {p.name: p.read_text() for p in nginx.glob("*.conf")},
        }  # fmt: skip


@pytest.fixture
def yard(nginx: None, tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Yard]:
    found = lay_out(tmp_path, environment)
    monkeypatch.setenv("STAND_INS", str(found.models))
    for key in ("GIT_CONFIG_NOSYSTEM", "HOME"):
        monkeypatch.setenv(key, environment[key])
    monkeypatch.setattr(sync, "fetch_recorded", lambda release, root, **_: Fetched(root, HERE))
    yield found
    clear(found)


def lay_out(folder: Path, environment: dict[str, str]) -> Yard:
    folder.chmod(0o755)
    team: Team = tell(folder, environment, begun)
    path = team.ada.path / "deploy/production.yaml"
    content = yaml.safe_load(path.read_text())
    port = free_ports(10)
    content["machine"] = {
        "listen": port, "first_port": port + 1, "ports": 9, "rate": None, "access_log": str(folder / "access.json"),
    }  # fmt: skip
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    team.ada.run("weighlock", "render", "production")
    subprocess.run(["git", "clone", "-q", str(team.remote), str(folder / "machine")], check=True)
    found = Yard(team.ada, folder / "machine", port, folder / "models.json")
    found.fault()
    found.push("feat: where it runs")
    return found


def clear(yard: Yard) -> None:
    site = yard.site
    for instance in site.runner.running():
        site.runner.stop(instance)
    if master := site.front.master():
        master.terminate()
        master.wait(20)


def begin(yard: Yard) -> None:
    yard.move("promote", "v1", "production", "--reason", "the first of them all")
    report = yard.sync()
    assert report.outcome == "SYNCED", report.reason


def test_a_version_that_is_never_ready_changes_nothing_and_is_reported(yard: Yard) -> None:
    begin(yard)
    params = yard.ada.path / "params.yaml"
    params.write_text(params.read_text().replace("ready_seconds: 60", "ready_seconds: 1"))
    yard.push("chore: less patience")
    assert yard.sync().outcome == "SYNCED"
    before = yard.whole()
    for fault, said in (("never", "is not ready after 1 s: /readyz gives 503"), ("dies", "ended before it was ready")):
        yard.fault(v2=fault)
        if fault == "never":
            yard.move("promote", "v2", "production")
        with Clients(yard, 2) as clients:
            until(lambda clients=clients: len(clients.answers) > 5, 20)
            report = yard.sync()
        assert (report.outcome, report.code) == ("FAILED", 3)
        assert said in str(report.reason)
        assert clients.failed == []
        assert yard.whole() == before
    assert "the model cannot be read" in str(report.reason)
    yard.fault(v2=None)
    assert yard.sync().outcome == "SYNCED"
    assert yard.runs() == {"v1", "v2"}


def test_a_rollback_does_not_wait_for_a_candidate_that_will_never_be_ready(yard: Yard) -> None:
    begin(yard)
    yard.fault(v2="never")
    yard.move("promote", "v2", "production")
    found: list[Report] = []
    syncing = threading.Thread(target=lambda: found.append(yard.sync()))
    syncing.start()
    # not by `runs`, which sweeps what has ended, and is only for whoever syncs alone
    until(lambda: list((yard.site.folder / "services").glob("v2-*.pid")), 20)
    yard.move("rollback", "production", "--reason", "v2 does not start")

    report = yard.sync()

    syncing.join()
    assert "when the branch moved on" in str(found[0].reason)
    assert (report.outcome, yard.runs()) == ("SYNCED", {"v1"})


def test_a_model_that_is_nowhere_changes_nothing(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(yard)
    before = yard.whole()
    monkeypatch.setattr(sync, "fetch_recorded", fetch_recorded)
    yard.move("promote", "v2", "production")

    report = yard.sync()

    assert report.outcome == "REFUSED"
    assert "is nowhere to be had" in str(report.reason)
    assert yard.whole() == before


def test_a_service_that_is_another_model_gets_no_request(yard: Yard) -> None:
    begin(yard)
    told = json.loads(yard.models.read_text())
    told["v2"]["digest"] = f"sha256:{'f' * 64}"
    yard.models.write_text(json.dumps(told))
    params = yard.ada.path / "params.yaml"
    params.write_text(params.read_text().replace("ready_seconds: 60", "ready_seconds: 1"))
    yard.push("chore: less patience")
    yard.move("promote", "v2", "production")

    report = yard.sync()

    assert "its `digest` is sha256:ffff" in str(report.reason)
    assert yard.runs() == {"v1"}


def test_an_nginx_that_refuses_its_configuration_goes_on_with_the_old_one(yard: Yard) -> None:
    begin(yard)
    before = yard.whole()
    path = yard.ada.path / "deploy/production.yaml"
    content = yaml.safe_load(path.read_text())
    content["machine"]["access_log"] = "/nowhere/at/all.json"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    yard.ada.run("weighlock", "render", "production")
    yard.push("feat: another log")
    yard.move("promote", "v2", "production")

    with Clients(yard, 2) as clients:
        until(lambda: len(clients.answers) > 5, 20)
        report = yard.sync()

    assert (report.outcome, clients.failed) == ("FAILED", [])
    assert 'open() "/nowhere/at/all.json" failed' in str(report.reason)
    assert yard.whole() == before


def test_what_may_not_be_applied_is_refused_and_what_runs_is_kept_up(yard: Yard) -> None:
    begin(yard)
    applied = yard.whole()["head"].decode().strip()
    (one,) = yard.site.runner.running()

    yard.ada.run("git", "commit", "-q", "--amend", "-m", "deploy: another past")
    yard.ada.run("git", "push", "-q", "--force")
    yard.site.runner.stop(one)  # and the service dies meanwhile
    report = yard.sync()
    assert (report.outcome, report.code, report.applied) == ("REFUSED", 2, applied)
    assert f"does not go on from {applied[:9]}" in str(report.reason)
    assert yard.runs() == {"v1"}
    yard.ada.run("git", "reset", "-q", "--hard", applied)
    yard.ada.run("git", "push", "-q", "--force")
    assert yard.sync().outcome == "OK"

    record = yard.ada.path / "releases/v2.yaml"
    text = record.read_text()
    record.write_text(text.replace("0.7", "0.9"))
    bad = yard.push("fix: a typo")
    report = yard.sync()
    assert "`releases/v2.yaml` was edited" in str(report.reason)
    record.write_text(text)
    yard.push("fix: back")
    params = yard.ada.path / "params.yaml"
    params.write_text(params.read_text().replace(
        "  known: []", f"  known: [{{commit: {bad}, reason: a typo that was taken back}}]"))  # fmt: skip
    yard.push("chore: looked into")
    report = yard.sync()
    assert "the audit of" in str(report.reason)  # taking it back is an edit, too

    shutil.move(yard.ada.path.parent / "remote.git", yard.ada.path.parent / "away.git")
    report = yard.sync()
    assert (report.outcome, yard.runs()) == ("REFUSED", {"v1"})


def test_rendered_files_edited_by_hand_are_refused_in_git_and_put_back_on_the_machine(yard: Yard) -> None:
    begin(yard)
    site = yard.ada.path / "deploy/rendered/production/machine/weighlock-production.conf"
    site.write_text(site.read_text().replace("keepalive 64", "keepalive 1"))
    yard.push("fix: quicker")
    assert "was edited by hand" in str(yard.sync().reason)
    yard.ada.run("git", "revert", "--no-edit", "HEAD")
    yard.ada.run("git", "push", "-q")
    assert yard.sync().outcome == "SYNCED"

    installed = yard.path / ".weighlock/production/nginx/weighlock-production.conf"
    right = installed.read_text()
    installed.write_text(right.replace("keepalive 64", "keepalive 1"))
    report = yard.sync()
    assert (report.outcome, report.steps) == ("SYNCED", ["reload nginx"])
    assert "changed by hand" in report.notes[0]
    assert installed.read_text() == right


def test_a_signature_is_asked_for_by_the_commit_before(yard: Yard, tmp_path: Path) -> None:
    begin(yard)
    for name in ("ada", "eve"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(tmp_path / name)]
        subprocess.run(words, check=True)
    sign = {"gpg.format": "ssh", "user.signingKey": str(tmp_path / "ada"), "commit.gpgSign": "true"}
    params = yard.ada.path / "params.yaml"
    (yard.ada.path / "signers").write_text(f"ada@example.org {(tmp_path / 'ada.pub').read_text()}")
    params.write_text(
        params.read_text()
        .replace("signatures: optional", "signatures: required")
        .replace("allowed_signers: null", "allowed_signers: signers")
    )
    yard.push("feat: signatures")
    assert yard.sync().outcome == "SYNCED"

    yard.move("promote", "v2", "production")
    assert "the signature of" in str(yard.sync().reason)
    for key, value in sign.items():
        yard.ada.run("git", "config", key, value)
    (yard.ada.path / "notes").write_text("signed\n")
    yard.push("chore: signed")
    assert yard.sync().outcome == "SYNCED"
    (yard.ada.path / "signers").write_text(f"eve@example.org {(tmp_path / 'eve.pub').read_text()}")
    yard.ada.run("git", "config", "user.signingKey", str(tmp_path / "eve"))
    yard.push("feat: let me in")  # a key that only this very commit allows
    assert "the signature of" in str(yard.sync().reason)
    assert yard.runs() == {"v1", "v2"}


def test_a_commit_with_other_code_is_applied_by_that_code_or_taken_back(yard: Yard) -> None:
    begin(yard)
    before = yard.whole()
    (yard.ada.path / "src").mkdir()
    (yard.ada.path / "src/new.py").write_text("")
    commit = yard.push("feat: new code")

    class BeganAnewError(Exception):
        pass

    def renew(came_from: str) -> None:
        raise BeganAnewError(came_from)

    with pytest.raises(BeganAnewError, match=before["head"].decode().strip()):
        yard.sync(renew=renew)
    assert yard.whole()["head"].decode().strip() == commit
    (yard.ada.path / "deploy/production.yaml").write_text("stabel: v1\n")
    yard.push("fix: a typo")
    assert yard.sync(came_from=before["head"].decode().strip()).outcome == "REFUSED"
    assert yard.whole() == before


def test_nothing_stable_stops_everything_and_says_so(yard: Yard) -> None:
    begin(yard)
    path = yard.ada.path / "deploy/production.yaml"
    path.write_text(path.read_text().replace("stable: v1", "stable: null"))
    yard.ada.run("weighlock", "render", "production")
    commit = yard.push("deploy: production: nothing")
    params = yard.ada.path / "params.yaml"
    params.write_text(params.read_text().replace(
        "  known: []", f"  known: [{{commit: {commit}, reason: the model is retired}}]"))  # fmt: skip
    yard.push("chore: looked into")

    report = yard.sync()

    assert (report.outcome, yard.runs()) == ("SYNCED", set())
    assert front.asked(_machine(yard), 503) == ""
    assert yard.sync().outcome == "OK"


def _machine(yard: Yard) -> Any:
    from weighlock.deployment.environment import read_environment

    return read_environment("production", yard.path).machine


@pytest.mark.parametrize("move", ["promote", "rollback"])
def test_killed_before_any_step_it_comes_to_the_same_end_and_no_request_fails(yard: Yard, move: str) -> None:
    begin(yard)
    yard.move("promote", "v2", "production")
    if move == "rollback":
        yard.sync()
        yard.move("advance", "production", "--to", "stable", "--reason", "in a hurry")
        yard.sync()
        yard.move("rollback", "production", "--reason", "it is wrong about all")
    wanted = {"v1", "v2"} if move == "promote" else {"v1"}
    dice, step, killed = random.Random(7), 0, 0
    with Clients(yard, 2) as clients:
        until(lambda: len(clients.answers) > 5, 20)
        while killed < 60:
            step += dice.randint(3, 12)
            if not dies_at(step, yard):
                break
            killed += 1
        report = yard.sync()

    assert killed > 5
    assert report.applied == yard.sync().commit
    assert (yard.runs(), clients.failed) == (wanted, [])
    names = {path.stem for path in (yard.path / ".weighlock/production/services").glob("*.lock")}
    assert {name.partition("-")[0] for name in names} == wanted


def dies_at(step: int, yard: Yard) -> bool:
    """Sync in a fork that ends as by `kill -9` before its step number `step`; whether it did."""
    child = os.fork()
    if child == 0:
        left = step

        def counted(call: Any) -> Any:
            def run(*args: Any, **options: Any) -> Any:
                nonlocal left
                left -= 1
                if left == 0:
                    os._exit(137)
                return call(*args, **options)

            return run

        subprocess.Popen.__init__ = counted(subprocess.Popen.__init__)  # type: ignore[method-assign]
        os.kill = counted(os.kill)
        for name in ("replace", "unlink", "mkdir"):
            setattr(Path, name, counted(getattr(Path, name)))
        try:
            yard.sync()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 137


def test_the_machines_own_nginx_keeps_what_others_have_in_it(nginx: None, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    others, port = free_port(), free_port()
    sites = tmp_path / "conf.d"
    sites.mkdir()
    (sites / "others.conf").write_text(f"server {{ listen 127.0.0.1:{others}; return 204; }}\n")
    main = tmp_path / "main.conf"
    main.write_text(
        f"pid {tmp_path}/nginx.pid; error_log {tmp_path}/error.log;\nevents {{ }}\n"
        f"http {{ access_log off; include {sites}/*.conf; }}\n"
    )
    nginx = ("nginx", "-p", str(tmp_path), "-e", f"{tmp_path}/error.log", "-c", str(main))
    reload = (*nginx, "-s", "reload")
    name = front.site_of("production")
    site = front.Front(sites, (name,), tmp_path / "kept", tmp_path / "nginx.pid", nginx, nginx, reload, reload)
    subprocess.run(nginx, check=True)

    def files(log: str) -> dict[str, str]:
        machine = Machine(listen=port, access_log=log, rate=None)
        rendered = render("production", Environment(stable=None, machine=machine), {})
        return front.shared_files("production", {p.removeprefix("machine/"): t for p, t in rendered.items()})

    def answers() -> str:
        return front.asked(Machine(listen=port), 503)

    try:
        with pytest.raises(StepFailedError, match="/nowhere/x"):
            site.switch(files("/nowhere/x"), answers)
        assert not (sites / name).exists()  # there was none before
        site.switch(files(str(tmp_path / "access.json")), answers)
        assert (answers(), site.untouched()) == ("", True)
        with pytest.raises(StepFailedError, match="/nowhere/x"):
            site.switch(files("/nowhere/x"), answers)
        with pytest.raises(StepFailedError, match="gives 503, not 200"):
            site.switch(files(str(tmp_path / "other.json")), lambda: front.asked(Machine(listen=port), 200))
        assert (answers(), site.untouched()) == ("", True)
        assert subprocess.run(["curl", "-sf", f"http://127.0.0.1:{others}"], check=False).returncode == 0
        until(site.drained, 20)
    finally:
        master = site.master()
        assert master
        master.terminate()
        master.wait(20)
