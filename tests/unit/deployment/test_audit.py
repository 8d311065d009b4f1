"""The audit: what was planted in a history is named with its commit, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from support.stories import ADA, BOB, Story, release_files, sha256, written
from weighlock.deployment.audit import Audit, audit, audit_of
from weighlock.deployment.environment import Blocked, Candidate, Route
from weighlock.deployment.ledger import read_ledger
from weighlock.deployment.policy import DeployParams, Known
from weighlock.deployment.telling import audit_json, audit_lines
from weighlock.releases.record import Judged, Release

Make = Callable[..., Release]
POLICY = DeployParams()


def canary(version: str, weight: float = 10.0) -> Candidate:
    return Candidate(release=version, route=Route(weight=weight))


def blocked(version: str) -> list[Blocked]:
    return [Blocked(release=version, reason="it was slow")]


@cache
def ordinary_once(release_of: Make, code: str) -> Story:
    return begin(Story(release_of, code))


def ordinary(release_of: Make, code: str = "1".zfill(40)) -> Story:
    """What `begin` tells."""
    return ordinary_once(release_of, code).copy()


def begin(story: Story) -> Story:
    """Two releases, both promoted as they should be; the second was rolled back, and has come back since."""
    story.release("v1")
    story.move("staging", stable="v1")
    story.move("production", stable="v1", by=BOB)
    story.release("v2")
    story.move("staging", stable="v2")
    for weight in (10.0, 50.0, 100.0):
        story.move("production", candidate=canary("v2", weight))
    story.move("production", stable="v2", candidate=None)
    story.move("production", stable="v1", blocked=blocked("v2"))
    story.move("production", candidate=canary("v2"), blocked=[], said={"Unblocked": "v2", "Reason": "it was the disk"})
    return story


def found(story: Story, **tags: int) -> list[tuple[str, str, str | None]]:
    findings = audit_of(story.ledger(**tags), POLICY).findings
    return [(finding.kind, finding.path, finding.entry.id.lstrip("0")) for finding in findings]


def test_nothing_is_found_where_nothing_is_wrong(release_of: Make) -> None:
    assert found(ordinary(release_of), flights__v1_0_0=2) == []


def edited(story: Story, path: str) -> dict[str, bytes]:
    return {path: story.states[story.tip][path] + b"# better\n"}


def renamed(story: Story) -> dict[str, bytes | None]:
    path = "releases/evidence/v1/gate.json"
    return {path: None, "releases/evidence/v1/old.json": story.states[story.tip][path]}


V1, GATE = "releases/v1.yaml", "releases/evidence/v1/gate.json"


@pytest.mark.parametrize(
    ("plant", "kinds"),
    [
        (lambda s: s.commit(edited(s, V1), "fix: a typo"), [("edited", V1)]),
        (lambda s: s.commit(edited(s, GATE), "fix: a number"), [("edited", GATE)]),
        (lambda s: s.commit({V1: None}, "chore: tidy"), [("removed", V1)]),
        (lambda s: s.commit({GATE: None}, "chore: tidy"), [("removed", GATE)]),
        (lambda s: s.commit(renamed(s), "chore: tidy"), [("renamed", GATE)]),
        (lambda s: s.release("v4"), [("gap", "releases/v4.yaml")]),
        (lambda s: s.commit({"releases/v3.yaml": b"version: v3\n"}, "feat: v3"), [("no verdict", "releases/v3.yaml")]),
        (lambda s: s.commit({"releases/v3.yaml": b"a: [\n"}, "feat: v3"), [("torn", "releases/v3.yaml")]),
        (lambda s: s.commit({"releases/v3.yaml": s.states[s.tip]["releases/v2.yaml"]}, "feat: v3"),
         [("torn", "releases/v3.yaml")]),
        (lambda s: s.release("v3", evidence={}), [("no verdict", "releases/v3.yaml")]),
        (lambda s: s.release("v3", evidence={GATE: sha256(b"other")}), [("no verdict", "releases/v3.yaml")]),
        (lambda s: s.release("v3", commit="f" * 40), [("rewritten", "releases/v3.yaml")]),
        (lambda s: s.release("v3", lock=sha256(b"another")), [("torn", "releases/v3.yaml")]),
        (lambda s: s.release("v3", verdict=Judged(
            outcome="INCONCLUSIVE", bootstrap=False, evidence=sha256(b"x"), champion="v2", accepted="fine")),
         [("no verdict", "releases/v3.yaml")] * 2),
        (lambda s: (s.release("v3"), s.move("production", candidate=canary("v3"))),
         [("order", "deploy/production.yaml")]),
        (lambda s: s.move("staging", stable="v3"),
         [("no release", "deploy/staging.yaml"), ("skipped", "deploy/staging.yaml")][:1]),
        (lambda s: s.move("production", candidate=canary("v2", 100.0), said={"Skipped": None}),
         [("skipped", "deploy/production.yaml")]),
        (lambda s: s.move("production", stable="v2", candidate=None, said={"Skipped": "50 %"}),
         [("skipped", "deploy/production.yaml")]),
        (lambda s: s.move("production", candidate=None, blocked=blocked("v2"), said={"To": "v2"}),
         [("untold", "deploy/production.yaml")]),
        (lambda s: s.move("production", candidate=canary("v2", 50.0), by=" <>"),
         [("no author", "deploy/production.yaml")]),
        (lambda s: (s.move("production", candidate=None, blocked=blocked("v2")), s.move("production", blocked=[])),
         [("blocked", "deploy/production.yaml")]),
        (lambda s: (s.move("production", candidate=None, blocked=blocked("v2")),
                    s.move("production", candidate=canary("v2"), blocked=[])),
         [("blocked", "deploy/production.yaml")]),
        (lambda s: s.commit({"deploy/production.yaml": b"stable: [\n"}, "fix: by hand"),
         [("unreadable", "deploy/production.yaml")]),
        (lambda s: s.commit(edited(s, "deploy/rendered/production/machine/nginx.conf"), "fix: by hand"),
         [("rendered", "deploy/rendered/production/machine/nginx.conf")]),
        (lambda s: s.commit({"deploy/rendered/staging/mine.conf": b"x"}, "fix: by hand"),
         [("rendered", "deploy/rendered/staging/mine.conf")]),
        (lambda s: s.move("production", candidate=canary("v2", 50.0),
                          said={"Record": f"v2 {sha256(b'what it was')}"}),
         [("rewritten", "deploy/production.yaml")]),
    ],
)  # fmt: skip
def test_what_was_planted_is_named(release_of: Make, plant: Any, kinds: list[tuple[str, str]]) -> None:
    story = ordinary(release_of)
    plant(story)

    findings = found(story)

    assert [finding[:2] for finding in findings] == kinds
    assert {finding[2] for finding in findings} == {str(story.tip)}


def test_a_record_that_was_brought_back_is_said_all_the_same(release_of: Make) -> None:
    story = ordinary(release_of)
    was = story.states[story.tip][V1]
    story.commit(edited(story, V1), "fix: a typo")
    story.commit({V1: was}, "fix: as it was")

    assert [kind for kind, _, _ in found(story)] == ["edited", "edited"]


def test_a_block_outlives_its_file(release_of: Make) -> None:
    story = ordinary(release_of)
    text = story.states[story.tip]["deploy/production.yaml"]
    story.move("production", candidate=None, blocked=blocked("v2"))
    story.commit({"deploy/production.yaml": None}, "chore: move away")
    assert [kind for kind, _, _ in found(story) if kind != "rendered"] == []

    story.commit({"deploy/production.yaml": text}, "chore: and back")

    assert "blocked" in [kind for kind, _, _ in found(story)]


class TestMerges:
    def test_branches_are_merged_as_often_as_one_likes(self, release_of: Make) -> None:
        story = ordinary(release_of)
        fork = story.tip
        story.release("v3")
        main = story.commit({"README.md": b"hello"}, "docs: hello")
        side = story.commit({"docs/x.md": b"x"}, "docs: x", parents=(fork,))
        story.commit({"docs/x.md": b"x"}, "Merge x", parents=(main, side))

        assert found(story) == []

    def test_a_promotion_in_a_branch_counts_where_it_was_made(self, release_of: Make) -> None:
        story = ordinary(release_of)
        main = story.tip
        branch = story.move("production", candidate=canary("v2", 50.0), by=BOB)
        before = story.states[main], story.states[branch]
        changed = {path: text for path, text in before[1].items() if before[0].get(path) != text}
        story.commit(changed, "Merge", parents=(main, branch))

        assert found(story) == []
        assert [e.entry.author for e in audit_of(story.ledger(), POLICY).history.events][-1] == BOB

    def test_one_that_drops_a_record_is_named(self, release_of: Make) -> None:
        story = ordinary(release_of)
        fork = story.tip
        main = story.release("v3")
        side = story.commit({"docs/x.md": b"x"}, "docs: x", parents=(fork,))
        gone = dict.fromkeys(("releases/v3.yaml", "releases/evidence/v3/gate.json"))
        merge = story.commit({"docs/x.md": b"x", **gone}, "Merge", parents=(main, side))

        assert found(story) == [
            ("removed", "releases/evidence/v3/gate.json", str(merge)),
            ("removed", "releases/v3.yaml", str(merge)),
        ]

    def test_and_so_it_is_from_the_other_side(self, release_of: Make) -> None:
        story = ordinary(release_of)
        fork = story.tip
        main = story.release("v3")
        side = story.commit({"docs/x.md": b"x"}, "docs: x", parents=(fork,))
        story.commit({}, "Merge -s ours", parents=(side, main))

        assert {kind for kind, _, _ in found(story)} == {"removed"}

    def test_a_removal_in_a_branch_is_named_once(self, release_of: Make) -> None:
        story = ordinary(release_of)
        fork = story.tip
        main = story.commit({"README.md": b"hello"}, "docs: hello")
        side = story.commit({V1: None}, "chore: tidy", parents=(fork,))
        story.commit({V1: None}, "Merge", parents=(main, side))

        assert found(story) == [("removed", V1, str(side))]

    def test_a_stale_side_that_wins_is_a_change_of_its_own(self, release_of: Make) -> None:
        """Main has rolled v2 back meanwhile; a branch of before that merges its own, older file over it."""
        story = ordinary(release_of)
        fork = story.tip
        old = {path: text for path, text in story.states[fork].items() if path.startswith("deploy/")}
        main = story.move("production", candidate=None, blocked=blocked("v2"))
        side = story.commit({"docs/x.md": b"x"}, "docs: x", parents=(fork,))
        gone: dict[str, Any] = {p: None for p in story.states[main] if p.startswith("deploy/") and p not in old}
        merge = story.commit({**gone, **old, "docs/x.md": b"x"}, "Merge -X theirs", parents=(main, side))

        assert found(story) == [("blocked", "deploy/production.yaml", str(merge))]

    def test_a_foreign_history_does_not_hide_anything(self, release_of: Make) -> None:
        """A pull that merges main into one's own line makes main the second parent."""
        story = Story(release_of)
        own = story.commit({"docs/x.md": b"x"}, "docs: x")
        story.tip = 1
        story.release("v1")
        bad = story.commit(edited(story, V1), "fix: a typo")
        main = {path: text for path, text in story.states[bad].items() if path.startswith("releases/")}
        story.commit(main, "Merge branch 'main' of origin", parents=(own, bad))

        assert found(story) == [("edited", V1, str(bad))]


