"""`signature.json`: what is written is read back, and what is malformed is refused and never crashes."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighlock.errors import EvidenceError
from weighlock.scoring.signature import TYPES, Feature, Signature, parse_signature, read_signature

numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
features = st.builds(
    Feature,
    name=st.text(),
    type=st.sampled_from(sorted(TYPES)),
    nullable=st.booleans(),
    min=numbers,
    max=numbers,
    categories=st.none() | st.lists(st.text()).map(tuple),
    open=st.booleans(),
)


@st.composite
def signatures(draw: st.DrawFn) -> Signature:
    task = draw(st.sampled_from(["binary", "multiclass", "regression"]))
    least, most = {"binary": (2, 2), "multiclass": (3, 6), "regression": (0, 0)}[task]
    classes = draw(st.lists(st.text(), min_size=least, max_size=most, unique=True))
    return Signature(
        task=task,
        target=draw(st.text()),
        features=tuple(draw(st.lists(features, min_size=1, max_size=5, unique_by=lambda f: f.name))),
        classes=None if task == "regression" else tuple(classes),
        threshold=draw(st.none() | st.floats(0, 1)) if task == "binary" else None,
        opset=draw(st.dictionaries(st.text(), st.integers(), max_size=3)),
        digest=draw(st.text()),
    )


VALID = Signature(
    task="binary",
    target="late",
    features=(
        Feature("hour", "number", nullable=False, min=0.0, max=24.0),
        Feature("carrier", "category", nullable=True, categories=("AA", "UA"), open=True),
    ),
    classes=("no", "yes"),
    threshold=0.29,
    opset={"ai.onnx": 18},
    digest="sha256:00",
)


def written() -> dict[str, Any]:
    """VALID as it stands in a file."""
    return json.loads(json.dumps(VALID.to_json()))


@given(signatures())
def test_what_is_written_is_read_back(signature: Signature) -> None:
    assert parse_signature(json.loads(json.dumps(signature.to_json())), "signature.json") == signature
    assert parse_signature(signature.to_json(), "memory") == signature


def test_the_file_says_what_it_means() -> None:
    content = written()

    assert list(content) == [
        "version",
        "task",
        "target",
        "features",
        "classes",
        "threshold",
        "opset",
        "digest",
        "trained_until",
    ]
    assert content["version"] == 1
    assert content["features"][0] == {
        "name": "hour", "type": "number", "nullable": False, "min": 0.0, "max": 24.0, "categories": None, "open": False,
    }  # fmt: skip


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=50)
@given(json_values)
def test_any_json_is_refused_as_no_signature(content: Any) -> None:
    with pytest.raises(EvidenceError, match="is no signature"):
        parse_signature(content, "any.json")


def paths(content: Any, path: tuple = ()) -> list[tuple]:
    """Where every value of a JSON document is."""
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [path, *(p for key, value in inner for p in paths(value, (*path, key)))]


PATHS = [path for path in paths(written()) if path]


def changed(path: tuple, value: Any) -> dict[str, Any]:
    content = copy.deepcopy(written())
    place = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return content


@settings(max_examples=100)
@given(st.sampled_from(PATHS), json_values)
def test_one_value_of_any_other_kind_is_refused_or_read_but_never_crashes(path: tuple, value: Any) -> None:
    try:
        signature = parse_signature(changed(path, value), "changed.json")
    except EvidenceError as error:
        assert str(error).startswith("`changed.json` is no signature")
    else:  # then nothing of it was bent into shape
        assert json.loads(json.dumps(signature.to_json())) == changed(path, value)


@pytest.mark.parametrize("path", [p for p in PATHS if isinstance(p[-1], str) and p[0] != "opset"])
def test_every_key_must_be_there(path: tuple) -> None:
    content = copy.deepcopy(written())
    place = content
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]

    with pytest.raises(EvidenceError, match=f"'{path[-1]}' is missing"):
        parse_signature(content, "s")


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("version",), 2, "2 is none of 1"),
        (("task",), "ranking", "'ranking' is none of binary, multiclass, regression"),
        (("task",), "regression", "regression and classes"),
        (("task",), "multiclass", "multiclass and classes"),
        (("classes",), None, "binary and classes None"),
        (("classes",), [], "do not go together"),
        (("classes",), ["no"], "do not go together"),
        (("classes",), ["no", "yes", "maybe"], "do not go together"),
        (("classes",), ["no", "no"], "do not go together"),
        (("classes",), ["no", "no", "yes"], "do not go together"),
        (("classes",), "ab", "'ab' should be a list"),
        (("classes",), [0, 1], "0 should be of type str"),
        (("threshold",), "0.5", "'0.5' should be a finite number"),
        (("threshold",), True, "True should be a finite number"),
        (("threshold",), float("nan"), "nan should be a finite number"),
        (("threshold",), 10**400, "too large"),
        (("features",), [], "features are none, or named twice"),
        (("features",), {}, "should be a list"),
        (("features", 1, "name"), "hour", "features are none, or named twice"),
        (("features", 0, "type"), "datetime", "'datetime' is none of boolean, category, integer, number"),
        (("features", 0, "nullable"), "false", "'false' should be of type bool"),
        (("features", 0, "open"), 0, "0 should be of type bool"),
        (("features", 0, "min"), "0", "'0' should be a finite number"),
        (("features", 0, "max"), float("inf"), "inf should be a finite number"),
        (("features", 1, "categories"), "AA", "'AA' should be a list"),
        (("opset",), [["ai.onnx", 18]], "should be of type dict"),
        (("opset", "ai.onnx"), "18", "'18' should be of type int"),
        (("opset", "ai.onnx"), float("inf"), "inf should be of type int"),
        (("digest",), None, "None should be of type str"),
    ],
)
def test_what_is_malformed_is_named(path: tuple, value: Any, said: str) -> None:
    with pytest.raises(EvidenceError) as error:
        parse_signature(changed(path, value), "models/x/signature.json")

    assert str(error.value).startswith("`models/x/signature.json` is no signature: ")
    assert said in str(error.value)


def test_only_binary_has_a_threshold() -> None:
    content = written() | {"task": "regression", "classes": None}

    with pytest.raises(EvidenceError, match="regression has no threshold"):
        parse_signature(content, "s")
    assert parse_signature(content | {"threshold": None}, "s").classes is None


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "signature.json"
    path.write_text(json.dumps(VALID.to_json(), ensure_ascii=False), encoding="utf-8")

    assert read_signature(path) == VALID


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not JSON"),
        (b'{"version": 1', "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[" * 500 + b"]" * 500, "is no signature"),
        (b"1" * 5000, "is not JSON"),
        (b"null", "is no signature"),
        (b"{}", "is no signature: 'version' is missing"),
    ],
)
def test_a_torn_file_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "signature.json"
    path.write_bytes(content)

    with pytest.raises(EvidenceError) as error:
        read_signature(path)

    assert f"`{path}` {said}" in str(error.value)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=r"`.*signature.json` is missing. A model is a folder with `model.onnx`"):
        read_signature(tmp_path / "signature.json")
