"""`weighlock judge` with two real services: a canary that goes on, one that fails, and a shadow."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from conftest import Clone, Project
from served import Running, add_key, serving

from weighlock.releases.record import Artifact, Data, Judged, Release, format_release

SHA = "sha256:" + "1" * 64
ENTITIES = 400


@dataclass
class Rollout:
    """Version 1 serves what is served, version 2 the model that was weighed."""

    project: Project
    services: dict[str, Running]

    def route(self, route: str) -> None:
        text = f"stable: v1\ncandidate: {{release: v2, route: {{{route}}}}}\n"
        (self.project.path / "deploy/production.yaml").write_text(text)
        self.project.commit("deploy: another route")

    def judge(self, code: int, *words: str) -> Any:
        urls = [f"--url={variant}=http://127.0.0.1:{service.port}" for variant, service in self.services.items()]
        logs = [f"--log-dir={service.log}" for service in self.services.values()]
        self.project.run("weighlock", "judge", "production", *urls, *logs, *words, code=code)
        return json.loads((self.project.path / "reports/judge/production/judge.json").read_text())

    def ask(self, number: int, bad: int = 0, *, copied: bool = False) -> None:
        """Requests of entities that return: a tenth, or a copy of all, to the candidate, each `bad`th broken."""
        stable, candidate = (_Client(self.services[variant]) for variant in ("stable", "candidate"))
        for i in range(number):
            entity = i * 7 % ENTITIES
            row = {"heat": 20.0 + i % 60, "load": i % 10 / 10, "colour": ("red", "blue")[i % 2]}
            headers = {"X-Entity-Id": f"e{entity}", "X-Request-Id": f"{id(stable)}-{i}"}
            to_candidate = copied or entity % 10 == 0
            if to_candidate:
                broken = bad and i % bad == 0
                candidate.ask({} if broken else row, headers)
            if copied or not to_candidate:
                status, told = stable.ask(row, headers)
                assert status == 200, told
        for client in (stable, candidate):
            client.connection.close()


class _Client:
    def __init__(self, service: Running) -> None:
        self.service = service
        self.connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)

    def ask(self, row: Any, headers: dict[str, str]) -> tuple[int, Any]:
        body = json.dumps({"rows": [row]})
        self.connection.request("POST", "/v1/predict", body, {**self.service.headers(), **headers})
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())


def record(project: Project, version: str, model: str) -> str:
    digest = json.loads((project.path / f"models/{model}/signature.json").read_text())["digest"]
    artifact = Artifact(
        digest=digest, signature=SHA, trained_until=None, files={f"models/{model}/model.onnx": "1" * 32}
    )
    return format_release(
        Release(
            version=version, name="broke", at="2026-01-31T05:15:00Z", by="Ada <ada@example.org>", commit="1" * 40,
            lock=SHA, params=SHA, data=Data(start=None, end=None, outputs={}), weighed=artifact, served=artifact,
            metrics={}, verdict=Judged(outcome="PASS", bootstrap=True, evidence=SHA, champion=None), evidence={},
            bento=None, image=None,
        )
    )  # fmt: skip


@pytest.fixture(scope="module")
def rollout(with_model: Clone) -> Iterator[Rollout]:
    project = with_model("judged")
    for version, model in (("v1", "served"), ("v2", "weighed")):
        (project.path / f"releases/{version}.yaml").write_text(record(project, version, model))
    with (project.path / ".gitignore").open("a") as ignored:
        ignored.write("/log-*/\n/reports/judge/\n")
    key = add_key(project)
    with ExitStack() as stack:
        services = {
            variant: stack.enter_context(serving(project, key, "--model", f"models/{model}", log=f"log-{variant}"))
            for variant, model in (("stable", "served"), ("candidate", "weighed"))
        }
        yield Rollout(project, services)


def test_a_canary_is_judged_from_its_first_look_to_its_end(rollout: Rollout) -> None:
    rollout.route("weight: 10")
    assert "first look" in " ".join(rollout.judge(4)["reasons"])
    rollout.ask(3000)

    found = {check["name"]: check for check in rollout.judge(4)["checks"]}

    assert found["error_rate"]["units"] == [300, 2700]
    assert found["latency"]["result"] in {"fine", "open"}
    assert found["score"]["units"] == [40, 360]  # each entity once
    rollout.ask(3000, bad=20)
    judged = rollout.judge(3)
    assert [check["name"] for check in judged["checks"] if check["result"] == "worse"] == ["error_rate"]
    assert judged["requests"] == 600


def test_a_shadow_s_requests_are_pairs(rollout: Rollout) -> None:
    rollout.route("mirror: 100")
    rollout.judge(4)
    rollout.ask(800, copied=True)

    judged = rollout.judge(4, "--json")

    score = next(check for check in judged["checks"] if check["name"] == "score")
    assert score["units"] == [ENTITIES, ENTITIES]
    assert "changed by" in score["reason"]


def test_a_service_of_another_model_is_no_evidence(rollout: Rollout) -> None:
    url = f"http://127.0.0.1:{rollout.services['stable'].port}"
    words = (f"--url=stable={url}", f"--url=candidate={url}")
    done = rollout.project.run("weighlock", "judge", "production", *words, code=2)

    assert "is not the variant that git wants" in done.stderr
