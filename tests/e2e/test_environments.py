"""Promotion and rollback as people meet them: clones, a remote, someone else at the same time, and bad luck."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Clone, Project, with_small_table
from histories import Team, killed_at, steps_of, tell
from served import add_key, serving

from weighlock.deployment.environment import parse_environment

REASON = "the p99 has doubled"


def begun(story: Any) -> None:
    """Three releases; the first two have been through staging, and the first is stable in production."""
    for version in ("v1", "v2", "v3"):
        story.release(version)
    for version in ("v1", "v2"):
        story.move("staging", stable=version)
    story.move("production", stable="v1")


@pytest.fixture
def team(tmp_path: Path, environment: dict[str, str]) -> Team:
    return tell(tmp_path, environment, begun)


def weighlock(project: Project, *command: str, code: int | None = 0) -> str:
    done = project.run("weighlock", *command, code=code)
    return done.stdout + done.stderr


def head(project: Project, name: str = "HEAD") -> str:
    return project.run("git", "rev-parse", name).stdout.strip()


def state(project: Project, name: str = "production") -> dict[str, Any]:
    return dict(json.loads(project.run("weighlock", "status", name, "--json").stdout)[0])


def test_a_release_goes_its_way_and_comes_back(team: Team) -> None:
    ada, bob = team.ada, team.bob

    said = weighlock(ada, "promote", "v2", "production", "--push")
    assert "deploy: production: flights v2 at 10 %" in said
    assert "Pushed to origin/main" in said
    said = weighlock(bob, "advance", "production", code=2)
    assert "`main` is stale: it lacks 1 commit of `origin/main`" in said
    bob.run("git", "pull", "-q", "--ff-only")
    weighlock(bob, "advance", "production", "--push", "--reason", "nothing odd in an hour")
    ada.run("git", "pull", "-q", "--ff-only")
    assert "50 % passed over" not in weighlock(ada, "history", "production")
    weighlock(ada, "advance", "production", "--to", "stable")
    assert (state(ada)["stable"], state(ada)["candidate"]) == ("v2", None)
    weighlock(ada, "rollback", "production", "--reason", REASON, "--push")

    assert state(ada)["stable"] == "v1"
    assert state(ada)["blocked"] == [{"release": "v2", "reason": REASON}]
    assert REASON in weighlock(ada, "promote", "v2", "production", code=2)
    weighlock(ada, "promote", "v2", "production", "--unblock", "--reason", "it was the disk", "--mirror", "100")
    assert ada.run("git", "status", "--porcelain").stdout == ""
    found = json.loads(weighlock(ada, "audit", "--json"))
    assert (found["outcome"], found["findings"]) == ("OK", [])
    assert [(e["by"], e["what"]) for e in found["events"][-5:]] == [
        ("Ada <ada@example.org>", "v2 at 10 %"),
        ("Bob <bob@example.org>", "v2 at 50 %, was at 10 %"),
        ("Ada <ada@example.org>", "v2 is stable"),
        ("Ada <ada@example.org>", "back to v1, v2 blocked"),
        ("Ada <ada@example.org>", "v2 mirroring 100 %, v2 unblocked"),
    ]
    message = ada.run("git", "log", "-1", "--format=%(trailers:only)").stdout
    assert "Weighlock-Environment: production\nWeighlock-Move: promote\nWeighlock-From: v1\n" in message


def test_a_dry_run_shows_the_difference_and_changes_nothing(team: Team) -> None:
    before = head(team.ada)

    said = weighlock(team.ada, "promote", "v2", "production", "--match", "X-Entity-Id=alice,bob", "--dry-run")

    assert "Would commit: deploy: production: flights v2 for X-Entity-Id = alice, bob" in said
    assert "+  release: v2" in said
    assert "deploy/rendered/production/machine/weighlock-production.conf" in said
    assert head(team.ada) == before
    assert team.ada.run("git", "status", "--porcelain").stdout == ""


def edit(project: Project, path: str, text: str) -> None:
    file = project.path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text((file.read_text() if file.exists() else "") + text)


def tampered(project: Project) -> None:
    edit(project, "releases/v2.yaml", "# better\n")
    project.commit("fix: a typo")
    project.run("git", "push", "-q")


def unproven(project: Project) -> None:
    project.run("git", "rm", "-q", "releases/evidence/v2/gate.json")
    project.commit("chore: tidy")
    project.run("git", "push", "-q")


@pytest.mark.parametrize(
    ("spoil", "command", "said"),
    [
        (None, "promote v9 production", "There is no release `v9`; git holds v1, v2, v3"),
        (None, "promote v9;rm production", "There is no release"),
        (None, "promote v2 test", "does not name `test`"),
        (None, "promote v3 production", "never been stable in staging"),
        (None, "promote v2 production --weight 101", "less than or equal to 100"),
        (None, "promote v2 production --match alice", "should be HEADER=A,B"),
        (None, "promote v2 production --unblock", "needs a `--reason`"),
        (None, "rollback production", "needs a `--reason`"),
        (None, "rollback production --reason bad", "needs a `--reason`"),
        (None, "advance production", "no candidate to advance"),
        (None, "advance production --to half", "weight in percent or `stable`"),
        (tampered, "promote v2 production", "`releases/v2.yaml` was edited."),
        (unproven, "promote v2 production", "`releases/evidence/v2/gate.json` was removed."),
        (lambda p: edit(p, "params.yaml", "# mine\n"), "promote v2 production", "`params.yaml` is not committed"),
        (lambda p: edit(p, "releases/v4.yaml", "version: v4\n"), "promote v4 production",
         "`releases/v4.yaml` is not committed"),
        (lambda p: p.run("git", "switch", "-q", "--detach"), "promote v2 production", "HEAD is detached"),
        (lambda p: (edit(p, "deploy/staging.yaml", "stabel: v1\n"), p.commit("fix: by hand")),
         "promote v2 production", "stabel"),
    ],
)  # fmt: skip
def test_what_is_not_right_is_refused_and_nothing_changes(team: Team, spoil: Any, command: str, said: str) -> None:
    if spoil:
        spoil(team.ada)
    before, files = head(team.ada), team.ada.run("git", "status", "--porcelain").stdout

    found = weighlock(team.ada, *command.split(" "), code=2)

    assert said in found
    assert "Traceback" not in found
    assert (head(team.ada), team.ada.run("git", "status", "--porcelain").stdout) == (before, files)


def test_a_rollback_does_not_wait_for_a_tidy_tree(team: Team) -> None:
    weighlock(team.ada, "promote", "v2", "production")
    edit(team.ada, "params.yaml", "# mine\n")

    assert "v2 taken away and blocked" in weighlock(team.ada, "rollback", "production", "--reason", REASON)
    assert team.ada.run("git", "status", "--porcelain").stdout == " M params.yaml\n"


def test_who_follows_no_branch_is_told(team: Team) -> None:
    team.ada.run("git", "branch", "--unset-upstream")

    assert "nobody can tell whether it is stale" in weighlock(team.ada, "promote", "v2", "production")
    assert "--set-upstream" in weighlock(team.ada, "advance", "production", "--push", code=2)


def together(*calls: Any) -> list[tuple[int, str]]:
    """Run commands at the same time."""
    found: list[tuple[int, str] | None] = [None] * len(calls)
    start = threading.Barrier(len(calls))

    def run(place: int) -> None:
        project, command = calls[place]
        start.wait()
        done = project.run("weighlock", *command, code=None)
        found[place] = (done.returncode, done.stdout + done.stderr)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [one for one in found if one]


def test_of_two_at_once_in_a_clone_one_wins_and_the_other_is_told(team: Team) -> None:
    weighlock(team.ada, "promote", "v3", "staging", "--now")
    before = head(team.ada)

    done = together((team.ada, ["promote", "v2", "production"]), (team.ada, ["promote", "v3", "production"]))

    assert sorted(code for code, _ in done) == [0, 2], done
    assert team.ada.run("git", "rev-list", f"{before}..HEAD").stdout.count("\n") == 1
    assert team.ada.run("git", "status", "--porcelain").stdout == ""
    winner = next(said for code, said in done if code == 0)
    assert state(team.ada)["candidate"]["release"] == ("v2" if "flights v2" in winner else "v3")
    assert json.loads(weighlock(team.ada, "audit", "--json"))["findings"] == []


def test_of_two_at_once_in_two_clones_one_wins_and_the_other_does_as_it_is_told(team: Team) -> None:
    done = together(
        (team.ada, ["promote", "v2", "production", "--push"]),
        (team.bob, ["promote", "v3", "staging", "--now", "--push"]),
    )
    assert sorted(code for code, _ in done) == [0, 2], done
    loser, said = next((p, t) for p, (code, t) in zip((team.ada, team.bob), done, strict=True) if code)

    if "was not pushed" in said:
        loser.run("git", "reset", "-q", "--keep", "HEAD~1")
    loser.run("git", "pull", "-q", "--ff-only")
    again = ["promote", "v2", "production"] if loser is team.ada else ["promote", "v3", "staging", "--now"]
    weighlock(loser, *again, "--push")

    assert (
        head(loser)
        == subprocess.run(
            ["git", "rev-parse", "main"], cwd=team.remote, capture_output=True, text=True, check=True
        ).stdout.strip()
    )
    assert (state(loser)["candidate"]["release"], state(loser, "staging")["stable"]) == ("v2", "v3")
    assert json.loads(weighlock(loser, "audit", "--json"))["findings"] == []


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        (["promote", "v2", "production", "--push"], ("v1", "v2")),
        (["rollback", "production", "--reason", REASON], ("v1", None)),
    ],
)
def test_killed_before_any_step_it_is_completed_or_undone_when_asked_again(
    tmp_path: Path, environment: dict[str, str], command: list[str], wanted: tuple[Any, ...]
) -> None:
    first = tell(tmp_path / "first", environment, begun)
    if command[0] == "rollback":
        weighlock(first.ada, "promote", "v2", "production", "--push")
    before = head(first.ada)

    def anew() -> Project:
        shutil.rmtree(tmp_path / "again", ignore_errors=True)
        shutil.copytree(tmp_path / "first", tmp_path / "again", symlinks=True)
        again = Project(tmp_path / "again/Ada", first.ada.env)
        again.run("git", "remote", "set-url", "origin", str(tmp_path / "again/remote.git"))
        return again

    steps = steps_of(anew(), *command)
    for step in steps:
        again = anew()
        assert killed_at(step, again, *command) is None
        assert killed_at(0, again, *command) == 0

        found = parse_environment((again.path / "deploy/production.yaml").read_text(), "x")
        assert (found.stable, found.candidate and found.candidate.release) == wanted, step
        said = again.run("git", "status", "--porcelain=v2", "--branch").stdout.splitlines()
        assert [line for line in said if not line.startswith("#")] == [], step
        assert f"# branch.ab +{0 if '--push' in command else 1} -0" in said, step
        assert again.run("git", "rev-list", "--count", f"{before}..HEAD").stdout == "1\n", step
        assert again.run("git", "for-each-ref", "refs/worktree").stdout == "", step
    assert len(steps) > 15


def test_an_audit_asks_for_the_whole_history(team: Team, tmp_path: Path) -> None:
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{team.remote}", str(tmp_path / "shallow")], check=True)

    assert "git fetch --unshallow" in weighlock(Project(tmp_path / "shallow", team.ada.env), "audit", code=2)


def test_a_history_that_was_forced_is_told_by_whoever_saw_the_old_one(team: Team) -> None:
    ada, bob = team.ada, team.bob
    ada.run("git", "tag", "-a", "-m", "v3", "flights@v3.0.0", "HEAD~3")
    ada.run("git", "push", "-q", "origin", "flights@v3.0.0")
    seen = head(bob)
    ada.run("git", "filter-branch", "-f", "--tree-filter", "sed -i 's/0.7/0.9/' releases/v3.yaml 2>/dev/null || true",
            "HEAD", FILTER_BRANCH_SQUELCH_WARNING="1")  # fmt: skip
    ada.run("git", "push", "-q", "--force")

    fresh = weighlock(ada, "audit", code=3)

    assert "the tag `flights@v3.0.0` is on" in fresh
    assert "which is not in this history" in fresh
    assert "the trusted commit" in weighlock(ada, "audit", "--trusted", seen, code=3)
    assert "OK  0 findings" in weighlock(bob, "audit", "--trusted", seen)


def test_a_project_may_be_a_folder_of_a_repository(team: Team, tmp_path: Path) -> None:
    outer = Project(tmp_path / "outer", team.ada.env)
    shutil.copytree(team.ada.path, tmp_path / "outer/models/flights", ignore=shutil.ignore_patterns(".git"))
    outer.run("git", "init", "-q", ".")
    outer.commit("feat: all")
    inner = Project(tmp_path / "outer/models/flights", team.ada.env)

    # the records name a commit of the other repository, and are not whole here; staging's own edit is
    assert "does not hold" in weighlock(inner, "promote", "v2", "production", code=2)
    found = json.loads(weighlock(inner, "audit", "--json", code=3))
    assert {finding["kind"] for finding in found["findings"]} == {"rewritten"}
    assert [event["environment"] for event in found["events"]] == ["production", "staging"]


@pytest.fixture(scope="module")
def released(clone: Clone) -> Iterator[Project]:
    """A project whose small model was trained, weighed and released."""
    project = with_small_table(clone("released"))
    edit(project, "params.yaml", "release: {name: parts}\n")
    project.run("dvc", "repro", "-q")
    project.commit("feat: a model")
    project.run("weighlock", "gate", "--champion", "none")
    project.run("weighlock", "release")
    return project


def test_from_training_to_what_answers(released: Project) -> None:
    key = add_key(released, "status", "predict")
    weighlock(released, "promote", "v1", "staging")
    weighlock(released, "promote", "v1", "production", "--reason", "the first of them all")
    assert json.loads(weighlock(released, "audit", "--json"))["findings"] == []

    with serving(released, key, "--release", "v1") as right:
        right.answers()
        url = f"http://127.0.0.1:{right.port}"
        asked = released.run("weighlock", "status", "production", "--url", f"stable={url}", WEIGHLOCK_KEY=key)
        assert "in sync" in asked.stdout
        both = ["--url", f"stable={url}", "--url", f"candidate={url}"]
        done = released.run("weighlock", "status", "production", *both, "--json", code=3, WEIGHLOCK_KEY=key)
        variants = json.loads(done.stdout)[0]["variants"]
        assert [variant["sync"] for variant in variants] == ["in sync", "differs"]
        closed = released.run("weighlock", "status", "production", "--url", f"stable={url}", code=4)
        assert "NO ANSWER" in closed.stdout
    with serving(released, key) as tree:
        tree.answers()
        url = f"http://127.0.0.1:{tree.port}"
        done = released.run("weighlock", "status", "production", "--url", f"stable={url}", code=3, WEIGHLOCK_KEY=key)
        assert "DIFFERS" in done.stdout
        assert "version is tree-" in done.stdout
    done = released.run("weighlock", "status", "production", "--url", f"stable={url}", code=4)
    assert "Nothing answers" in done.stdout
