"""Counts of many workers, and their text."""

from __future__ import annotations

from pathlib import Path

from weighlock.serving.measures import quantiles
from weighlock.serving.metrics import FEW, Family, Metrics

FAMILIES = [
    Family("asked_total", "counter", "Asked.", ((("who", 'a"b\n'),), (("who", "b"),))),
    Family("took", "histogram", "Took.", ((),), (0.5, 1.0)),
    Family("now", "gauge", "Now."),
    Family("rare_total", "counter", "Rare.", ((("x", "1"),), (("x", "2"),)), sparse=True),
    Family("info", "gauge", "What.", ((("v", "1"),),), constant=1.0),
]


def text(metrics: Metrics) -> list[str]:
    return metrics.render().decode().splitlines()


def test_the_text_is_what_prometheus_reads() -> None:
    metrics = Metrics(FAMILIES)
    metrics.add(metrics.place("asked_total", who="b"), 2)
    metrics.add(metrics.place("rare_total", x="2"))
    for value in (0.5, 0.75, 4.0):
        metrics.observe(metrics.place("took"), (0.5, 1.0), value)
    metrics.set(metrics.place("now"), 1.5)
    assert text(metrics) == [
        "# HELP asked_total Asked.",
        "# TYPE asked_total counter",
        'asked_total{who="a\\"b\\n"} 0',
        'asked_total{who="b"} 2',
        "# HELP took Took.",
        "# TYPE took histogram",
        'took_bucket{le="0.5"} 1',  # bounds belong to their bucket
        'took_bucket{le="1"} 2',
        'took_bucket{le="+Inf"} 3',
        "took_sum 5.25",
        "took_count 3",
        "# HELP now Now.",
        "# TYPE now gauge",
        "now 1.5",
        "# HELP rare_total Rare.",
        "# TYPE rare_total counter",
        'rare_total{x="2"} 1',
        "# HELP info What.",
        "# TYPE info gauge",
        'info{v="1"} 1',
    ]


def test_many_values_count_as_each_alone() -> None:
    edges = (0.5, 1.0)
    values = [0.1 * i for i in range(FEW + 5)]
    one, many = Metrics(FAMILIES), Metrics(FAMILIES)
    for value in values:
        one.observe(one.place("took"), edges, value)
    many.observe_all(many.place("took"), edges, values)
    assert text(one) == text(many)


def test_workers_add_up_and_a_new_one_goes_on_where_a_dead_one_was(tmp_path: Path) -> None:
    first, second = Metrics(FAMILIES, tmp_path), Metrics(FAMILIES, tmp_path)
    place = first.place("asked_total", who="b")
    for worker in (first, second):
        worker.add(place, 3)
        worker.set(worker.place("now"), 1)
    assert 'asked_total{who="b"} 6' in text(first)
    assert text(first) == text(second)
    assert "now 2" in text(first)
    second.close()
    assert 'asked_total{who="b"} 6' in text(first)
    assert "now 1" in text(first)  # a gauge is of the living
    third = Metrics(FAMILIES, tmp_path)
    third.add(place)
    assert 'asked_total{who="b"} 7' in text(first)
    assert len(list(tmp_path.iterdir())) == 2
    third.close()
    first.close()


def test_quantiles_spread_scores_evenly() -> None:
    assert quantiles([float(i) for i in range(100)]) == (10, 20, 30, 40, 50, 60, 70, 80, 90)
    assert quantiles([]) == ()
    assert quantiles([1.0] * 9) == (1.0,)
