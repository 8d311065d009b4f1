"""`make story`: a model's life, from a changed parameter to a rollback and the audit, each act as it happens.

Real are git, the commands, the pipeline on a small table, the workflows under act, nginx, the services and their
clients. GitHub is a mock that knows GitHub's published description; docker and cosign are stand-ins; the two weeks in
which parts grow hotter are lived by the service's own clock.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, SMALL_PARAMS, Clone, Project, small_table
from drill import Clients, Fleet, answered
from github import events
from github.fixtures import Host
from github.repository import Repository
from nginx_server import NoNginxError, free_port, install
from served import add_key
from shipped import APP, act, merge, pushed, state, with_tools
from told import Voice

CLOCK = ROOT / "tests/e2e/clock"
DAY = 86_400
POLICY = """\
release: {name: parts, card: {use: 'Says which parts break.', not_for: [], limits: []}}
monitoring: {log_url: null}
watch: {window: 7d, max_age: null}
deploy:
  rollout: {advance: commit, rollback: commit}
  judge: {must_show: [error_rate], min_requests: 150, error_rate: {margin: 0.05}}
"""
WEAKER = SMALL_PARAMS.replace("C: 1.0", "C: 0.01").replace('"2024-03-31"', '"2024-03-17"')
BETTER = WEAKER.replace("C: 0.01", "C: 1.0")
BAD = """\
  learners:
    linear: {trials: 1, fixed: {C: 0.000001}}
"""
REASON = "v2 says that cold parts break, as support has seen"


@dataclass
class World:
    """Everyone in the story."""

    shop: Repository
    fleet: Fleet
    voice: Voice
    clock: Path

    @property
    def ada(self) -> Project:
        """The data scientist's clone."""
        return self.shop.project

    def pull(self) -> None:
        """Ada's clone, as main is."""
        self.ada.run("git", "checkout", "-q", "main")
        self.ada.run("git", "pull", "-q", "--ff-only")

    def sync(self) -> None:
        """The machine brings about what git wants."""
        words = ("weighlock", "sync", "production", "--runner", "process")
        self.voice.run(self.fleet.machine, *words, show=r"^SYNCED", STORY_CLOCK=str(self.clock))

    def ship(self, workflow: str, event: events.Event, show: str, **more: object) -> None:
        """A workflow of a GitHub that has an App."""
        self.voice.ran(workflow, act(self.shop, workflow, event, **{**APP, **more}).passed(), show)


