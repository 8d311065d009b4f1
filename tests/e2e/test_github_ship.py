"""Release, deploy, rollout and rollback as GitHub would run them: one story, and what must be refused.

The image is built by a stand-in for docker, which really serves the bento's model; tests/e2e/test_image.py builds one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import yaml
from conftest import SMALL_PARAMS, Clone
from github import events
from github.fixtures import Host
from github.repository import Repository
from github.state import Pull
from shipped import APP, POLICY, RULES, Counters, act, asked, pushed, state, with_tools

HOSTILE = "$(touch /tmp/weighlock-owned) `id` ${{ github.token }} \"; exit 1; ' @everyone <b>\n## the p99 doubled"
ASSETS = {
    "model.onnx", "signature.json", "golden.json", "profile.parquet", "card.md", "card.html", "parts-v2.bento",
    "parts-v2.cdx.json", "model.onnx.sigstore.json",
}  # fmt: skip


@pytest.fixture(scope="module")
def shop(with_model: Clone, host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """v1 is stable everywhere, and main has a better recipe's model, merged just now."""
    project = with_model("shop")
    params = project.path / "params.yaml"
    params.write_text(SMALL_PARAMS.replace("C: 1.0", "C: 0.01") + POLICY)
    project.run("dvc", "repro", "-q")
    project.commit("feat: my own table")
    repository = with_tools(host(project), tmp_path_factory.mktemp("tools") / "bin")
    project.run("git", "branch", "-q", "--set-upstream-to", "origin/main", "main")
    project.run("weighlock", "gate", "--champion", "none")
    project.run("weighlock", "release", "--tag", "--push")
    for environment in ("staging", "production"):
        project.run("weighlock", "promote", "v1", environment, "--push", "--reason", "the first of them all")
    params.write_text(SMALL_PARAMS + POLICY)
    project.run("dvc", "repro", "-q")
    project.commit("feat: less regularised")
    project.run("git", "push", "-q")
    yield repository
    repository.github.expect_no_problems()


def releases(shop: Repository) -> tuple[list[Pull], list[str]]:
    """Open pull requests, and the tags that have a release."""
    return [p for p in shop.github.pulls if p.state == "open"], [one.tag for one in shop.github.releases]


def synced(shop: Repository) -> None:
    """The person's clone, as main is."""
    shop.project.run("git", "pull", "-q", "--ff-only")


def test_a_release_is_made_once_though_it_is_interrupted_twice(shop: Repository) -> None:
    before, github = shop.git("rev-parse", "main^").strip(), shop.github

    # when GitHub fails in the middle of the assets
    github.faults.append(("POST /repos/acme/flights/releases/", 500, {}))
    broken = pushed(shop, before, "release.yml").refused()

    # then it says what to do, and what was done is kept
    assert "Run the job again: it goes on here" in broken.log
    assert broken.jobs["build"].conclusion == "success"
    assert releases(shop) == ([], ["parts@v2.0.0"])
    # when it is run again and killed
    pushed(shop, before, "release.yml", stop_at="Run Main Promote to staging")
    assert not releases(shop)[0]
    # and once more
    third = pushed(shop, before, "release.yml").passed()

    # then nothing is built again, and there is one of everything
    assert "build" not in third.jobs or third.jobs["build"].conclusion == "skipped"
    (pull,), tags = releases(shop)
    assert tags == ["parts@v2.0.0"]
    assert {asset.name for asset in github.releases[0].assets} == ASSETS
    record = yaml.safe_load(shop.show("releases/v2.yaml", pull.head))
    assert (pull.head, pull.title) == ("release/v2", "Release parts v2")
    assert record["image"].startswith("ghcr.io/acme/flights/parts@sha256:")
    assert record["bento"] == "parts:v2"
    assert yaml.safe_load(shop.show("deploy/staging.yaml", pull.head))["stable"] == "v2"
    assert "v2" in shop.show("deploy/rendered/staging/machine/weighlock-staging.conf", pull.head)
    assert record["served"]["digest"] in pull.body
    # and image and model were attested, and scanned before
    digest = record["image"].partition("@")[2]
    assert [one["subject-digest"] for one in asked(shop, "actions/attest")] == [digest]
    assert len(asked(shop, "actions/attest-build-provenance")) == 2
    assert asked(shop, "aquasecurity/trivy-action")[0]["exit-code"] == "1"
    assert not set(broken.jobs["build"].steps.values()) - {"success"}

    # when the pull request is looked at, and merged
    looked = act(shop, "deploy.yml", events.pull_request(github, pull)).passed()
    assert "`v2`'s model: signed by" in looked.log
    assert "`v2`'s image: signed by" in looked.log
    merged = shop.merge(pull)

    # then there is nothing left to release, which takes seconds
    idle = pushed(shop, merged, "release.yml").passed()
    assert "nothing to release: the tree's models are `v2`" in idle.log
    assert list(idle.jobs) == ["pending"] or {idle.jobs[name].conclusion for name in ("build", "record")} == {"skipped"}
    pushed(shop, merged, "deploy.yml").passed()
    assert state(shop, "staging")["stable"] == "v2"


