"""The clock's workflows, run by act: watch.yml, what comes of each verdict, and retrain.yml, which it starts."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Clone
from github import events
from github.clocked import Clocked, in_production
from github.fixtures import Host
from github.repository import PERSON

APP = {"variables": {"WEIGHLOCK_APP_ID": "7"}, "secrets": {"WEIGHLOCK_APP_KEY": "a key"}}
BRANCH = "retrain/2024-04-14"
WORDS = "@everyone"
CATEGORY = f"$(touch pwned) `touch pwned` ${{{{ github.token }}}} {WORDS} <img src=x> [in](https://evil.example)"
EXPIRED = "GitHub does not accept the token"


@pytest.fixture(scope="module")
def clocked(with_model: Clone, host: Host, tmp_path_factory: pytest.TempPathFactory) -> Clocked:
    project = with_model("clock")
    log, store = tmp_path_factory.mktemp("log") / "log", tmp_path_factory.mktemp("store")
    in_production(project, log, store)
    return Clocked(host(project), log, store)


def stuck(columns: dict[str, list[object]]) -> None:
    columns["heat"] = [212.5] * len(columns["heat"])


def hostile(columns: dict[str, list[object]]) -> None:
    columns["heat"] = [None] * len(columns["heat"])
    columns["colour"] = [CATEGORY] * len(columns["colour"])


def test_one_issue_is_opened_updated_and_closed_and_looks_are_kept(clocked: Clocked) -> None:
    github = clocked.repository.github

    # given a sensor that is stuck, when the clock comes, then one issue tells of it, and no retraining is begun
    clocked.served(stuck)
    run = clocked.watch(variables={"WEIGHLOCK_PAGES": "on"}).passed()
    assert [issue.title for issue in github.issues] == ["production: the watch says BROKEN"]
    assert "`heat` is stuck at 212.5" in github.issues[0].body
    assert f"]({github.url}/acme/flights/actions/runs/{run.record['id']})" in github.issues[0].body
    assert github.dispatches == []
    # what the model makes of a column is known of a release that was fetched, too
    assert re.search(r"`heat` \| shift \|.*\| 9\d\.\d% \|", github.issues[0].body)
    # and the report and the status page are published
    assert {job.conclusion for job in run.jobs.values()} == {"success"}
    pages = github.kept / "pages"
    assert "BROKEN" in (pages / "environments/production.html").read_text()
    assert list(pages.rglob("evidently.html"))
    # and the look is kept for the runs to come
    kept = clocked.repository.git("ls-tree", "-r", "--name-only", "watch-history").splitlines()
    assert [Path(path).name for path in kept] == [
        "evidently.html", "evidently.json", "timeline.png", "watch.json", "watch.md",
    ]  # fmt: skip
    assert clocked.repository.git("rev-list", "--count", "watch-history") == "1"

    # when it is broken otherwise, then it is the same issue
    clocked.served(hostile)
    run = clocked.watch().passed()
    assert "publish" not in run.jobs
    assert len(github.issues) == 1
    assert "stuck at 212.5" not in github.issues[0].body
    assert "`heat`: all of its values are missing" in github.issues[0].body
    assert run.jobs["look"].summary.startswith("# BROKEN")

    # when all is well again, then it is closed, with the reason
    clocked.served()
    clocked.watch().passed()
    assert [issue.state for issue in github.issues] == ["closed"]
    assert "nothing has drifted" in github.comments_on(github.issues[0].number)[0].body
    github.expect_no_problems()


def test_a_due_retraining_is_started_and_opened_once(clocked: Clocked) -> None:
    github, repository = clocked.repository.github, clocked.repository
    # given a model that is too old, and new rows
    clocked.set("feat: a limit of age", **{"max_age: null": "max_age: 180d"})
    clocked.arrived()
    clocked.served()

    # when the clock comes, then a retraining is started, with the look that asks for it
    clocked.watch().passed()
    assert [(d.workflow, d.ref) for d in github.dispatches] == [("retrain.yml", "main")]
    day = github.dispatches[0].inputs["look"]
    assert day.startswith("production/20")

    # when that runs, then one pull request carries the evidence, opened by the App
    run = repository.act("retrain.yml", events.dispatched(github, github.dispatches[0]), **APP).passed()
    (pull,) = github.pulls
    assert (pull.head, pull.base, pull.author) == (BRANCH, "main", "weighlock-test[bot]")
    assert pull.title.startswith("Retrain on data up to 2024-04-14")
    assert "The watch of `production` says **RETRAIN**" in pull.body
    assert "the model saw its newest row" in pull.body
    assert "Weighlock gate" in pull.body
    assert "No checks start by themselves" not in pull.body
    changed = repository.git("diff", "--name-only", "main", BRANCH).split()
    assert {"params.yaml", "dvc.lock", "reports/metrics.json"} <= set(changed)
    # and its models are where `dvc pull` finds them
    lock = yaml.safe_load(repository.show("dvc.lock", BRANCH))
    outs = [out for stage in lock["stages"].values() for out in stage["outs"] if out["path"].startswith("models/")]
    assert len(outs) >= 8
    assert [
        out["path"] for out in outs if not (clocked.store / "files/md5" / out["md5"][:2] / out["md5"][2:]).exists()
    ] == []

    # when the weekly clock comes while it is open, then there is no second one, and nothing is trained
    run = repository.act("retrain.yml", events.schedule(github), **APP).passed()
    assert "its pull request waits for an answer" in run.log
    assert "Running stage" not in run.log
    assert len(github.pulls) == 1
    github.expect_no_problems()


def test_a_branch_that_was_left_without_a_pull_request_gets_one_and_says_what_no_app_costs(clocked: Clocked) -> None:
    github, repository = clocked.repository.github, clocked.repository
    if not repository.git("for-each-ref", f"refs/heads/{BRANCH}"):
        pytest.skip("the test before has made no branch")
    # given a run that was killed after it pushed, in a repository without an App, and a token that has expired
    github.pulls.clear()
    github.fail_next(401, "GET /repos/acme/flights/pulls")

    # when it runs, then it says what is wrong and what to do
    run = repository.act("retrain.yml", events.schedule(github)).refused()
    assert EXPIRED in run.log
    assert "Run the job again" in run.log
    assert "ghs_run" not in run.log

    # when it runs again, then the pull request is opened, and says that no checks start
    run = repository.act("retrain.yml", events.schedule(github)).passed()
    (pull,) = github.pulls
    assert (pull.head, pull.author) == (BRANCH, "github-actions[bot]")
    assert "No checks start by themselves here" in pull.body
    assert "opened with GITHUB_TOKEN" in run.log

    # when a person closes it, then it stays closed
    pull.state = "closed"
    repository.act("retrain.yml", events.schedule(github)).passed()
    assert [one.state for one in github.pulls] == ["closed"]
    github.expect_no_problems()


def test_without_a_log_it_is_neutral_and_tells_before_the_clock_stops(clocked: Clocked) -> None:
    github, work = clocked.repository.github, clocked.project
    issues = len(github.issues)
    # given no log, and a last commit of seven weeks ago
    long_ago = (dt.datetime.now(dt.UTC) - dt.timedelta(days=55, hours=1)).isoformat(timespec="seconds")
    clocked.repository.start("main")
    params = work.path / "params.yaml"
    params.write_text(params.read_text().replace(f'log_url: "{clocked.log}"', "log_url: null"))
    work.run("git", "add", "-A")
    work.run("git", "commit", "-qm", "chore: no log", GIT_COMMITTER_DATE=long_ago)
    work.run("git", "push", "-q", "origin", "HEAD:main")

    run = clocked.watch().passed()

    assert "`monitoring.log_url` in `params.yaml` is not set" in run.log
    assert set(run.jobs) == {"look", "tell"}
    assert run.jobs["look"].steps.get("look", "skipped") == "skipped"
    assert "outcome" not in run.jobs["look"].outputs.get("watch", {})
    assert len(github.issues) == issues + 1
    assert github.issues[-1].title == "The clock stops in 5 days: nothing was committed for 55 days"
    assert "gh workflow enable watch.yml" in github.issues[-1].body
    github.expect_no_problems()


def test_hostile_inputs_and_words_are_refused_or_stay_words(clocked: Clocked, tmp_path: Path) -> None:
    github, issues = clocked.repository.github, len(clocked.repository.github.issues)

    # given what anyone who may start a workflow could type
    run = clocked.repository.act("retrain.yml", events.dispatch(github, {"look": CATEGORY})).refused()
    assert "is no look such as production/" in run.log
    assert not list(clocked.repository.runner.folder.rglob("pwned"))

    # given a verdict with such words everywhere
    content = {"environment": "production", "outcome": "BROKEN", "reasons": [CATEGORY, f"`{CATEGORY}`"]}
    window = {"start": "2026-02-19", "end": "2026-02-25"}
    (tmp_path / "watch.json").write_text(json.dumps({**content, "window": window}))
    (tmp_path / "watch.md").write_text(f"# {CATEGORY}\n\n| `{CATEGORY}` | {CATEGORY} |\n")
    env = {"GITHUB_API_URL": github.url, "GITHUB_SERVER_URL": github.url, "GITHUB_REPOSITORY": "acme/flights"}
    told = ("weighlock", "github", "watch", str(tmp_path))
    clocked.project.run(*told, **env, GITHUB_TOKEN=PERSON, WEIGHLOCK_LOGIN="ada")
    body = github.issues[-1].body
    assert len(github.issues) == issues + 1
    assert "touch pwned" in body  # as it was written,
    for harm in (WORDS, "<img", "](https://evil"):  # and no more
        assert harm not in body
    # and for an environment that is none of ours
    (tmp_path / "watch.json").write_text(json.dumps({**content, "window": window, "environment": CATEGORY}))
    assert "environment" in clocked.project.run(*told, **env, GITHUB_TOKEN=PERSON, code=2).stderr
    github.expect_no_problems()


def doctor(clocked: Clocked, *words: str, code: int, **env: str) -> Any:
    done = clocked.project.run("weighlock", "doctor", "--json", *words, code=code, **env)
    return {f["name"]: f for f in json.loads(done.stdout)["findings"]}


def test_the_doctor_asks_github_and_says_what_mends_it(clocked: Clocked) -> None:
    github = clocked.repository.github
    env = {"GITHUB_API_URL": github.url, "GITHUB_REPOSITORY": "acme/flights", "GITHUB_TOKEN": PERSON}
    found = doctor(clocked, code=2, **env)

    assert found["DVC remote"]["state"] == "found"
    assert found["Actions"]["state"] == "found"
    assert (found["Pages"]["state"], found["Pages"]["needed"]) == ("missing", False)
    assert (found["main"]["state"], found["main"]["needed"]) == ("missing", True)
    assert found["main"]["fix"] == "gh api --method POST repos/acme/flights/rulesets --input .github/rulesets/main.json"
    assert found["CODEOWNERS"]["state"] == "missing"
    assert found["WEIGHLOCK_APP_ID"]["state"] == "missing"
    assert found["watch.yml"]["state"] == "found"

    # when what it says is done, then it is found
    for number, path in enumerate(sorted((clocked.project.path / ".github/rulesets").glob("*.json")), 1):
        github.rulesets.append({**json.loads(path.read_text()), "id": number})
    github.variables["WEIGHLOCK_APP_ID"] = "7"
    github.workflows["watch.yml"] = "disabled_inactivity"
    found = doctor(clocked, code=2, **env)
    assert found["main"]["state"] == "found"
    assert found["WEIGHLOCK_APP_ID"]["state"] == "found"
    assert found["watch.yml"]["fix"] == "gh workflow enable watch.yml --repo acme/flights"

    # offline, and with a token that has expired, nothing of GitHub is called missing
    for words, env_, reason in ((("--offline",), {}, "--offline"), ((), {**env, "GITHUB_TOKEN": "gone"}, EXPIRED)):
        found = doctor(clocked, *words, code=2, **env_)
        assert found["Actions"]["state"] == "unknown"
        assert reason in found["Actions"]["detail"]
    github.expect_no_problems()
