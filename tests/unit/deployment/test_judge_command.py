"""`weighlock judge`: from git, counters and logs to the exit code and the files."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.deployment.judged import Rollout, Service, after, row, truth, write_log

from weighlock.cli import main
from weighlock.deployment.judge_policy import JudgeParams
from weighlock.deployment.judge_sources import sources_of
from weighlock.deployment.judge_step import wanted
from weighlock.deployment.policy import read_deploy
from weighlock.errors import ConfigError, EvidenceError
from weighlock.setup.policy import deploy_policy

pytestmark = pytest.mark.processes

REPOSITORY = Path(__file__).parents[3]
PARAMS = (REPOSITORY / "params.yaml").read_text()
POLICY = (
    "deploy: {judge: {min_requests: 50, must_show: [error_rate], error_rate: {margin: 0.05}, loss: {margin: 0.5}}}\n"
)


@pytest.fixture
def rollout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, release_of: Any) -> Rollout:
    made = Rollout(tmp_path, release_of)
    head = PARAMS.partition("\ndeploy:")[0]
    (tmp_path / "params.yaml").write_text(f"{head}\n{POLICY}")
    (tmp_path / "schema.yaml").write_bytes((REPOSITORY / "schema.yaml").read_bytes())
    made.commit("stable: v1\n", -5)
    made.route("weight: 10")
    monkeypatch.chdir(tmp_path)
    return made


def judge(*words: str, hours: float = 1.0) -> int:
    return main(["judge", "production", "--at", after(hours).isoformat(), *words])


def record() -> Any:
    return json.loads(Path("reports/judge/production/judge.json").read_text())


def test_a_candidate_that_fails_is_rolled_back_and_one_that_does_not_goes_on(
    rollout: Rollout, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    out = tmp_path / "output"
    monkeypatch.setenv("GITHUB_OUTPUT", str(out))
    stable, candidate = Service("stable"), Service("candidate")
    with stable.running() as old, candidate.running() as new:
        urls = ["--url", f"stable={old}", "--url", f"candidate={new}"]
        assert judge(*urls) == 4
        assert "This is the first look at the counters in this step" in capsys.readouterr().out
        stable.answer(times=900)
        candidate.answer(times=200)
        assert judge(*urls) == 0
        assert record()["outcome"] == "ADVANCE"
        candidate.answer(503, times=30)
        stable.answer(times=100)
        candidate.begin_anew()
        candidate.answer(503, times=30)
        assert judge(*urls) == 3

    said = capsys.readouterr().out
    assert "ROLLBACK" in said
    assert "Services of the candidate began anew 1 times between looks" in said
    assert "# ROLLBACK: `v2` beside `v1` in `production`" in Path("reports/judge/production/judge.md").read_text()
    told = [line.partition("=")[::2] for line in out.read_text().splitlines()]
    assert [value for name, value in told if name == "outcome"] == ["HOLD", "ADVANCE", "ROLLBACK"]
    content = Path("reports/judge/production/judge.json").read_bytes()
    assert told[-1] == ("evidence", f"sha256:{hashlib.sha256(content).hexdigest()}")


def test_logs_alone_are_judged_and_printed_as_json(rollout: Rollout, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        row(f"{v}{i}", v, 0.9 if v == "candidate" else 0.2, entity=f"{v}{i}")
        for v in ("candidate", "stable")
        for i in range(150)
    ]
    write_log(Path("log"), *rows, *(truth(each.id, "false") for each in rows))

    assert judge("--log-dir", "log", "--json") == 3

    printed = json.loads(capsys.readouterr().out)
    assert printed == record()
    results = {check["name"]: check["result"] for check in printed["checks"]}
    assert results == {"error_rate": "not run", "latency": "not run", "score": "worse", "loss": "worse"}
    assert printed["step"]["digests"] == ["sha256:" + "a" * 64, "sha256:" + "c" * 64]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Nothing says how the variants are doing"),
        (["--url", "canary=http://x"], "--url `canary=http://x` should be"),
        (["--url", "stable=http://127.0.0.1:9"], "--url names no service of the candidate variant"),
        (["--url", "stable=http://127.0.0.1:9", "--url", "candidate=http://127.0.0.1:9"], "does not answer"),
    ],
)
def test_missing_evidence_is_2(
    rollout: Rollout, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert judge(*words) == 2
    assert said in capsys.readouterr().err


def test_a_machine_s_own_services_and_log_need_not_be_named(rollout: Rollout, tmp_path: Path) -> None:
    machine = f"machine: {{first_port: 3100, log: {tmp_path}/log}}\n"
    rollout.commit(f"stable: v1\ncandidate: {{release: v2, route: {{weight: 10}}}}\n{machine}", 2)
    (tmp_path / "log").mkdir()

    found = sources_of(wanted("production", rollout.root), [], [], [], None)

    assert found.urls == {"stable": ["http://127.0.0.1:3101"], "candidate": ["http://127.0.0.1:3102"]}
    assert found.logs == [f"{tmp_path}/log"]


def test_a_service_that_is_gone_when_max_hold_is_over_is_judged_all_the_same(rollout: Rollout) -> None:
    assert judge("--url", "stable=http://127.0.0.1:9", "--url", "candidate=http://127.0.0.1:9", hours=24 * 8) == 3
    assert "max_hold" in record()["reasons"][0]
    assert any("does not answer" in reason for reason in record()["reasons"])


def test_the_step_is_what_git_wants_and_since_when(rollout: Rollout) -> None:
    rollout.route("weight: 50", 2)
    rollout.commit((rollout.root / "deploy/production.yaml").read_text() + "replicas: 3\n", 3)

    found = wanted("production", rollout.root)

    assert (found.stable.version, found.candidate.version) == ("v1", "v2")
    assert (found.since, found.before) == (after(2), after(0))
    assert (found.alone, found.mirrored) == (False, False)
    assert found.key.startswith('v1 v2 {"weight":50.0} 2026-01-31T14:00:00Z')


def test_edits_that_are_not_committed_are_not_what_git_wants(rollout: Rollout) -> None:
    (rollout.root / "deploy/production.yaml").write_text("stable: v2\n")

    assert wanted("production", rollout.root).since == after(0)


def test_without_a_candidate_there_is_nothing_to_judge(rollout: Rollout) -> None:
    rollout.commit("stable: v1\n", 1)

    with pytest.raises(EvidenceError, match="has no candidate"):
        wanted("production", rollout.root)
    with pytest.raises(ConfigError, match="no environment `staging`"):
        wanted("staging", rollout.root)


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("{alfa: 0.1}", "`judge.alfa` is not a known key. Did you mean `alpha`"),
        ("{split: {loss: 0.5}}", "should not add up to more than 1"),
        ("{split: {loss: 0.0}}", "give each figure something"),
        ("{error_rate: {statuses: [5x]}}", "should be a status"),
        ("{loss: {metric: brier, cap: 2.0}}", "`cap` should be 1"),
        ("{loss: {metric: log_loss, cap: 2.0, margin: 2.0}}", "should be below `cap`"),
        ("{max_hold: soon}", "should be a duration"),
    ],
)
def test_a_policy_that_is_wrong_is_named(rollout: Rollout, policy: str, said: str) -> None:
    text = (rollout.root / "params.yaml").read_text().replace(POLICY, f"deploy: {{judge: {policy}}}\n")
    (rollout.root / "params.yaml").write_text(text)

    with pytest.raises(ConfigError, match=said):
        read_deploy()


def test_rules_are_the_policy_s(rollout: Rollout) -> None:
    rules = JudgeParams().rules()

    assert rules.max_hold == dt.timedelta(days=7).total_seconds()
    assert (rules.harm["error_rate"], rules.harm["latency"], rules.harm["score"], rules.harm["loss"]) == (1, 2, 0.15, 0)
    assert sum(rules.split.values()) == pytest.approx(1)
    assert read_deploy().judge.rules().margin["error_rate"] == 0.05


@pytest.mark.parametrize(
    ("task", "metric"), [("binary", "brier"), ("multiclass", "brier"), ("regression", "absolute_error")]
)
def test_init_and_the_shipped_policy_are_the_defaults(task: str, metric: str) -> None:
    made = deploy_policy(task)["judge"]

    assert (
        JudgeParams.model_validate(made).model_dump()
        == JudgeParams()
        .model_copy(update={"loss": JudgeParams().loss.model_copy(update={"metric": metric})})
        .model_dump()
    )
    assert read_deploy(REPOSITORY / "params.yaml").judge == JudgeParams()
