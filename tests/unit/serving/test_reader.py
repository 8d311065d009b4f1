"""What a body may be: the quick way and the long way agree with a third, written with the json module alone."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.errors import EvidenceError
from weighlock.scoring import Feature, Signature
from weighlock.serving.problems import Refused
from weighlock.serving.reader import FEW, Reader

FEATURES = (
    Feature("kind", "category", nullable=True, categories=("a", "b"), open=True),
    Feature("size", "number", nullable=False, min=0.0, max=10.0),
    Feature("port", "category", nullable=False, categories=("north", "south")),
    Feature("count", "integer", nullable=True, min=0.0),
    Feature("new", "boolean", nullable=True),
    Feature("note", "category", nullable=True),
)
GOOD = {"size": 1.5, "count": 3, "new": True, "kind": "a", "port": "south", "note": "x"}


def signature(*features: Feature) -> Signature:
    return Signature("binary", "y", features or FEATURES, ("no", "yes"), 0.5, {}, "sha256:0")


def reader(*, strict: bool = False, max_rows: int = 1000) -> Reader:
    return Reader(signature(), strict=strict, max_rows=max_rows)


def body(*rows: Any) -> bytes:
    return json.dumps({"rows": list(rows)}).encode()


def refusal(content: bytes, **options: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        reader(**options).read(content)
    return caught.value


def test_values_come_as_numbers_then_texts_whatever_their_order_in_the_body() -> None:
    rows = reader().read(body(GOOD, GOOD | {"size": 2, "count": None, "kind": None}))
    assert rows.values == [(1.5, 3.0, True, "a", "south", "x"), (2.0, None, True, None, "south", "x")]
    assert rows.flags == {}


@pytest.mark.parametrize("count", [1, FEW, FEW + 1, 50])
def test_what_is_left_out_is_null_and_what_is_empty_too(count: int) -> None:
    short = {"size": 1.0, "port": "north", "note": ""}
    rows = reader().read(body(*[short] * count))
    assert rows.values == [(1.0, None, None, None, "north", None)] * count
    assert rows.flags == {}


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "size": st.sampled_from([1.5, 0, 10, 10.1, -3, 1e300]),
                "port": st.sampled_from(["north", "south", "west"]),
            },
            optional={
                "kind": st.sampled_from(["a", "b", "zz", "", None, 'q"']),
                "count": st.sampled_from([1, 2.0, 2.5, -1, None]),
                "new": st.sampled_from([True, False, None]),
                "note": st.sampled_from(["x", "", None]),
            },
        ),
        min_size=FEW + 1,
        max_size=FEW + 6,
    ),
    st.booleans(),
)
def test_many_rows_are_read_as_each_of_them_alone(content: list[dict[str, Any]], strict: bool) -> None:
    filled = [GOOD | row for row in content]  # nothing is left out: the way by columns
    for rows in (content, filled):
        values: list[Any] = []
        flags: dict[int, list[str]] = {}
        faults: list[tuple[Any, ...]] = []
        for place, row in enumerate(rows):
            try:
                one = reader(strict=strict).read(body(row))
            except Refused as refused:
                faults += [(place, fault.field, fault.problem) for fault in refused.faults]
            else:
                values += one.values
                if one.flags:
                    flags[place] = one.flags[0]
        try:
            found = reader(strict=strict).read(body(*rows))
        except Refused as refused:
            assert [(f.row, f.field, f.problem) for f in refused.faults] == faults
        else:
            assert (found.values, found.flags, faults) == (values, flags, [])
            if found.columns:
                np.testing.assert_array_equal(found.columns.numbers, np.array([v[:3] for v in values], dtype=float).T)
                assert list(zip(*found.columns.texts, strict=True)) == [v[3:] for v in values]
            if found.raw is not None:
                assert json.loads(found.raw) == rows


@pytest.mark.parametrize("count", [1, FEW, FEW + 1, 50])
@pytest.mark.parametrize(
    ("change", "flag", "refused"),
    [
        ({"size": 10.1}, "range:size", True),
        ({"size": -0.1}, "range:size", True),
        ({"count": -1}, "range:count", True),
        ({"port": "west"}, "unseen:port", True),
        ({"kind": "zz"}, "unseen:kind", False),  # an open category: the model has a place for it
    ],
)
def test_odd_values_are_flagged_or_refused(count: int, change: dict[str, Any], flag: str, refused: bool) -> None:
    content = body(*[GOOD] * (count - 1), GOOD | change)
    assert reader().read(content).flags == {count - 1: [flag]}
    if not refused:
        assert reader(strict=True).read(content).flags == {count - 1: [flag]}
        return
    fault = refusal(content, strict=True).faults[0]
    assert (fault.row, fault.field) == (count - 1, flag.split(":")[1])


@pytest.mark.parametrize("count", [1, FEW + 1])
@pytest.mark.parametrize(
    ("row", "field", "problem"),
    [
        (GOOD | {"size": None}, "size", "should be a number, but is null"),
        (GOOD | {"size": "1"}, "size", "should be a number, but is a text"),
        (GOOD | {"size": True}, "size", "should be a number, but is true or false"),
        (GOOD | {"size": [1]}, "size", "should be a number, but is a list"),
        (GOOD | {"size": 4e38}, "size", "single precision"),
        (GOOD | {"count": 2.5}, "count", "should be a whole number, but is 2.5"),
        (GOOD | {"new": 1}, "new", "should be true or false or null, but is a number"),
        (GOOD | {"port": None}, "port", "should be a text, but is null"),
        (GOOD | {"port": ""}, "port", "should not be null or empty"),
        (GOOD | {"kind": 3}, "kind", "should be a text or null, but is a number"),
        (GOOD | {"knid": "a"}, "knid", "is not known here; did you mean `kind`?"),
        ({k: v for k, v in GOOD.items() if k != "port"}, "port", "is missing"),
        (7, None, "should be an object, but is a number"),
    ],
)
def test_what_cannot_be_scored_is_refused_by_row_and_field(count: int, row: Any, field: str, problem: str) -> None:
    refused = refusal(body(*[GOOD] * (count - 1), row))
    assert refused.status == 422
    assert [(f.row, f.field) for f in refused.faults] == [(count - 1, field)]
    assert problem in refused.faults[0].problem


def test_every_bad_row_is_named() -> None:
    refused = refusal(body(GOOD | {"size": "x"}, GOOD, GOOD | {"port": 1}))
    assert [(f.row, f.field) for f in refused.faults] == [(0, "size"), (2, "port")]
    assert refused.detail.startswith("Row 0: `size` should be a number")


@pytest.mark.parametrize("rows", [1, 20])
@pytest.mark.parametrize("twice", ['"size": 1.5', '"port": "north"', '"new": true', '"count": null'])
def test_a_member_that_stands_twice_is_refused_even_where_another_is_left_out(twice: str, rows: int) -> None:
    good = json.dumps(GOOD)
    for row in (good, good.replace('"note": "x"', '"size": 2'), good.replace(', "note": "x"', "")):
        doubled = f"{row[:-1]}, {twice}}}"
        refused = refusal(f'{{"rows": [{", ".join([good] * (rows - 1) + [doubled])}]}}'.encode())
        named = {(f.row, f.field, f.problem) for f in refused.faults}
        assert (rows - 1, twice.split('"')[1], "stands twice") in named


def test_rows_twice_is_refused() -> None:
    fault = refusal(b'{"rows": [], ' + body(GOOD)[1:]).faults[0]
    assert (fault.row, fault.field, fault.problem) == (None, "rows", "stands twice")


def test_quotes_and_escapes_within_texts_are_no_repetition() -> None:
    odd = 'say "hi"\\ \u00e9\n'
    assert reader().read(body(GOOD | {"note": odd})).values[0][-1] == odd


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"\xff\xfe", b"{'rows': []}", b'{"rows": [{"size": NaN}]}', b"\x80\x04\x95pickle",
        b'{"rows": [{"size": 1, "port": "\xff"}]}', b'{"rows": [{"size": Infinity, "port": "north"}]}',
        json.dumps({"rows": [GOOD]}).encode("utf-16"), b"\xef\xbb\xbf" + body(GOOD), b'{"rows": [{"size": 01}]}',
        b'{"rows": [{"port": "\\ud800", "size": 1}]}', body(GOOD)[:-1], body(GOOD) + b"]",
    ],
)  # fmt: skip
def test_what_is_no_json_is_400(content: bytes) -> None:
    assert refusal(content).status == 400


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[]", "should be an object, but is a list"),
        (b"{}", "is missing"),
        (b'{"rows": {}}', "should be a list, but is an object"),
        (b'{"rows": [], "row": 1}', "is not known here; did you mean `rows`?"),
        (b'{"rows": []}', "should hold 1 to 3 rows, but holds 0"),
        (b'{"rows": [{"size": 1e999, "port": "north"}]}', "is larger than a number can be"),
        (b'{"rows": [{"size": ' + b"9" * 5000 + b', "port": "north"}]}', "is larger than a number can be"),
        (body(*[GOOD] * 4), "should hold 1 to 3 rows, but holds 4"),
        (b"[" * 100_000, "should be an object, but is a list"),
        (b'{"rows": ' + b"[" * 100_000, "should be an object"),
    ],
)
def test_what_is_no_request_is_422(content: bytes, problem: str) -> None:
    refused = refusal(content, max_rows=3)
    assert (refused.status, refused.kind) in {(422, "invalid-rows"), (400, "malformed-json")}
    if refused.status == 422:
        assert problem in refused.faults[0].problem


def test_names_of_any_kind_work_and_those_that_cannot_are_refused_at_the_start() -> None:
    odd = Feature("a b.c[0] ü", "number", nullable=False)
    read = Reader(signature(odd), strict=False, max_rows=1).read
    assert read(body({"a b.c[0] ü": 2})).values == [(2.0,)]
    with pytest.raises(Refused) as caught:
        read(body({"a b.c[0] ü": "x"}))
    assert (caught.value.faults[0].row, caught.value.faults[0].field) == (0, "a b.c[0] ü")
    with pytest.raises(EvidenceError, match="cannot be served"):
        Reader(signature(Feature('a"b', "number", nullable=False)), strict=False, max_rows=1)


# --- the third way: the json module and the rules, written anew -------------------------------------------------------


def third(content: bytes, *, strict: bool) -> list[list[str]] | None:
    """The flags of each row, or None where the body is to be refused."""

    def pairs(members: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({n for n, _ in members}) < len(members):
            raise ValueError("twice")
        return dict(members)

    def constant(text: str) -> Any:
        raise ValueError(text)

    try:
        content.decode("utf-8")
        request = json.loads(content, object_pairs_hook=pairs, parse_constant=constant)
        if set(request) != {"rows"} or not 0 < len(request["rows"]) <= 1000:
            return None
        return [_flags(row, strict=strict) for row in request["rows"]]
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


def _flags(row: dict[str, Any], *, strict: bool) -> list[str]:
    if set(row) - {f.name for f in FEATURES}:
        raise ValueError("unknown")
    flags = []
    order = [f for f in FEATURES if f.type != "category"] + [f for f in FEATURES if f.type == "category"]
    for f in order:
        value = row.get(f.name)
        if value is None or value == "":
            if not f.nullable or (value == "" and f.type != "category"):
                raise ValueError("null")
            continue
        wanted = {"category": str, "boolean": bool}.get(f.type, (int, float))
        if not isinstance(value, wanted) or (isinstance(value, bool) and f.type != "boolean"):
            raise TypeError("type")
        if f.type == "category":
            value.encode()
            odd = f.categories is not None and value not in f.categories
            flag, harmless = f"unseen:{f.name}", f.open
        else:
            if abs(value) > float.fromhex("0x1.fffffep127") or (f.type == "integer" and value != int(value)):
                raise ValueError("number")
            odd = f.type != "boolean" and not ((f.min is None or value >= f.min) and (f.max is None or value <= f.max))
            flag, harmless = f"range:{f.name}", False
        if odd:
            if strict and not harmless:
                raise ValueError("odd")
            flags.append(flag)
    return flags


TEXTS = ["a", "b", "north", "south", "west", "", '"', "\\", "ü", "\n"]
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
INTEGERS = st.one_of(st.integers(-3, 12), st.integers(-(10**40), 10**40))
NONSENSE = st.sampled_from([[], {}])
VALUES = st.one_of(
    st.none(), st.booleans(), INTEGERS, FLOATS, st.floats(-1, 11, width=16), st.sampled_from(TEXTS), NONSENSE
)
NAMES = st.sampled_from([f.name for f in FEATURES] + ["zzz"])
MEMBERS = st.lists(st.tuples(NAMES, VALUES), max_size=3)


@st.composite
def bodies(draw: Any) -> bytes:
    rows = []
    for _ in range(draw(st.sampled_from([1, 1, 2, 12]))):
        members = [(k, v) for k, v in GOOD.items() if k not in draw(st.sets(NAMES, max_size=2))]
        changed = [(n, v) for n, v in draw(MEMBERS) if draw(st.booleans()) or n not in dict(members)]
        kept = [(k, v) for k, v in members if draw(st.integers(0, 9)) or k not in dict(changed)]
        both = draw(st.permutations(kept + changed)) if draw(st.booleans()) else [*dict(kept + changed).items()]
        rows.append("{" + ", ".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in both) + "}")
    return f'{{"rows": [{", ".join(rows)}]}}'.encode()


@given(bodies(), st.booleans())
def test_all_three_ways_agree(content: bytes, strict: bool) -> None:
    expected = third(content, strict=strict)
    try:
        rows = reader(strict=strict).read(content)
    except Refused:
        assert expected is None
        return
    assert expected is not None
    assert [rows.flags.get(i, []) for i in range(len(rows.values))] == expected


@given(st.binary(max_size=60), st.integers(0, 200), st.integers(0, 200), st.booleans())
def test_any_bytes_in_any_place_are_read_or_refused_never_a_defect(
    noise: bytes, at: int, cut: int, strict: bool
) -> None:
    whole = body(GOOD, GOOD | {"size": 11})
    content = whole[:at] + noise + whole[at + cut :]
    expected = third(content, strict=strict)
    try:
        reader(strict=strict).read(content)
    except Refused:
        assert expected is None
    else:
        assert expected is not None
