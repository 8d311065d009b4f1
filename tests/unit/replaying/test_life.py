"""Lives in a made-up world, each day worked out by hand."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.replaying.life import POLICIES, Calendar, Judged, Seen, Version, live

YEAR = Calendar(dt.date(2013, 4, 1), dt.date(2013, 7, 31), delay=2)


@dataclass
class Made:
    """A world that says what it is told to say, and notes what it was asked."""

    looks: dict[dt.date, str] = field(default_factory=dict)
    refuses: set[dt.date] = field(default_factory=set)
    fails: set[dt.date] = field(default_factory=set)
    asked: list[tuple[dt.date, dt.timedelta | None, bool]] = field(default_factory=list)
    weighed: list[tuple[dt.date, dt.date]] = field(default_factory=list)

    def train(self, end: dt.date) -> str | None:
        return "too few rows" if end in self.fails else None

    def look(self, day: dt.date, version: Version, since_retraining: dt.timedelta | None, *, thorough: bool) -> Seen:
        self.asked.append((day, since_retraining, thorough))
        return Seen(self.looks.get(day, "OK"), "because")

    def weigh(self, end: dt.date, champion: Version) -> Judged:
        self.weighed.append((end, champion.end))
        return Judged(end not in self.refuses, "weighed")


def day(month: int, number: int) -> dt.date:
    return dt.date(2013, month, number)


def test_days_of_a_calendar() -> None:
    # given April to July, then models may change on the first of May, June and July, and looks come weekly
    assert YEAR.retraining_days == [day(5, 1), day(6, 1), day(7, 1)]
    assert YEAR.look_days[:5] == [day(4, 8), day(4, 15), day(4, 22), day(5, 1), day(5, 8)]
    # and what is known on the first of May is what ended two whole days before
    assert YEAR.newest(day(5, 1)) == day(4, 28)


def test_never_keeps_its_model_and_always_changes_it_each_month() -> None:
    never, always = (live(POLICIES[name], YEAR, Made()) for name in ("never", "always"))
    assert never.versions == [Version("v1", day(3, 29), day(4, 1))]
    assert never.events == []
    assert [v.since for v in always.versions] == [day(4, 1), day(5, 1), day(6, 1), day(7, 1)]
    assert [v.end for v in always.versions] == [day(3, 29), day(4, 28), day(5, 29), day(6, 28)]
    assert always.count("promotion") == always.count("retraining") == 3


def test_a_trigger_is_answered_on_the_next_retraining_day_once() -> None:
    # given a watch that asks in mid-May and only then
    world = Made(looks={day(5, 15): "RETRAIN", day(6, 8): "WARN"})
    life = live(POLICIES["triggered"], YEAR, world)
    # then June's model is new and July's is not; a warning is an alarm, too
    assert [v.since for v in life.versions] == [day(4, 1), day(6, 1)]
    assert [(e.day, e.kind) for e in life.events] == [
        (day(5, 15), "alarm"), (day(6, 1), "retraining"), (day(6, 1), "promotion"), (day(6, 8), "alarm"),
    ]  # fmt: skip
    # and looks are thorough on retraining days, and know how long ago the last retraining was
    assert (day(6, 1), None, True) in world.asked
    assert (day(6, 8), dt.timedelta(days=7), False) in world.asked
    assert world.weighed == []


def test_broken_data_take_the_question_back() -> None:
    world = Made(looks={day(5, 15): "RETRAIN", day(6, 1): "BROKEN"})
    assert live(POLICIES["triggered"], YEAR, world).count("retraining") == 0


def test_the_gate_refuses_and_the_champion_stays() -> None:
    # given a watch that always asks, and a gate that refuses what was trained for June
    world = Made(looks=dict.fromkeys(YEAR.look_days, "RETRAIN"), refuses={day(5, 29)})
    life = live(POLICIES["gated"], YEAR, world)
    # then May's champion is there in June, and July's challenger is weighed against it
    assert [v.since for v in life.versions] == [day(4, 1), day(5, 1), day(7, 1)]
    assert world.weighed == [(day(4, 28), day(3, 29)), (day(5, 29), day(4, 28)), (day(6, 28), day(4, 28))]
    assert life.count("refusal") == 1


def test_a_training_that_fails_is_a_refusal_but_for_the_first() -> None:
    assert live(POLICIES["always"], YEAR, Made(fails={day(4, 28)})).count("refusal") == 1
    with pytest.raises(ValueError, match="no model to begin with: too few rows"):
        live(POLICIES["always"], YEAR, Made(fails={day(3, 29)}))


@given(
    st.sampled_from(sorted(POLICIES)),
    st.dictionaries(st.sampled_from(YEAR.look_days), st.sampled_from(["OK", "WARN", "RETRAIN", "BROKEN", "UNKNOWN"])),
    st.sets(st.sampled_from([YEAR.newest(d) for d in YEAR.retraining_days])),
    st.integers(0, 20),
)
def test_no_model_knows_what_was_not_known_yet(
    name: str, looks: dict[dt.date, str], refuses: set[dt.date], delay: int
) -> None:
    calendar = Calendar(YEAR.first, YEAR.last, delay)
    life = live(POLICIES[name], calendar, Made(looks=looks, refuses=refuses))
    assert all((v.since - v.end).days == delay + 1 for v in life.versions)
    assert len(life.versions) == 1 + life.count("promotion")
    assert life.count("retraining") == life.count("promotion") + life.count("refusal")
    assert [v.since for v in life.versions] == sorted({v.since for v in life.versions})
