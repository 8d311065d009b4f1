"""What is logged of a row: the sample, the hashes, what is dropped; and never the key."""

from __future__ import annotations

import datetime as dt
import pickle

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.monitoring.logged import record, together

from weighlock.errors import ConfigError
from weighlock.monitoring.log_record import KEY_VARIABLE, HashKey, LogParams, decode, instant, now, redact, stamp

KEY = HashKey("correct horse battery staple")
OTHER = HashKey("incorrect horse battery staple")
FEATURES = {"age": 41, "town": "Bern", "income": None, "member": True}


def params(**change: object) -> LogParams:
    return LogParams(**{"key": KEY, **change})  # type: ignore[arg-type]


def test_columns_are_hashed_dropped_or_kept() -> None:
    logged = redact(FEATURES, params(hash=frozenset({"town", "income", "absent"}), drop=frozenset({"age"})))

    assert logged == {"town": KEY.hash("town", "Bern"), "income": None, "member": True}
    assert logged["town"].startswith("h:")
    assert FEATURES["town"] == "Bern"


def test_without_a_policy_everything_is_kept() -> None:
    assert redact(FEATURES, params()) == FEATURES


def test_a_hash_hangs_on_key_column_and_value_alone() -> None:
    assert KEY.hash("town", "Bern") == HashKey("correct horse battery staple").hash("town", "Bern")
    assert KEY.hash("n", 3) == KEY.hash("n", 3.0)
    different = {
        KEY.hash("town", "Bern"), OTHER.hash("town", "Bern"), KEY.hash("city", "Bern"), KEY.hash("town", "Basel"),
        KEY.hash("townB", "ern"), KEY.hash("town", ""),
    }  # fmt: skip
    assert len(different) == 6


def test_headers_are_redacted_as_columns_are() -> None:
    policy = params(hash=frozenset({"entity"}), drop=frozenset({"request"}))

    assert policy.header("entity", "jo") == KEY.hash("entity", "jo")
    assert policy.header("request", "r1") is None
    assert policy.header("entity", None) is None
    assert params().header("entity", "jo") == "jo"


def test_the_key_shows_itself_nowhere() -> None:
    policy = params(hash=frozenset({"town"}))

    assert "correct" not in repr(policy) + repr(KEY) + str(vars(policy))
    with pytest.raises(TypeError):
        msgspec.json.encode(policy)
    assert KEY.name != OTHER.name


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "correct horse battery staple")
    assert LogParams(hash=frozenset({"town"})).header("request", "r") == "r"
    monkeypatch.setenv(KEY_VARIABLE, "short")
    with pytest.raises(ConfigError, match="has 5 characters; it takes 16"):
        LogParams()
    monkeypatch.delenv(KEY_VARIABLE)
    with pytest.raises(ConfigError, match=f"`{KEY_VARIABLE}` is not set"):
        LogParams(hash=frozenset({"town"}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sample": 1.5}, "should be a share"),
        ({"sample": float("nan")}, "should be a share"),
        ({"hash": frozenset({"a"}), "drop": frozenset({"a"})}, "both hashes and drops `a`"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        params(**change)


def test_a_misspelt_column_is_refused_lest_it_be_logged_in_clear() -> None:
    params(hash=frozenset({"town", "entity"}), drop=frozenset({"request"})).check(FEATURES)
    with pytest.raises(ConfigError, match=r"`monitoring.log.drop` names `twon`, .* Did you mean `town`\?"):
        params(drop=frozenset({"twon"})).check(FEATURES)


@given(st.text(), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_sample_holds_a_smaller_one(name: str, one: float, other: float) -> None:
    low, high = sorted((one, other))

    assert params(sample=high).takes(name) or not params(sample=low).takes(name)
    assert params(sample=1.0).takes(name)
    assert not params(sample=0.0).takes(name)


def test_a_sample_is_as_large_as_asked() -> None:
    taken = sum(params(sample=0.1).takes(f"id-{i}") for i in range(20_000))

    assert abs(taken - 2000) < 4 * (20_000 * 0.1 * 0.9) ** 0.5


def test_a_time_is_written_and_read_back() -> None:
    eastern = dt.timezone(dt.timedelta(hours=-5))
    assert stamp(dt.datetime(2026, 1, 31, 0, 15, 0, 42, tzinfo=eastern)) == "2026-01-31T05:15:00.000042Z"
    assert stamp(instant("2026-01-31T05:15:00.000042Z")) == "2026-01-31T05:15:00.000042Z"
    assert abs(instant(now()) - dt.datetime.now(dt.UTC)) < dt.timedelta(seconds=5)
    with pytest.raises(ValueError, match="is no UTC time"):
        instant("2026-01-31T05:15:00")


def test_a_policy_does_not_leave_the_process() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(params(), protocol=0)


def test_a_request_of_many_rows_is_one_line_that_gives_its_rows_back() -> None:
    rows = [
        record("a", "jo", request="r", label="late", flags=["unseen:carrier"]),
        record("b", "jo", request="r", score=None, scores={"x": 0.25, "y": 0.75}),
        record("c", "jo", request="r", score=None, value=-1e300, features={}),
    ]
    line = together(*rows)

    assert b"\n" not in line
    assert decode(line) == rows
    content = msgspec.json.decode(line)
    with pytest.raises(ValueError, match="shorter"):
        decode(msgspec.json.encode(content | {"predictions": content["predictions"][:2]}))
    for end in range(1, len(line)):  # torn
        with pytest.raises(msgspec.DecodeError):
            decode(line[:end])