@pytest.fixture(scope="module")
def world(with_model: Clone, host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """v1 is stable in production: nginx and its service answer."""
    try:
        install()
    except NoNginxError as reason:
        pytest.skip(f"NOT TESTED: the story. {reason}")
    folder, voice = tmp_path_factory.mktemp("story"), Voice()
    voice.act("v1 is in production", "A small table of parts that break when they are hot; a recipe; a machine.")
    ada = with_model("story")
    port, first = free_port(), free_port()
    path = ada.path / "deploy/production.yaml"
    content = yaml.safe_load(path.read_text())
    files = {"access_log": str(folder / "access.json"), "log": str(folder / "log")}
    content |= {
        "steps": [50, 100], "replicas": 1,
        "machine": {"listen": port, "first_port": first, "ports": 50, "rate": None, **files},
    }  # fmt: skip
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    (ada.path / "params.yaml").write_text(WEAKER + POLICY)
    voice.run(ada, "dvc", "repro", "-q")
    ada.run("weighlock", "render", "production")
    ada.commit("feat: parts that break")
    shop = with_tools(host(ada), folder / "bin")
    ada.run("git", "branch", "-q", "--set-upstream-to", "origin/main", "main")
    voice.run(ada, "weighlock", "gate", "--champion", "none", show="^PASS")
    voice.run(ada, "weighlock", "release", "--tag", "--push", show="recorded")
    for environment in ("staging", "production"):
        voice.run(ada, "weighlock", "promote", "v1", environment, "--push", show="deploy:")
    env = {**ada.env, "PYTHONPATH": f"{CLOCK}:{folder / 'machine/src'}"}
    machine = Project(folder / "machine", env)
    machine.path.parent.chmod(0o755)
    ada.run("git", "clone", "-q", str(shop.github.origin), str(machine.path))
    machine.run("dvc", "cache", "dir", "--local", str(ada.path / ".dvc/cache"))
    fleet = Fleet(ada, machine, shop.github.origin, port, add_key(machine, scope="predict"))
    clock = folder / "clock"
    clock.write_text("0")
    found = World(shop, fleet, voice, clock)
    try:
        found.sync()
        yield found
    finally:
        fleet.end()


def test_the_story(world: World) -> None:
    with Clients(world.fleet, number=4, pause=0.01) as clients:
        answered(clients, 20)
        weighed(world)
        released(world)
        canary(world, clients)
    drifted(world)
    retrained(world)
    refused(world)
    with Clients(world.fleet, number=4) as clients:
        answered(clients, 50)
        rolled_back(world, clients)
    audited(world)


def weighed(world: World) -> None:
    voice, github = world.voice, world.shop.github
    voice.act("a parameter is changed on a branch", "Ada regularises less. Main's code weighs what her branch has trained.")
    world.shop.start("less-regularised")
    (world.ada.path / "params.yaml").write_text(BETTER + POLICY)
    voice.run(world.ada, "dvc", "repro", "-q")
    world.shop.commit("less-regularised", "feat: regularise less")
    pull = world.shop.open_pull("less-regularised", "Regularise less")
    first = voice.ran("reproduce.yml", act(world.shop, "reproduce.yml", events.pull_request(github, pull)))
    voice.ran("weigh.yml", act(world.shop, "weigh.yml", events.workflow_run(github, first)))
    status = github.status(pull.head_sha, "weighlock/gate")
    assert status is not None
    voice.say(f"status weighlock/gate: {status.state}: {status.description}", "the comment:")
    voice.lines(github.comments_on(pull.number)[0].body, r"^#|^\*\*|log_loss")
    assert status.state == "success"


def released(world: World) -> None:
    voice, github = world.voice, world.shop.github
    voice.act("merged, released, promoted to staging", "An image is built, tried, scanned and signed; one pull request holds it all.")
    before = merge(world.shop, github.pulls[0])
    run = pushed(world.shop, before, "release.yml", **APP).passed()
    voice.ran("release.yml", run, r"^ok |recorded|assets|^[0-9a-f]{9}  deploy|pull request made")
    pull = next(pull for pull in github.pulls if pull.state == "open")
    world.ship("deploy.yml", events.pull_request(github, pull), r"^ok |nothing that an engine refuses|as `deploy")
    merge(world.shop, pull)
    voice.say(f"merged: {pull.title}; staging's stable is {state(world.shop, 'staging')['stable']}")


def canary(world: World, clients: Clients) -> None:
    voice, machine = world.voice, world.fleet.machine
    voice.act("a canary in production, under load", "Half of the entities get v2; the judge looks as often as it likes.")
    world.pull()
    voice.run(world.ada, "weighlock", "promote", "v2", "production", "--push", show="deploy:")
    world.sync()
    ports = json.loads((machine.path / "reports/sync/production.json").read_text())["serves"]
    urls = " ".join(f"{one['variant']}=http://127.0.0.1:{one['port']}" for one in ports)
    given = {"variables": {**APP["variables"], "WEIGHLOCK_JUDGE_URLS": urls}}
    for more in (20, 1000):
        answered(clients, more)
        world.ship("rollout.yml", events.schedule(world.shop.github), r"^HOLD|^ADVANCE|requests failed|first look|^commit:", **given)
    world.pull()
    assert state(world.shop, "production")["candidate"]["route"] == {"weight": 100}
    voice.run(world.ada, "weighlock", "advance", "production", "--push", show="deploy:")
    world.sync()
    assert clients.since(answered(clients, 100)) == {"v2"}
    voice.say(f"{len(clients.answers):,} answers, {len(clients.failed)} failed")
    assert clients.failed == []


def drifted(world: World) -> None:
    voice, machine = world.voice, world.fleet.machine
    voice.act("two weeks later, parts come in hotter", "Real rows through nginx and the service, whose clock moves on from day to day.")
    rows = small_table()
    rows["heat"] = (rows["heat"] + 25).clip(upper=100)
    for day in range(1, 15):
        world.clock.write_text(str(day * DAY))
        chosen = rows.sample(60, random_state=day)
        body = [{"heat": r.heat, "load": None if r.load != r.load else r.load, "colour": r.colour} for r in chosen.itertuples()]
        assert predict(world.fleet, body) == 200
    at = str((pd_now() + pd_days(15)).date())
    said = voice.run(
        machine, "weighlock", "watch", "production", "--at", at, "--no-evidently", "--log-dir", str(log_of(world)),
        show=r"^RETRAIN|heat|colour", code=None,
    )  # fmt: skip
    assert "RETRAIN" in said
