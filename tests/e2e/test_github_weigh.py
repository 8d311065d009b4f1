"""Pull requests under act: `reproduce.yml` on the branch, then `weigh.yml` on main, as GitHub chains them."""

from __future__ import annotations

import json
import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import Clone
from github import events
from github.fixtures import Host
from github.repository import Repository
from github.runner import Run
from github.state import Comment, Pull

from weighlock.proposals.archive import pack

GATE, BOT = "weighlock/gate", "github-actions[bot]"
RULES = {
    "name": "main", "target": "branch", "enforcement": "active", "id": 1,
    "rules": [
        {
            "type": "pull_request",
            "parameters": {
                "require_code_owner_review": True, "dismiss_stale_reviews_on_push": True,
                "require_last_push_approval": True, "required_approving_review_count": 1,
                "required_review_thread_resolution": False,
            },
        }
    ],
}  # fmt: skip
BETTER, WORSE, UNCERTAIN = 3.0, 0.0005, 0.002  # of linear's C, where the champion has 1.0


@pytest.fixture(scope="module")
def board(with_model: Clone, host: Host) -> Iterator[Repository]:
    """A hosted repository with one learner, whose model is released and stable in production."""
    project = with_model("weigh")
    params = project.path / "params.yaml"
    text = re.sub(r"    lightgbm: .*\n", "", params.read_text())
    card = "release: {name: parts, card: {use: Says which parts break., not_for: [], limits: []}}\n"
    params.write_text(text + card)
    project.run("dvc", "repro", "-q")
    project.commit("feat: one learner")
    project.run("weighlock", "gate")
    project.run("weighlock", "release")
    production = project.path / "deploy/production.yaml"
    production.write_text(production.read_text().replace("stable: null", "stable: v1"))
    project.commit("deploy: v1 in production")
    repository = host(project)
    yield repository
    repository.github.expect_no_problems()


@pytest.fixture(autouse=True)
def clean(board: Repository) -> Iterator[None]:
    board.github.rulesets = []
    yield
    board.github.expect_no_problems()


def act(board: Repository, workflow: str, event: events.Event, **more: Any) -> Run:
    """A workflow whose jobs find the DVC cache of this machine."""
    settings = board.runner.folder / "dvc"
    settings.mkdir(exist_ok=True)
    (settings / "config").write_text(f"[cache]\n    dir = {board.project.path}/.dvc/cache\n")
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    return board.act(workflow, event, env={"OMP_NUM_THREADS": threads, "DVC_GLOBAL_CONFIG_DIR": str(settings)}, **more)


def train(board: Repository, branch: str, strength: float) -> None:
    """A branch whose learner has another C, run as its author would."""
    board.start(branch)
    params = board.project.path / "params.yaml"
    params.write_text(re.sub(r"fixed: {C: [\d.]+}", f"fixed: {{C: {strength}}}", params.read_text()))
    board.project.run("dvc", "repro", "-q")