def test_a_tag_on_a_commit_that_is_gone_tells_of_a_rewritten_history(release_of: Make) -> None:
    story = Story(release_of)
    lost = story.release("v1")
    story.tip = 1
    files = release_files(release_of, "v1", story.code, by="Mallory <m@example.org>")
    story.commit(files, "feat: release v1")

    assert found(story) == []
    assert found(story, **{"flights__v1.0.0": lost}) == [("rewritten", V1, str(story.tip))]


def test_a_tag_says_nothing_of_a_branch_that_is_older(release_of: Make) -> None:
    story = ordinary(release_of)
    fork = story.tip
    newer = story.release("v3")
    story.commit({"docs/x.md": b"x"}, "docs: x", parents=(fork,))

    assert found(story, **{"flights__v3.0.0": newer}) == []


def test_a_tag_is_on_a_commit_with_the_record(release_of: Make) -> None:
    story = ordinary(release_of)

    assert found(story, **{"flights__v1.0.0": 1}) == [("torn", V1, "2")]
    assert found(story, **{"flights__v1.0.0": 3, "flights__latest": 1}) == []


def test_a_trusted_commit_has_to_be_there(release_of: Make) -> None:
    ledger = ordinary(release_of).ledger()

    assert audit_of(ledger, POLICY, trusted=ledger.entries[3].id).findings == ()
    assert [f.kind for f in audit_of(ledger, POLICY, trusted="f" * 40).findings] == ["rewritten"]


