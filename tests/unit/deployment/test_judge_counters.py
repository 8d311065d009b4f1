"""Counters of services: what they say, and what happened between two looks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.deployment.judged import DIGESTS, Service

from weighlock.deployment import judge_counters
from weighlock.deployment.judge_counters import Look, Totals, increase, parse_metrics, read_looks, remember, scrape
from weighlock.errors import EvidenceError

counts = st.lists(st.integers(0, 1000), min_size=3, max_size=3)


def totals(ok: int, failed: int = 0, buckets: tuple[int, ...] = (0, 0, 0)) -> Totals:
    return Totals({"200": ok, "500": failed}, (0.01, 0.1), buckets)


def look(at: int, step: str = "one", stable: str = "v1") -> Look:
    return Look(f"2026-01-31T12:00:{at:02}Z", step, stable, {"stable": {"a": totals(at)}, "candidate": {}})


def test_a_service_s_own_metrics_are_read() -> None:
    service = Service("stable")
    service.answer(200, 5, 0.003)
    service.answer(422, 2, 0.03)
    service.answer(503, 1, 20.0)
    service.answer(401, 4, 0.0001)
    service.measures.answered("feedback", 200, 0.1)

    found = parse_metrics(service.measures.metrics.render().decode(), service.digest, "it", "stable v1")

    assert (found.requests, found.failed(["5xx"]), found.failed(["5xx", "422"])) == (8, 1, 3)
    assert sum(found.buckets) == 12  # every answer takes its time
    assert found.buckets[found.edges.index(0.005)] == 5
    assert found.buckets[-1] == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<html>", "no metrics of Weighlock|no `weighlock_model_info`"),
        ("up 1\n", "no `weighlock_model_info`"),
        ('weighlock_model_info{name="x"} 1\n', "no metrics of Weighlock"),
    ],
)
def test_what_is_no_service_of_ours_is_refused(text: str, said: str) -> None:
    with pytest.raises(EvidenceError, match=said):
        parse_metrics(text, "sha256:0", "it", "stable v1")


def test_a_service_with_another_model_is_refused() -> None:
    text = Service("candidate").measures.metrics.render().decode()

    with pytest.raises(EvidenceError, match="not the variant that git wants"):
        parse_metrics(text, DIGESTS["stable"], "it", "stable v1")


def test_a_service_that_is_down_is_told() -> None:
    with pytest.raises(EvidenceError, match="does not answer"):
        scrape("http://127.0.0.1:9", DIGESTS["stable"], "stable v1")


def test_a_service_is_asked() -> None:
    service = Service("stable")
    service.answer(200, 3)
    with service.running() as url:
        assert scrape(url + "/", DIGESTS["stable"], "stable v1").requests == 3


@given(counts, counts)
def test_what_counters_grew_by(before: list[int], more: list[int]) -> None:
    old = totals(before[0], before[1], (*before[:2], before[2]))
    new = totals(before[0] + more[0], before[1] + more[1], tuple(a + b for a, b in zip(before, more, strict=True)))

    found = increase({"a": old}, {"a": new, "b": totals(1)})

    assert found.totals.answers == {"200": more[0] + 1, "500": more[1]}
    assert found.totals.buckets == tuple(more)
    assert found.restarts == 0


@pytest.mark.parametrize(
    "anew",
    [totals(2, 1, (2, 1, 0)), totals(12, 0, (9, 0, 0)), replace(totals(20, 9, (9, 9, 9)), edges=(0.02, 0.1))],
    ids=["counts less", "one count less", "other buckets"],
)
def test_a_service_that_began_anew_counts_from_0(anew: Totals) -> None:
    found = increase({"a": totals(10, 3, (8, 3, 2))}, {"a": anew})

    assert found.totals == Totals(dict(sorted(anew.answers.items())), anew.edges, anew.buckets)
    assert found.restarts == 1


def test_looks_are_remembered_and_those_of_older_steps_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "production" / "counters.jsonl"
    for each in (look(1, "one"), look(2, "two"), look(3, "two"), look(4, "three")):
        found = remember(path, each)

    assert [(each.step, each.at[-3:-1]) for each in found] == [("two", "02"), ("two", "03"), ("three", "04")]
    assert read_looks(path) == found


def test_many_looks_are_thinned_and_the_newest_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge_counters, "MOST_LOOKS", 4)
    path = tmp_path / "counters.jsonl"
    for at in range(7):
        found = remember(path, look(at))

    assert [int(each.at[-3:-1]) for each in found] == [0, 2, 4, 5, 6]


def test_a_file_that_holds_something_else_is_told(tmp_path: Path) -> None:
    path = tmp_path / "counters.jsonl"
    path.write_text('{"at": 1}\n')

    with pytest.raises(EvidenceError, match="no look at counters"):
        remember(path, look(1))