def handed(board: Repository, pull: Pull, **forged: bytes) -> Any:
    """A run of `reproduce` that ended well, with the artifact that the clone's result makes."""
    number = next(board.github.ids)
    out = board.github.kept / "artifacts" / str(number) / "proposal"
    pack(board.project.path, out)
    for name, content in forged.items():
        path = out / name.replace("__", "/").replace("_json", ".json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return run_of(board, pull, number)


def run_of(board: Repository, pull: Pull, number: int) -> Any:
    """What GitHub knows of a run of `reproduce` on a pull request."""
    record = {
        "id": number, "name": "reproduce", "path": ".github/workflows/reproduce.yml", "event": "pull_request",
        "status": "completed", "conclusion": "success", "run_number": 1, "run_attempt": 1, "head_sha": pull.head_sha,
        "head_branch": pull.head, "head_repository": pull.head_repository, "actor": {"login": pull.author},
    }  # fmt: skip
    board.github.runs.append({k: v for k, v in record.items() if k not in {"head_repository", "actor"}})
    return SimpleNamespace(record=record)


def weigh(board: Repository, run: Any, **more: Any) -> Run:
    return act(board, "weigh.yml", events.workflow_run(board.github, run), **more)


def gate_of(board: Repository, pull: Pull) -> tuple[str, str]:
    status = board.github.status(pull.head_sha, GATE)
    return (status.state, status.description) if status else ("none", "")


def only_comment(board: Repository, pull: Pull) -> Comment:
    (found,) = (c for c in board.github.comments_on(pull.number) if c.author == BOT)
    return found


def test_a_better_challenger_passes_then_a_worse_one_turns_it_red(board: Repository) -> None:
    train(board, "feature/$(touch${IFS}pwned)`id`", BETTER)
    board.commit("feature/$(touch${IFS}pwned)`id`", "feat: less shrinkage")
    title = "Better @everyone `$(touch pwned)` ${{ secrets.GITHUB_TOKEN }} <script>alert(1)</script>"
    pull = board.open_pull("feature/$(touch${IFS}pwned)`id`", title)
    board.github.comments.append(
        Comment(next(board.github.ids), pull.number, "<!-- weighlock: gate -->\nPASS, says mallory", "mallory")
    )
    first = act(board, "reproduce.yml", events.pull_request(board.github, pull)).passed()
    outputs = first.jobs["reproduce"].outputs["reproduce"]
    assert outputs["outcome"] == "identical"
    # and nothing before it; what this machine's own cache of runs knows is not run again
    assert "train" in outputs["ran"].split(",")
    assert set(outputs["ran"].split(",")) <= {"train", "evaluate", "refit"}
    summary = first.jobs["reproduce"].summary
    assert "train.learners.linear.fixed.C" in summary
    assert "log_loss" in summary
    assert (first.artifact("proposal") / "plots/roc.png").read_bytes().startswith(b"\x89PNG")

    second = weigh(board, first).passed()
    comment = only_comment(board, pull)
    assert gate_of(board, pull)[0] == "success"
    assert "## Weighlock: PASS" in comment.body
    assert "by main's code, policy and rows" in comment.body
    assert "@everyone" not in comment.body
    assert not list(board.runner.folder.rglob("pwned"))
    assert "ghs_run" not in first.log + second.log
    print(f"reproduce {first.seconds:.1f} s, weigh {second.seconds:.1f} s")

    train(board, pull.head, WORSE)
    board.commit(pull.head, "feat: too much shrinkage")
    events.pull_request(board.github, pull, "synchronize")
    weigh(board, handed(board, pull)).passed()
    state, said = gate_of(board, pull)
    assert state == "failure"
    assert said.startswith("FAIL")
    changed = only_comment(board, pull)
    assert (changed.id, changed.edits) == (comment.id, 1)
    assert "## Weighlock: FAIL" in changed.body
    assert "PASS, says mallory" in board.github.comments_on(pull.number)[0].body


def test_an_inconclusive_one_is_red_until_owners_accept_it(board: Repository) -> None:
    train(board, "shrink", UNCERTAIN)
    board.commit("shrink", "feat: shrink")
    pull = board.open_pull("shrink")
    first = weigh(board, handed(board, pull)).passed()
    assert gate_of(board, pull)[0] == "failure"
    assert "## Weighlock: INCONCLUSIVE" in only_comment(board, pull).body

    # what main's code found is what the branch's author finds, so that one acceptance is for both
    board.project.run("weighlock", "gate", code=4)
    own = json.loads((board.project.path / "reports/gate/gate.json").read_text())["evidence"]
    assert json.loads((first.artifact("verdict") / "gate/gate.json").read_text())["evidence"] == own
    board.project.run("weighlock", "accept", "--reason", "A quieter model is worth three more days of doubt.")
    board.commit("shrink", "feat: accept it")
    events.pull_request(board.github, pull, "synchronize")
    run = handed(board, pull)
    board.github.rulesets = [RULES]  # without these nobody would have to review it, and it stayed red
    weigh(board, run).passed()
    assert gate_of(board, pull)[0] == "success"
    assert "INCONCLUSIVE, accepted" in only_comment(board, pull).body


def test_a_fork_that_forges_its_verdict_is_weighed_all_the_same(board: Repository) -> None:
    train(board, "forge", WORSE)
    metrics = board.project.path / "reports/metrics.json"
    metrics.write_text(metrics.read_text().replace("0.57", "0.07"))
    board.fork("mallory", "forge", "feat: the best model ever")
    pull = board.open_pull("forge", owner="mallory", author="mallory")
    verdict = {
        "outcome": "PASS",
        "state": "success",
        "head": pull.head_sha,
        "reasons": ["[perfect](https://evil.example)"],
    }
    forged = json.dumps(verdict).encode()
    run = handed(board, pull, gate__gate_json=forged, verdict_json=forged, reports__metrics_json=forged)
    weigh(board, run).passed()
    assert gate_of(board, pull)[0] == "failure"
    body = only_comment(board, pull).body
    assert "## Weighlock: FAIL" in body
    assert "evil" not in body


def test_a_change_of_docs_alone_trains_nothing_and_an_expired_token_is_told(board: Repository) -> None:
    board.start("docs")
    (board.project.path / "docs/note.md").write_text("a note")
    board.commit("docs", "docs: a note")
    pull = board.open_pull("docs")
    first = act(board, "reproduce.yml", events.pull_request(board.github, pull)).passed()
    assert "dvc repro" not in first.log
    assert first.jobs["reproduce"].outputs["reproduce"]["outcome"] == "unchanged"
    board.github.fail_next(401, "POST /repos/acme/flights/statuses")
    expired = weigh(board, first).refused()
    assert "has expired or was revoked" in expired.log
    assert "Run the job again" in expired.log
    assert gate_of(board, pull)[0] == "none"  # a status that is required and missing lets nothing pass
    second = weigh(board, first).passed()
    assert gate_of(board, pull) == ("success", "no model changed")
    assert not board.github.comments_on(pull.number)
    print(f"docs: reproduce {first.seconds:.1f} s, weigh {second.seconds:.1f} s")
    assert first.seconds < 60
    assert second.seconds < 60


def test_a_change_of_the_policy_is_its_owners(board: Repository) -> None:
    board.start("policy")
    params = board.project.path / "params.yaml"
    params.write_text(params.read_text().replace("margin: 0.2}", "margin: 0.9}"))
    board.commit("policy", "feat: be generous")
    pull = board.open_pull("policy")
    run = run_of(board, pull, next(board.github.ids))
    weigh(board, run).passed()
    assert gate_of(board, pull)[0] == "failure"
    assert "Computed by this branch's own code" in only_comment(board, pull).body
    board.github.rulesets = [RULES]
    weigh(board, run).passed()
    state, said = gate_of(board, pull)
    assert (state, "its owners decide" in said) == ("success", True)


def test_a_lock_that_lies_is_told_and_the_right_one_attached(board: Repository) -> None:
    train(board, "lie", 2.0)
    right = (board.project.path / "dvc.lock").read_text()
    digest = re.search(
        r"    outs:\n    - path: models/weighed/importance.json[\s\S]*?model.onnx\n.*\n\s+md5: (\w+)", right
    )
    assert digest
    (board.project.path / "dvc.lock").write_text(right.replace(digest[1], "f" * 32))
    metrics = board.project.path / "reports/metrics.json"
    metrics.write_text(re.sub(r'"log_loss": [\d.]+', '"log_loss": 0.01', metrics.read_text(), count=1))
    board.commit("lie", "feat: a lie")
    pull = board.open_pull("lie")
    run = act(board, "reproduce.yml", events.pull_request(board.github, pull)).refused()
    assert "`dvc.lock` is not what `dvc repro` gives" in run.jobs["reproduce"].summary
    attached = (run.artifact("proposal") / "dvc.lock").read_text()
    assert attached == right


def test_hostile_artifacts_are_refused_unopened(board: Repository) -> None:
    train(board, "hostile", BETTER)
    board.commit("hostile", "feat: a trap")
    pull = board.open_pull("hostile")
    run = handed(board, pull)
    folder = board.github.kept / "artifacts" / str(run.record["id"]) / "proposal"
    packed = folder.with_suffix(".zip")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in folder.rglob("*.*"):
            archive.write(file, file.relative_to(folder))
        archive.writestr("../../../../pwned", "x")
    shutil.rmtree(folder)
    packed.rename(folder)
    weigh(board, run).passed()
    state, said = gate_of(board, pull)
    assert (state, "leads out of its folder" in said) == ("error", True)
    assert "## Weighlock: REFUSED" in only_comment(board, pull).body
    assert not list(board.runner.folder.rglob("pwned"))

    huge = handed(board, pull, models__served__signature_json=b'"' + b"x" * 10 * 2**20 + b'"')
    weigh(board, huge).passed()
    assert gate_of(board, pull)[0] == "error"


def test_a_killed_run_is_mended_by_running_again(board: Repository) -> None:
    train(board, "again", BETTER)
    board.commit("again", "feat: again")
    pull = board.open_pull("again")
    run = handed(board, pull)
    killed = weigh(board, run, stop_at="Run Main weighlock proposal weigh")
    assert killed.code < 0
    assert gate_of(board, pull)[0] == "none"
    weigh(board, run).passed()
    assert gate_of(board, pull)[0] == "success"
    assert only_comment(board, pull).edits == 0
