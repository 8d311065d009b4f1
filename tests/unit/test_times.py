"""Times become instants in UTC; what cannot is refused."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.errors import DataError
from weighlock.times import local_days, to_utc

NEW_YORK = "America/New_York"


def utc(values: list, timezone: str = "UTC") -> list[str]:
    return [t.isoformat() for t in to_utc(pd.Series(values, name="when"), timezone)]


def test_times_without_offset_are_of_the_given_zone() -> None:
    assert utc(["2013-01-01", "2013-07-01T05:15"], NEW_YORK) == [
        "2013-01-01T05:00:00+00:00",
        "2013-07-01T09:15:00+00:00",
    ]


def test_offsets_are_taken_at_their_word_even_where_they_differ() -> None:
    assert utc(["2013-01-01T00:00:00-05:00", "2013-07-01T00:00:00-04:00", "2013-01-01T00:00Z"], NEW_YORK) == [
        "2013-01-01T05:00:00+00:00",
        "2013-07-01T04:00:00+00:00",
        "2013-01-01T00:00:00+00:00",
    ]


def test_the_hour_that_repeats_is_its_second_and_the_one_that_is_skipped_moves_on() -> None:
    assert utc(["2013-11-03T01:30", "2013-03-10T02:30"], NEW_YORK) == [
        "2013-11-03T06:30:00+00:00",
        "2013-03-10T07:00:00+00:00",
    ]


def test_timestamps_keep_their_instant() -> None:
    aware = pd.Series(pd.to_datetime(["2013-01-01T12:00"]).tz_localize("Asia/Tokyo"), name="when")

    assert to_utc(aware, NEW_YORK).iloc[0].isoformat() == "2013-01-01T03:00:00+00:00"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            ["2013-01-01", "2013-01-01T00:00Z"],
            "mixes time zones: 1 rows carry an offset and 1 do not \\(first in row 1\\)",
        ),
        (["2013-01-01", "yesterday"], "1 values that are no time, first 'yesterday' in row 2"),
        (["2013-13-01"], "first '2013-13-01' in row 1"),
        ([1356998400], "holds numbers such as 1356998400"),
        (["2013-01-01", None], "is missing in 1 rows, first in row 2"),
    ],
)
def test_what_is_no_time_is_refused(values: list, said: str) -> None:
    with pytest.raises(DataError, match=said):
        utc(values)


def test_days_are_local() -> None:
    instants = pd.Series(pd.to_datetime(["2013-01-01T04:59Z", "2013-01-01T05:00Z"], utc=True))

    assert [f"{d:%Y-%m-%d}" for d in local_days(instants, NEW_YORK)] == ["2012-12-31", "2013-01-01"]


@given(
    st.lists(
        st.datetimes(min_value=pd.Timestamp("1980-01-01"), max_value=pd.Timestamp("2050-01-01")), min_size=1, max_size=5
    )
)
def test_text_and_timestamps_agree(moments: list) -> None:
    text = pd.Series([m.isoformat() for m in moments], name="when")
    stamps = pd.Series(pd.to_datetime(moments), name="when")

    assert list(to_utc(text, NEW_YORK)) == list(to_utc(stamps, NEW_YORK))
