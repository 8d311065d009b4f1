"""`make story`: a model's life, from a changed parameter to a rollback and the audit, each act as it happens.

Real are git, the commands, the pipeline on a small table, the workflows under act, nginx, the services and their
clients. GitHub is a mock that knows GitHub's published description; docker and cosign are stand-ins; the two weeks in
which parts grow hotter are lived by the service's own clock.
"""

from __future__ import annotations

import datetime as dt
import http.client
import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, SMALL_PARAMS, Clone, Project, small_table, with_small_table
from drill import Clients, Fleet, answered
from github import events
from github.fixtures import Host
from github.repository import PERSON, Repository
from served import add_key
from shipped import APP, act, pushed, state, with_tools
from told import Voice

from support.ports import free_ports

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
ONE = re.sub(r"    lightgbm: .*\n", "", SMALL_PARAMS)  # one learner: training takes seconds
ONE = ONE.replace("better: lower, margin: 0.2}", "better: lower, margin: 0.02}")  # a bad model is to be shown as one
WEAKER = ONE.replace("C: 1.0", "C: 0.01").replace('"2024-03-31"', '"2024-03-17"') + POLICY
BETTER, BAD = (WEAKER.replace("C: 0.01", f"C: {c}") for c in (1.0, 0.0005))
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
def world(nginx: None, clone: Clone, host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """v1 is stable in production: nginx and its service answer."""
    folder, voice = tmp_path_factory.mktemp("story"), Voice()
    voice.act("v1 is in production", "A small table of parts that break when they are hot; a recipe; a machine.")
    ada = with_small_table(clone("story"))
    port = free_ports(10)
    path = ada.path / "deploy/production.yaml"
    content = yaml.safe_load(path.read_text())
    files = {"access_log": str(folder / "access.json"), "log": str(folder / "log")}
    content |= {
        "steps": [50, 100], "replicas": 1,
        "machine": {"listen": port, "first_port": port + 1, "ports": 9, "rate": None, **files},
    }  # fmt: skip
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    (ada.path / "params.yaml").write_text(WEAKER)
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
    weighed(world)
    released(world)
    with Clients(world.fleet, size=4, pause=0.01) as clients:
        canary(world, clients)
    drifted(world)
    retrained(world)
    refused(world)
    with Clients(world.fleet, size=4) as clients:
        rolled_back(world, clients)
    audited(world)


def weighed(world: World) -> None:
    about = "Ada regularises less. Main's code weighs what her branch has trained."
    world.voice.act("a parameter is changed on a branch", about)
    proposed(world, "less-regularised", "Regularise less", BETTER, "success")


def proposed(world: World, branch: str, title: str, params: str, state: str) -> None:
    """A branch with other parameters, its pull request, and what main says of it."""
    voice, github = world.voice, world.shop.github
    world.shop.start(branch)
    (world.ada.path / "params.yaml").write_text(params)
    voice.run(world.ada, "dvc", "repro", "-q")
    voice.run(world.ada, "git", "push", "-q", "origin", f"HEAD:{branch}")
    world.shop.commit(branch, f"feat: {title.lower()}")
    pull = world.shop.open_pull(branch, title)
    first = voice.ran("reproduce.yml", act(world.shop, "reproduce.yml", events.pull_request(github, pull)))
    voice.ran("weigh.yml", act(world.shop, "weigh.yml", events.workflow_run(github, first)))
    status = github.status(pull.head_sha, "weighlock/gate")
    assert status is not None
    voice.say(f"status weighlock/gate: {status.state}: {status.description}", "the comment on the pull request:")
    voice.lines(github.comments_on(pull.number)[0].body, r"^## |^\*\*The|^\| `log_loss`")
    assert status.state == state


def released(world: World) -> None:
    voice, github = world.voice, world.shop.github
    about = "An image is built, tried, scanned and signed; one pull request holds it all."
    voice.act("merged, released, promoted to staging", about)
    before = world.shop.merge(github.pulls[0])
    run = pushed(world.shop, before, "release.yml", **APP).passed()
    voice.ran("release.yml", run, r"^ok |recorded|assets|^[0-9a-f]{9}  deploy|pull request made")
    pull = next(pull for pull in github.pulls if pull.state == "open")
    world.ship("deploy.yml", events.pull_request(github, pull), r"^ok |nothing that an engine refuses|as `deploy")
    world.shop.merge(pull)
    voice.say(f"merged: {pull.title}; staging's stable is {state(world.shop, 'staging')['stable']}")


def canary(world: World, clients: Clients) -> None:
    voice, machine = world.voice, world.fleet.machine
    voice.act(
        "a canary in production, under load", "Half of the entities get v2; the judge looks as often as it likes."
    )
    world.pull()
    voice.run(world.ada, "weighlock", "promote", "v2", "production", "--push", show="deploy:")
    world.sync()
    ports = json.loads((machine.path / "reports/sync/production.json").read_text())["serves"]
    urls = " ".join(f"{one['variant']}=http://127.0.0.1:{one['port']}" for one in ports)
    given = {"variables": {**APP["variables"], "WEIGHLOCK_JUDGE_URLS": urls}}
    for more in (20, 1000):
        answered(clients, more)
        event = events.schedule(world.shop.github)
        world.ship("rollout.yml", event, r"^HOLD|^ADVANCE|requests failed|first look|^commit:", **given)
    world.pull()
    assert state(world.shop, "production")["candidate"]["route"] == {"weight": 100}
    voice.run(world.ada, "weighlock", "advance", "production", "--push", show="deploy:")
    world.sync()
    assert clients.since(answered(clients, 100)) == {"v2"}
    voice.say(f"{len(clients.answers):,} answers, {len(clients.failed)} failed")
    assert clients.failed == []


def drifted(world: World) -> None:
    voice, fleet = world.voice, world.fleet
    voice.act(
        "two weeks later, parts come in hotter",
        "Real rows through nginx and the service, whose clock moves on from day to day.",
    )
    rows = small_table()
    rows["heat"] = (rows["heat"] + 25).clip(upper=100)
    for day in range(1, 15):
        world.clock.write_text(str(day * DAY))
        chosen = json.loads(rows.sample(60, random_state=day)[["heat", "load", "colour"]].to_json(orient="records"))
        assert predicted(fleet, chosen) == 200
    at = (dt.datetime.now(dt.UTC) + dt.timedelta(days=15)).date().isoformat()
    words = (
        "weighlock",
        "watch",
        "production",
        "--at",
        at,
        "--no-evidently",
        "--log-dir",
        str(world.clock.parent / "log"),
    )
    said = voice.run(fleet.machine, *words, show=r"RETRAIN|`heat`", code=3)
    assert "RETRAIN" in said


def predicted(fleet: Fleet, rows: list[dict[str, object]]) -> int:
    """A request through nginx; its status."""
    connection = http.client.HTTPConnection("127.0.0.1", fleet.port, timeout=20)
    headers = {"Authorization": f"Bearer {fleet.key}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/predict", json.dumps({"rows": rows}), headers)
    with closing(connection), connection.getresponse() as answer:
        answer.read()
        return answer.status


def retrained(world: World) -> None:
    voice, github, ada = world.voice, world.shop.github, world.ada
    voice.act("a retraining is proposed", "With the watch's verdict as its reason, and the gate's as its proof.")
    world.pull()
    verdict = str(world.fleet.machine.path / "reports/watch/production/watch.json")
    voice.run(ada, "weighlock", "retrain", "--push", "--verdict", verdict, show="^Retrain|new rows", code=None)
    token = {"GITHUB_TOKEN": PERSON, "GITHUB_API_URL": github.url, "GITHUB_REPOSITORY": github.repository}
    request = ("weighlock", "github", "pull-request", "--record", "reports/retrain/pull-request.json")
    voice.run(ada, *request, show="pull request", **token)
    pull = next(pull for pull in github.pulls if pull.head.startswith("retrain/"))
    voice.lines(pull.body, r"^The window|^The watch|^- `heat`|^\| `log_loss` ↓")


def refused(world: World) -> None:
    world.voice.act("a bad model is refused", "Someone regularises far too much; the required status turns red.")
    proposed(world, "too-regularised", "Regularise far more", BAD, "failure")


def rolled_back(world: World, clients: Clients) -> None:
    voice = world.voice
    voice.act("production is rolled back", "One click, with a reason; the App commits, the machine follows.")
    wish = {"environment": "production", "version": "previous", "reason": REASON}
    world.ship("rollback.yml", events.dispatch(world.shop.github, wish), r"^[0-9a-f]{9}  deploy|^commit:")
    pushed_at = world.fleet.pushed_at()
    world.sync()
    assert clients.since(answered(clients, 50)) == {"v1"}
    voice.say(
        f"{clients.last('v2') - pushed_at:.1f} s from the commit to the last answer by v2; "
        f"{len(clients.answers):,} answers, {len(clients.failed)} failed"
    )
    assert clients.failed == []


def audited(world: World) -> None:
    voice = world.voice
    voice.act("the audit", "Who ran what when, from git alone.")
    world.pull()
    said = voice.run(world.ada, "weighlock", "audit", show=r"^20\d\d-|^OK")
    assert "back to v1, v2 blocked" in said
    voice.end()
    voice.say("", f"{len(voice.acts)} acts in {voice.seconds:.0f} s.")