def test_what_someone_has_looked_into_is_told_and_does_not_fail(release_of: Make) -> None:
    story = ordinary(release_of)
    mark = story.commit({V1: None}, "chore: tidy")
    policy = DeployParams(known=[Known(commit=story.id(mark), reason="the disk was full, see #12")])

    result = audit_of(story.ledger(), policy)

    assert (result.findings, [finding.known for finding in result.known]) == ((), ["the disk was full, see #12"])
    assert "Known: the disk was full, see #12" in "\n".join(audit_lines(result, 80))


def test_environments_that_are_not_in_the_order_have_none(release_of: Make) -> None:
    story = Story(release_of)
    story.release("v1")
    story.move("production", stable="v1")

    assert [finding.kind for finding in audit_of(story.ledger(), POLICY).findings] == ["order"]
    assert audit_of(story.ledger(), DeployParams(environments=["production", "staging"])).findings == ()


@pytest.fixture(scope="module")
def repository(release_of: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    def tell(story: Story) -> None:
        begin(story)
        fork = story.tip
        main = story.commit({"README.md": b"hello"}, "docs: \x01hello\x02\n\n:100644 100644 not a change\n")
        side = story.commit({V1: None}, "chore: tidy", parents=(fork,), by="Zoë <zoe@example.org>")
        story.commit({V1: None}, "Merge", parents=(main, side))

    return written(tmp_path_factory.mktemp("audit"), release_of, tell)


def test_git_says_what_was_told(release_of: Make, repository: Path) -> None:
    """The history as git tells it is the one that was made up, commit by commit."""
    code = read_ledger(repository).entries[0].id
    story = ordinary(release_of, code)
    fork = story.tip
    main = story.commit({"README.md": b"hello"}, "docs: \x01hello\x02\n\n:100644 100644 not a change\n")
    side = story.commit({V1: None}, "chore: tidy", parents=(fork,), by="Zoë <zoe@example.org>")
    story.commit({V1: None}, "Merge", parents=(main, side))

    ours, gits = story.ledger(), read_ledger(repository)
    ids = dict(zip((e.id for e in gits.entries), (e.id for e in ours.entries), strict=True))

    def plain(entry: Any, names: dict[str, str]) -> tuple[Any, ...]:
        parents = [names.get(parent, parent) for parent in entry.parents]
        changes = {k: v for k, v in entry.changes.items() if k.startswith(("deploy/", "releases/"))}
        return (parents, entry.author, entry.at, entry.message, changes, dict(entry.tree))

    assert [plain(e, ids) for e in gits.entries] == [plain(e, {}) for e in ours.entries]
    result = audit(repository, policy=POLICY)
    assert [(f.kind, f.path, f.entry.author) for f in result.findings] == [("removed", V1, "Zoë <zoe@example.org>")]
    assert audit(repository, commit="HEAD^", policy=POLICY).findings == ()


def outcome(result: Audit) -> str:
    return audit_lines(result, 80)[-1]


@pytest.mark.parametrize("width", [80, 120])
def test_it_reads_well(release_of: Make, width: int) -> None:
    story = ordinary(release_of)
    story.commit({V1: None}, "chore: tidy\x1b[31m", by=f"{'Very ' * 9}Long <{ADA}>")
    result = audit_of(story.ledger(), POLICY)

    lines = audit_lines(result, width)

    assert max(map(len, lines)) <= width
    assert "\x1b" not in "".join(lines)
    assert "it was the disk" in "\n".join(lines)
    assert lines[-1].startswith("FAIL  1 finding: 13 commits up to ")
    assert audit_json(result)["findings"][0]["kind"] == "removed"
    assert [event["what"] for event in audit_json(result)["events"]][-2:] == [
        "back to v1, v2 blocked", "v2 at 10 %, v2 unblocked",
    ]  # fmt: skip
