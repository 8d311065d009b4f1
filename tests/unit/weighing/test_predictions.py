"""Prediction files: what is read off them, what is refused, and how two of them are brought together."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighlock.errors import DataError, EvidenceError, NothingToWeigh, WeighlockError
from weighlock.tables import write_table
from weighlock.weighing.predictions import Predictions, matched, read_predictions, rows_digest

META = {
    "task": "binary",
    "target": "late",
    "classes": ["false", "true"],
    "threshold": 0.3,
    "model": "sha256:a",
    "trained_until": "2013-08-04T03:59Z",
}
ROWS = {"key": ["c", "a", "b"], "truth": [1, 0, 1], "score": np.array([0.9, 0.2, 0.6], dtype=np.float32)}
CLASSES = {"key": ["a", "b"], "truth": ["x", "z"], "score_x": [0.5, 0.1], "score_y": [0.3, 0.1], "score_z": [0.2, 0.8]}
VALUES = {"key": ["a", "b"], "truth": [1.5, -2.0], "value": [1.0, 2.0]}


def write(folder: Path, columns: dict[str, Any], meta: dict[str, Any] | None = None, name: str = "a.parquet") -> Path:
    write_table(pd.DataFrame(columns), folder / name, meta)
    return folder / name


def read(folder: Path, columns: dict[str, Any], meta: dict[str, Any] | None = None, name: str = "a.parquet") -> Any:
    return read_predictions(write(folder, columns, meta, name))


def test_a_file_of_evaluate_is_read_in_the_order_of_its_keys(tmp_path: Path) -> None:
    times = pd.to_datetime(["2013-08-04T06:00Z", "2013-08-04T04:00Z", "2013-08-04T05:00Z"])
    columns = ROWS | {"time": times, "group": ["g", "h", "g"], "origin": ["JFK", "LGA", None]}

    found = read(tmp_path, columns, META)

    assert found.frame["key"].tolist() == ["a", "b", "c"]
    assert found.frame["truth"].tolist() == [0, 1, 1]
    assert found.frame["score"].tolist() == ROWS["score"][[1, 2, 0]].astype(float).tolist()
    assert found.frame["time"].tolist() == sorted(times)
    assert found.frame["group"].tolist() == ["h", "g", "g"]
    assert found.frame["origin"].tolist() == ["LGA", "(missing)", "JFK"]
    assert (found.name, found.task, found.target, found.classes) == (
        str(tmp_path / "a.parquet"),
        "binary",
        "late",
        ("false", "true"),
    )
    assert (found.threshold, found.model, found.trained_until) == (0.3, "sha256:a", "2013-08-04T03:59Z")
    assert found.declared
    assert found.slices == ["origin"]


def test_an_older_file_does_not_say_when_training_ended(tmp_path: Path) -> None:
    meta = {k: v for k, v in META.items() if k != "trained_until"}

    assert read(tmp_path, ROWS, meta).trained_until is None


@pytest.mark.parametrize(
    ("columns", "task", "classes"),
    [
        (ROWS, "binary", ("0", "1")),
        (ROWS | {"truth": [True, False, True]}, "binary", ("0", "1")),
        (ROWS | {"truth": [1.0, 0.0, 1.0]}, "binary", ("0", "1")),
        (CLASSES, "multiclass", ("x", "y", "z")),
        (VALUES, "regression", None),
    ],
)
def test_without_metadata_the_columns_tell_the_task(
    tmp_path: Path, columns: dict[str, Any], task: str, classes: tuple[str, ...] | None
) -> None:
    frame = pd.DataFrame(columns)
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_csv(tmp_path / "a.csv", index=False)

    for found in (read_predictions(tmp_path / "a.parquet"), read_predictions(tmp_path / "a.csv")):
        assert (found.task, found.classes, found.model, found.declared) == (task, classes, None, False)
        assert found.scored.truth.tolist() == {
            "binary": [0, 1, 1], "multiclass": [0, 2], "regression": [1.5, -2.0]
        }[task]  # fmt: skip


def test_keys_that_are_numbers_become_text(tmp_path: Path) -> None:
    assert read(tmp_path, ROWS | {"key": [10, 9, 2]}).frame["key"].tolist() == ["10", "2", "9"]
    (tmp_path / "a.csv").write_text("\ufeffkey,truth,score\n007,0,0.1\nNA,1,0.2\n", encoding="utf-8")
    assert read_predictions(tmp_path / "a.csv").frame["key"].tolist() == ["007", "NA"]


def test_other_columns_of_another_tool_are_grouped_into_slices(tmp_path: Path) -> None:
    rows = 100
    columns = {
        "key": [f"k{i:03}" for i in range(rows)],
        "truth": [0, 1] * 50,
        "score": 0.5,
        "amount": np.arange(rows, dtype=float),
        "kind": [f"v{i % 30}" if i >= 60 else "most" for i in range(rows)],
        "new": [True, False] * 50,
        "parts": [[1, 2]] * rows,
    }

    found = read(tmp_path, columns)

    assert found.slices == ["amount", "kind", "new"]
    assert found.frame["amount"].value_counts().tolist() == [25, 25, 25, 25]
    assert found.frame["kind"].nunique() == 21
    assert sorted(found.frame["new"].unique()) == ["false", "true"]


def test_what_pandas_and_arrow_add_to_a_table_is_no_slice(tmp_path: Path) -> None:
    frame = pd.DataFrame(ROWS, index=[5, 7, 9]).assign(truth=pd.Categorical(["1", "0", "1"]))
    frame.to_parquet(tmp_path / "a.parquet")

    found = read_predictions(tmp_path / "a.parquet")

    assert found.slices == []
    assert found.frame["truth"].tolist() == [0, 1, 1]


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no key": ({"truth": [0, 1], "score": [0.1, 0.2]}, "lacks the column `key`"),
    "no truth": ({"key": ["a"], "score": [0.1]}, "lacks the column `truth`"),
    "no score": ({"key": ["a"], "truth": [0]}, "holds none of them"),
    "two tasks": (ROWS | {"value": 1.0}, "holds `score` and `value`"),
    "two classes": (
        {"key": ["a"], "truth": ["x"], "score_x": [0.5], "score_y": [0.5]},
        "scores of 2 classes; three make it multiclass",
    ),
    "no rows": ({k: list(v)[:0] for k, v in ROWS.items()}, "holds no rows"),
    "key missing": (ROWS | {"key": ["a", None, "b"]}, "no `key` in 1 rows, first in row 2"),
    "key twice": (ROWS | {"key": ["a", "a", "b"]}, "has 1 keys more than once: `a`"),
    "NaN score": (ROWS | {"score": [0.1, np.nan, 0.2]}, r"`score` in .* should be a finite number, .* of 3 rows: `a`"),
    "infinite value": (VALUES | {"value": [np.inf, 1]}, r"`value` in .* should be a finite number"),
    "text": (ROWS | {"score": ["0.1", "many", "0.2"]}, r"`score` .* 1 of 3 rows: `a` \(there 'many'\)"),
    "no probability": (ROWS | {"score": [0.1, 0.2, 1.2]}, r"should be a probability, .* `b` \(there 1\.2\)"),
    "negative": (ROWS | {"score": [0.1, 0.2, -0.01]}, "should be a probability"),
    "no sum of one": (CLASSES | {"score_x": [0.51, 0.1]}, r"sum to one in every row but 1, such as `a` \(1\.01\)"),
    "NaN truth": (VALUES | {"truth": [np.nan, 1]}, "`truth` in .* should be a finite number"),
    "truth missing": (ROWS | {"truth": [None, 0, 1]}, "`truth` in .* should be 0 or 1"),
    "truth between": (ROWS | {"truth": [0.5, 0, 1]}, r"should be 0 or 1, .* `c` \(there 0\.5\)"),
    "no class": (CLASSES | {"truth": ["x", "w"]}, r"should be one of x, y, z, .* `b` \(there 'w'\)"),
    "one class": (ROWS | {"truth": [1, 1, 1]}, "`truth` in .* is '1' in every row"),
    "one of three": (CLASSES | {"truth": ["x", "x"]}, "'x' in every row"),
    "no time": (ROWS | {"time": ["2013-01-01", "soon", "2013-01-02"]}, r"a\.parquet`: .* no time, first 'soon'"),
    "time missing": (ROWS | {"time": [None, "2013-01-01", "2013-01-02"]}, "`time` is missing in 1 rows"),
    "time a number": (ROWS | {"time": [1, 2, 3]}, "holds numbers"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_rows_are_refused_with_file_column_and_key(tmp_path: Path, case: str) -> None:
    columns, said = BAD[case]

    with pytest.raises(DataError, match=said) as refused:
        read(tmp_path, columns)
    assert "a.parquet" in str(refused.value)
    assert refused.value.exit_code == 2


def test_of_many_duplicates_five_are_shown(tmp_path: Path) -> None:
    keys = [f"k{i}" for i in range(8)] * 2

    with pytest.raises(DataError, match=r"8 keys more than once: `k0`, `k1`, `k2`, `k3`, `k4` and 3 more"):
        read(tmp_path, {"key": keys, "truth": [0, 1] * 8, "score": 0.5})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"task": "ranking"}, "`task` 'ranking'"),
        ({"classes": ["a", "b", "c"]}, "do not go together"),
        ({"classes": ["a", "a"]}, "do not go together"),
        ({"classes": [False, True]}, "do not go together"),
        ({"task": "regression"}, "do not go together"),
        ({"threshold": "high"}, "`threshold` 'high'"),
        ({"model": 7}, "`model` 7"),
        ({"trained_until": "August"}, "`trained_until` 'August'"),
        ({"trained_until": "2013-08-04T03:59"}, "no time such as 2013-08-04T03:59Z"),
    ],
)
def test_bad_metadata_are_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(EvidenceError, match=said):
        read(tmp_path, ROWS, META | change)


def test_declared_scores_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="lacks the column `score`"):
        read(tmp_path, VALUES, META)


def test_missing_torn_and_foreign_files_are_named(tmp_path: Path) -> None:
    whole = write(tmp_path, ROWS)
    (tmp_path / "torn.parquet").write_bytes(whole.read_bytes()[:-20])
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "wide.csv").write_text("key,truth,score\na,0,0.5,1\nb,1,0.5,1\n")
    meta = pa.table(ROWS).replace_schema_metadata({b"weighlock": b"[1]"})
    pq.write_table(meta, tmp_path / "meta.parquet")

    for name, said in {
        "none.parquet": "is missing",
        "none.csv": "is missing",
        "torn.parquet": "cannot be read as Parquet",
        "empty.csv": "cannot be read as CSV",
        "wide.csv": "more fields than its first line",
        "meta.parquet": "are not JSON",
        ".": "cannot be read as Parquet",
    }.items():
        with pytest.raises(WeighlockError, match=said) as refused:
            read_predictions(tmp_path / name)
        assert str(tmp_path / name) in str(refused.value)


def test_single_precision_may_step_over_one(tmp_path: Path) -> None:
    assert read(tmp_path, ROWS | {"score": [1 + 5e-7, 0, 0.5]}).frame["score"].tolist() == [0, 0.5, 1]


def pair(folder: Path, first: dict[str, Any], second: dict[str, Any], *metas: Any) -> tuple[Predictions, Predictions]:
    one, two = metas or (META, META | {"model": "sha256:b"})
    return read(folder, first, one), read(folder, second, two, "b.parquet")


def test_the_champion_is_brought_to_the_challengers_rows(tmp_path: Path) -> None:
    other = {"key": ["b", "c", "a"], "truth": [1, 1, 0], "score": [0.5, 0.4, 0.3], "origin": ["x", "y", "z"]}
    challenger, champion = pair(tmp_path, ROWS | {"origin": ["C", "A", "B"]}, other)

    found = matched(challenger, champion)

    assert found.frame["key"].tolist() == ["a", "b", "c"]
    assert found.frame["score"].tolist() == [0.3, 0.5, 0.4]
    assert found.frame["origin"].tolist() == ["A", "B", "C"]
    assert (found.model, found.name) == ("sha256:b", champion.name)


def test_classes_in_another_order_are_told_apart_by_their_names(tmp_path: Path) -> None:
    other = {
        "key": ["a", "b"],
        "truth": ["x", "z"],
        "score_z": [0.1, 0.2],
        "score_y": [0.2, 0.2],
        "score_x": [0.7, 0.6],
    }
    challenger, champion = pair(tmp_path, CLASSES, other, None, None)

    found = matched(challenger, champion)

    assert found.classes == ("x", "y", "z")
    assert found.scored.scores.tolist() == [[0.7, 0.2, 0.1], [0.6, 0.2, 0.2]]
    assert found.scored.truth.tolist() == [0, 2]


def test_a_file_that_says_nothing_takes_the_challengers_names(tmp_path: Path) -> None:
    challenger, champion = pair(tmp_path, ROWS, ROWS | {"score": [0.1, 0.2, 0.3]}, META, None)

    found = matched(challenger, champion)

    assert (found.target, found.classes) == ("late", ("false", "true"))


@pytest.mark.parametrize(
    ("columns", "meta", "said"),
    [
        (VALUES, {"task": "regression", "classes": None, "threshold": None}, "one is binary, the other regression"),
        (ROWS, {"target": "early"}, "`target` is 'late' in one and 'early' in the other"),
        (ROWS, {"classes": ["true", "false"]}, "`classes` is"),
        (ROWS | {"key": ["c", "a", "d"]}, {}, r"3 and 3, 2 of them shared; 1 are in `.*a.parquet` alone: `b`; .*: `d`"),
        ({"key": ["a", "b"], "truth": [0, 1], "score": 0.5}, {}, r"3 and 2, 2 of them shared; 1 .* alone: `c`\."),
        (ROWS | {"truth": [0, 0, 1]}, {}, "another truth in 1 of 3 rows: `c`"),
    ],
)  # fmt: skip
def test_what_cannot_be_paired_is_refused(tmp_path: Path, columns: Any, meta: dict[str, Any], said: str) -> None:
    challenger, champion = pair(tmp_path, ROWS, columns, META, META | {"model": "sha256:b"} | meta)

    with pytest.raises(EvidenceError, match=said):
        matched(challenger, champion)


def test_of_many_keys_that_do_not_match_five_are_shown(tmp_path: Path) -> None:
    rows = {"truth": [0, 1] * 5, "score": 0.5}
    challenger, champion = pair(
        tmp_path, rows | {"key": [f"a{i}" for i in range(10)]}, rows | {"key": [f"b{i}" for i in range(10)]}
    )

    with pytest.raises(EvidenceError, match=r"10 are in .*: `a0`, `a1`, `a2`, `a3`, `a4` and 5 more; 10 .*: `b0`"):
        matched(challenger, champion)


def test_other_times_are_refused(tmp_path: Path) -> None:
    times = pd.date_range("2013-08-04", periods=3, tz="UTC")
    challenger, champion = pair(tmp_path, ROWS | {"time": times}, ROWS | {"time": times + pd.Timedelta("1h")})

    with pytest.raises(EvidenceError, match="another time in 3 of 3 rows"):
        matched(challenger, champion)


def test_classes_of_other_tools_must_be_the_same(tmp_path: Path) -> None:
    other = {k.replace("score_y", "score_w"): v for k, v in CLASSES.items()}
    challenger, champion = pair(tmp_path, CLASSES, other, None, None)

    with pytest.raises(EvidenceError, match="their classes are"):
        matched(challenger, champion)


@pytest.mark.parametrize("meta", [META, None, {**META, "model": None}])
def test_a_model_is_not_compared_with_itself(tmp_path: Path, meta: Any) -> None:
    challenger, champion = pair(tmp_path, ROWS, ROWS, META, meta)

    with pytest.raises(NothingToWeigh, match="nothing to weigh") as refused:
        matched(challenger, champion)
    assert refused.value.exit_code == 2
    assert NothingToWeigh("", nothing_new=True).exit_code == 0


def test_another_model_that_scores_alike_is_weighed(tmp_path: Path) -> None:
    challenger, champion = pair(tmp_path, ROWS, ROWS)

    assert matched(challenger, champion).frame["score"].tolist() == challenger.frame["score"].tolist()


def test_values_that_went_through_single_precision_are_the_same_truth(tmp_path: Path) -> None:
    challenger, champion = pair(
        tmp_path, VALUES | {"truth": [1.1, 2e7 / 3]}, VALUES | {"truth": np.array([1.1, 2e7 / 3], "f4"), "value": 0.0},
        None, None,
    )  # fmt: skip

    assert matched(challenger, champion).frame["truth"].tolist() == [1.1, 2e7 / 3]


def test_the_digest_is_of_keys_times_and_truths_alone(tmp_path: Path) -> None:
    times = pd.to_datetime(["2013-08-04T06:00Z", "2013-08-04T04:00Z", "2013-08-04T05:00Z"])
    a = read(tmp_path, ROWS | {"time": times.as_unit("ns"), "origin": "x"}, META)
    b = read(tmp_path, ROWS | {"time": times.as_unit("ms"), "score": 0.5})
    pd.DataFrame(ROWS | {"time": times.strftime("%Y-%m-%dT%H:%M:%SZ")}).to_csv(tmp_path / "c.csv", index=False)

    assert rows_digest(a) == rows_digest(b) == rows_digest(read_predictions(tmp_path / "c.csv"))
    for change in (ROWS, ROWS | {"time": times, "truth": [0, 0, 1]}, ROWS | {"time": times, "key": ["d", "a", "b"]}):
        assert rows_digest(read(tmp_path, change)) != rows_digest(a)


def test_the_digest_is_this_one_on_every_machine(tmp_path: Path) -> None:
    keys, truth = json.dumps(["a", "b", "c"], separators=(",", ":")), '["0","1","1"]'

    assert rows_digest(read(tmp_path, ROWS)) == "sha256:" + hashlib.sha256(f"{keys}truth{truth}".encode()).hexdigest()


@settings(max_examples=10)
@given(st.lists(st.text(min_size=1, max_size=4), min_size=2, max_size=6, unique=True), st.randoms())
def test_the_digest_does_not_hang_on_the_order_of_rows(tmp_path_factory: Any, keys: list[str], random: Any) -> None:
    folder = tmp_path_factory.mktemp("digest")
    order = random.sample(range(len(keys)), len(keys))
    values = [float(i) for i in range(len(keys))]
    rows = {"key": keys, "truth": values, "value": 0.0}

    first = read(folder, rows)
    second = read(folder, {"key": [keys[i] for i in order], "truth": [values[i] for i in order], "value": 0.0})

    assert rows_digest(first) == rows_digest(second)
    assert first.frame.equals(second.frame)
    assert first.frame["key"].tolist() == sorted(keys)
