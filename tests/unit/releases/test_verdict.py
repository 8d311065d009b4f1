"""What lets a challenger through: a verdict on this very one, by this policy, on these rows, against what is stable."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.results import POLICY, REACHED, sh, sha256_of, verdict
from weighlock.errors import EvidenceError
from weighlock.releases.acceptance import accept
from weighlock.releases.record import Judged, Release
from weighlock.releases.verdict import Present, let_through, read_verdict

NOW = Present(sha256_of(b"weighed"), sha256_of(b"served"), str(REACHED["digest"]), POLICY, None)
CHAMPION = {"model": "weighed", "digests": {"weighed": f"sha256:{'a' * 64}", "served": None}}
AGAINST_V1 = {"bootstrap": False, "champion": CHAMPION, "about": {"names": {"champion": "v1"}, "warnings": []}}


def judge(root: Path, present: Present = NOW, **change: Any) -> Judged:
    path = verdict(root, **change)
    return let_through(read_verdict(path), path, present, root)


def test_a_bootstrap_before_the_first_release(result: Path) -> None:
    judged = judge(result)

    assert (judged.outcome, judged.bootstrap, judged.champion, judged.accepted) == ("PASS", True, None, None)
    assert judged.evidence == read_verdict(result / "reports/gate/gate.json")["evidence"]


def test_a_pass_against_what_is_stable(result: Path, release_of: Callable[..., Release]) -> None:
    judged = judge(result, replace(NOW, champion=release_of("v1")), **AGAINST_V1)

    assert (judged.bootstrap, judged.champion) == (False, "v1")


def test_a_pass_against_a_release_while_nothing_is_stable(result: Path) -> None:
    assert judge(result, **AGAINST_V1).champion == "v1"


@pytest.mark.parametrize(
    ("present", "said"),
    [
        (
            {"weighed": sha256_of(b"x")},
            r"is of another challenger: it weighed sha256:\w+, but the tree's weighed model is",
        ),
        ({"served": sha256_of(b"x")}, "the tree's served model is"),
        ({"holdout": "sha256:0"}, "is stale: the holdout has other rows now"),
        ({"policy": POLICY | {"seed": 8}}, r"another policy: `gate\.seed` of `params\.yaml`"),
        ({"policy": {"slices": POLICY["slices"]}}, r"another policy: `gate\.primary`"),
    ],
)
def test_a_verdict_on_something_else(result: Path, present: dict[str, Any], said: str) -> None:
    with pytest.raises(EvidenceError, match=said):
        judge(result, replace(NOW, **present))


def test_a_bootstrap_where_something_is_stable(result: Path, release_of: Callable[..., Release]) -> None:
    with pytest.raises(EvidenceError, match="is a bootstrap's, but `v1` is stable"):
        judge(result, replace(NOW, champion=release_of("v1")))


def test_a_verdict_against_what_was_stable_before(result: Path, release_of: Callable[..., Release]) -> None:
    stable = release_of("v2")
    other = stable.weighed.model_copy(update={"digest": f"sha256:{'d' * 64}"})
    present = replace(NOW, champion=stable.model_copy(update={"weighed": other, "served": other}))

    with pytest.raises(EvidenceError, match="is stale: it is against v1, but `v2` is stable"):
        judge(result, present, **AGAINST_V1)


def test_a_fail_is_never_let_through(result: Path) -> None:
    with pytest.raises(EvidenceError, match="says FAIL"):
        judge(result, outcome="FAIL")


def test_an_inconclusive_needs_an_acceptance_that_is_committed(result: Path) -> None:
    with pytest.raises(EvidenceError, match="nobody has accepted this evidence"):
        judge(result, outcome="INCONCLUSIVE")

    now = dt.datetime(2024, 4, 1, tzinfo=dt.UTC)
    accept(result / "reports/gate/gate.json", "A storm explains it.", result, now)
    with pytest.raises(EvidenceError, match="is not committed"):
        judge(result, outcome="INCONCLUSIVE")

    sh(result, "add", "releases")
    sh(result, "commit", "-q", "-m", "accepted")
    assert judge(result, outcome="INCONCLUSIVE").accepted == "A storm explains it. (Ada <ada@example.org>)"

    with pytest.raises(EvidenceError, match="nobody has accepted"):  # other evidence
        judge(result, outcome="INCONCLUSIVE", reasons=["Something else."])


def test_an_acceptance_of_another_challenger(result: Path) -> None:
    path = verdict(result, outcome="INCONCLUSIVE")
    file, _ = accept(path, "A storm explains it.", result, dt.datetime(2024, 4, 1, tzinfo=dt.UTC))
    file.write_text(file.read_text().replace(sha256_of(b"weighed"), sha256_of(b"other")))

    with pytest.raises(EvidenceError, match="accepts another challenger"):
        judge(result, outcome="INCONCLUSIVE")


def test_a_verdict_that_was_edited_or_is_none(result: Path) -> None:
    path = verdict(result, outcome="FAIL")
    path.write_text(path.read_text().replace('"FAIL"', '"PASS"'))
    with pytest.raises(EvidenceError, match="its digest differs"):
        read_verdict(path)

    path.unlink()
    with pytest.raises(EvidenceError, match="Run `weighlock gate` first"):
        read_verdict(path)


@pytest.mark.parametrize("key", ["challenger", "policy", "holdout", "champion", "outcome"])
def test_a_verdict_that_is_not_whole(result: Path, key: str) -> None:
    path = verdict(result)
    content = read_verdict(path)
    del content[key]

    with pytest.raises(EvidenceError, match="is not what `weighlock gate` writes"):
        let_through(content, path, NOW, result)
