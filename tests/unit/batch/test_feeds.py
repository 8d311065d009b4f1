"""A file's values as the model takes them: as evaluation reads them, whoever wrote the file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.batch.feeds import make_feeds
from weighlock.conform import as_type
from weighlock.schema import Column
from weighlock.scoring import Feature, Signature


def signature(**features: Any) -> Signature:
    made = tuple(Feature(name, **{"nullable": True, **given}) for name, given in features.items())
    return Signature("regression", "y", made, None, None, {}, "sha256:00")


def one(values: Any, **feature: Any) -> Any:
    """Feeds of one column `x`."""
    array = values if isinstance(values, pa.Array) else pa.array(values)
    return make_feeds(pa.record_batch([array], names=["x"]), signature(x=feature))


def numbers(feeds: Any) -> list[float | None]:
    return [None if v != v else v for v in feeds.columns["x"][:, 0].tolist()]


@pytest.mark.parametrize(
    ("values", "read"),
    [
        ([1, None, 3], [1, None, 3]),
        ([1.5, float("nan"), None], [1.5, None, None]),
        ([True, False, None], [1, 0, None]),
        (["1", " 2.5 ", None, "1e3"], [1, 2.5, None, 1000]),
        (pa.array(["1", "2", "1", None]).dictionary_encode(), [1, 2, 1, None]),
        (pa.array([1, 2], pa.decimal128(5, 2)), [1, 2]),
        (pa.nulls(2), [None, None]),
        (pa.array(["7"], pa.large_string()), [7]),
    ],
)
def test_numbers_of_any_type(values: Any, read: list[float | None]) -> None:
    feeds = one(values, type="number")

    assert numbers(feeds) == read
    assert feeds.columns["x"].dtype == np.float32
    assert not feeds.faults


@pytest.mark.parametrize(
    ("values", "read"),
    [
        (["true", "False", " TRUE", "0", "1", None], [1, 0, 1, 0, 1, None]),
        ([1, 0, None], [1, 0, None]),
        ([1.0, 0.0, float("nan")], [1, 0, None]),
        ([True, None], [1, None]),
    ],
)
def test_booleans_of_any_type(values: Any, read: list[float | None]) -> None:
    feeds = one(values, type="boolean")

    assert numbers(feeds) == read
    assert not feeds.faults


@pytest.mark.parametrize(
    ("values", "known", "texts", "flagged"),
    [
        (["a", None, "", "z"], ("a", "b"), ["a", "", "", "z"], [3]),
        ([3, 4, None], ("3", "4"), ["3", "4", ""], []),
        ([3.0, float("nan")], ("3",), ["3", ""], []),
        (["3.0", "3"], ("3", "4"), ["3", "3"], []),
        (["3.0"], ("3", "3.0"), ["3.0"], []),
        (["3.0"], ("3", "x"), ["3.0"], [0]),
        ([True, False], ("true", "false"), ["true", "false"], []),
        (["True", "FALSE"], ("true", "false"), ["true", "false"], []),
        (["anything"], None, ["anything"], []),
        (pa.array(["a", "c", None]).dictionary_encode(), ("a",), ["a", "c", ""], [1]),
    ],
)
def test_categories_are_the_texts_that_the_model_knows(
    values: Any, known: tuple[str, ...] | None, texts: list[str], flagged: list[int]
) -> None:
    feeds = one(values, type="category", categories=known)

    assert feeds.columns["x"][:, 0].tolist() == texts
    assert feeds.flags == {row: ["unseen:x"] for row in flagged}
    assert not feeds.faults


@given(
    st.lists(
        st.one_of(st.none(), st.text(max_size=6), st.floats(width=32).map(str), st.integers().map(str)), min_size=1
    )
)
def test_text_is_a_number_where_evaluation_reads_one(texts: list[str | None]) -> None:
    frame = pd.Series([t if t is None or t.strip() else None for t in texts], name="x", dtype=object)
    texts = frame.tolist()
    feeds = one(pa.array(texts, pa.string()), type="number")
    try:
        expected, failures = as_type(frame, Column(type="number"))
    except Exception:  # nothing in it is a number: evaluation refuses the column
        assert len(feeds.faults) == sum(t is not None for t in texts)
        return

    read = feeds.values["x"].tolist()  # noqa: PD011
    ours = np.array([np.nan if row in feeds.faults else value for row, value in enumerate(read)])
    np.testing.assert_allclose(ours, expected.to_numpy(), rtol=1e-15)  # pandas does not round to the nearest
    assert set(feeds.faults) == set(failures["row"])


def test_every_row_of_a_column_that_is_no_number_is_a_fault() -> None:
    feeds = one(pa.array([0, 1], pa.timestamp("us")), type="number")

    assert sorted(feeds.faults) == [0, 1]


def test_what_is_out_of_range_is_flagged_and_what_is_required_named() -> None:
    feeds = one([0.0, 5.0, 10.1, None, 1e39], type="number", min=0, max=10, nullable=False)

    assert feeds.flags == {2: ["range:x"]}
    assert {row: fault.reason.split(",")[0] for row, fault in feeds.faults.items()} == {3: "is missing", 4: "is 1e+39"}


def test_some_rows_alone_keep_their_flags() -> None:
    feeds = one([11.0, 1.0, None, 12.0], type="number", max=10, nullable=False)

    rest = feeds.only(np.array([0, 1, 3]))

    assert rest.flags == {0: ["range:x"], 2: ["range:x"]}
    assert numbers(rest) == [11, 1, 12]
    assert rest.faults == {}


def test_a_batch_of_the_scorer_and_feeds_are_the_same(trained: Callable) -> None:
    from weighlock.batch.scorer import BatchScorer

    t = trained("binary", "lightgbm")
    scorer = BatchScorer(t.content, t.signature)
    names = [f.name for f in t.signature.features]
    batch = pa.RecordBatch.from_pandas(t.rows[names], preserve_index=False)

    scores, finite = scorer.score_feeds(make_feeds(batch, t.signature))

    np.testing.assert_array_equal(scores, scorer.score(t.rows))
    assert finite.all()