def test_a_rollout_goes_on_by_a_pull_request_and_back_by_a_commit(shop: Repository) -> None:
    synced(shop)
    shop.project.run("weighlock", "promote", "v2", "production", "--push")
    digests = {
        variant: yaml.safe_load(shop.show(f"releases/{version}.yaml"))["served"]["digest"]
        for variant, version in (("stable", "v1"), ("candidate", "v2"))
    }
    counters = Counters(digests)
    configured = {**APP, "variables": {**APP["variables"], "WEIGHLOCK_JUDGE_URLS": counters.urls}}

    def look() -> str:
        run = act(shop, "rollout.yml", events.schedule(shop.github), **configured).passed()
        return run.jobs["judge"].outputs["judge"]["outcome"]

    # when nothing is configured, it is neutral
    assert "NEUTRAL" in act(shop, "rollout.yml", events.schedule(shop.github), **APP).passed().log
    # when all is well, then the next step is proposed, once
    assert look() == "HOLD"
    counters.count("stable", 90_000, 90)
    counters.count("candidate", 10_000, 10)
    assert look() == "ADVANCE"
    assert look() == "ADVANCE"
    (pull,), _ = releases(shop)
    assert (pull.title, pull.author) == ("deploy: production: parts v2 at 50 %", "weighlock-test[bot]")
    assert state(shop, "production")["candidate"]["route"] == {"weight": 10}
    shop.merge(pull)
    assert state(shop, "production")["candidate"]["route"] == {"weight": 50}

    # when it fails after that, then it is taken away at once, by a commit of the App's
    assert look() == "HOLD"
    counters.count("stable", 5000, 5)
    counters.count("candidate", 4000, 1000)
    assert look() == "ROLLBACK"
    assert releases(shop)[0] == []
    now = state(shop, "production")
    assert (now["stable"], now.get("candidate"), now["blocked"][0]["release"]) == ("v1", None, "v2")
    assert shop.git("log", "-1", "--format=%cn", "main").strip() == "weighlock-test[bot]"
    assert "Weighlock-Evidence: judge ROLLBACK sha256:" in shop.git("log", "-1", "--format=%B", "main")


def test_a_rollback_needs_a_reason_and_no_words_in_it_do_anything(shop: Repository) -> None:
    wish = {"environment": "staging", "version": "previous", "reason": HOSTILE}
    before = shop.main

    # without a reason, nothing
    none = act(shop, "rollback.yml", events.dispatch(shop.github, {**wish, "reason": ""}), **APP).refused()
    assert "`rollback` needs a `--reason` in words" in none.log
    assert shop.main == before

    # without the App, where main takes pull requests alone: one of them, which says so
    shop.github.rulesets.append(RULES)
    done = act(shop, "rollback.yml", events.dispatch(shop.github, wish)).passed()
    assert "takes no commit from this token" in done.log
    (pull,), _ = releases(shop)
    assert pull.title == "deploy: staging: back to parts v1, v2 blocked"
    assert "@everyone" not in pull.body
    assert shop.main == before

    # with it, a commit to main, in the name of who asked
    act(shop, "rollback.yml", events.dispatch(shop.github, wish), **APP).passed()
    now = state(shop, "staging")
    assert now["stable"] == "v1"
    assert now["blocked"][0]["reason"] == " ".join(HOSTILE.split())
    assert shop.git("log", "-1", "--format=%an %cn", "main").strip() == "ada weighlock-test[bot]"
    assert shop.git("log", "-1", "--format=%B", "main").count("\n## ") == 0
    pushed(shop, before, "deploy.yml").passed()


def test_what_was_edited_by_hand_is_refused(shop: Repository) -> None:
    synced(shop)
    github, path = shop.github, shop.project.path
    conf = path / "deploy/rendered/production/machine/weighlock-production.conf"
    shop.start("by-hand")
    conf.write_text(conf.read_text().replace("server_tokens off;", "server_tokens of;"))
    shop.commit("by-hand", "fix: nginx")
    edited = act(shop, "deploy.yml", events.pull_request(github, shop.open_pull("by-hand"))).refused()
    assert "They are not edited by hand. Run `weighlock render` and commit" in edited.log
    assert "nginx refuses it" in edited.log or "nginx is not installed" in edited.log

    shop.start("better")
    record = path / "releases/v1.yaml"
    record.write_text(record.read_text().replace("outcome: PASS", "outcome: PASS  # better"))
    shop.commit("better", "fix: a typo")
    found = act(shop, "deploy.yml", events.pull_request(github, shop.open_pull("better"))).refused()
    assert "EDITED" in found.log
    assert json.loads(shop.project.run("weighlock", "audit", "--json", code=3).stdout)["outcome"] == "FAIL"
