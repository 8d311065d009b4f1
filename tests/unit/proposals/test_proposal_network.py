"""ONNX files of anyone's: what could do more than score our features is refused before a session opens it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from weighlock.errors import EvidenceError
from weighlock.proposals.network import check_network
from weighlock.schema import Schema
from weighlock.scoring import Feature, Signature

SCHEMA = Schema.model_validate(
    {
        "task": "binary", "target": "broke", "classes": ["false", "true"], "key": "id", "time": "made", "group": None,
        "freshness": "2d",
        "features": {
            "heat": {"type": "number", "min": 0.0, "max": 100.0}, "colour": {"type": "category", "values": "open"},
        },
        "others": {},
    }
)  # fmt: skip
FEATURES = (
    Feature("heat", "number", nullable=False, min=0.0, max=100.0),
    Feature("colour", "category", nullable=False, categories=("red",), open=True),
)


def signature(**changes: Any) -> Signature:
    known: dict[str, Any] = {
        "task": "binary", "target": "broke", "features": FEATURES, "classes": ("false", "true"), "threshold": 0.5,
        "opset": {}, "digest": "sha256:x",
    }  # fmt: skip
    return Signature(**(known | changes))


def model() -> Any:
    """A network as an export is: two inputs, one of them text, and scores."""
    heat = helper.make_tensor_value_info("heat", TensorProto.FLOAT, [None, 1])
    colour = helper.make_tensor_value_info("colour", TensorProto.STRING, [None, 1])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, None])
    nodes = [
        helper.make_node(
            "LabelEncoder", ["colour"], ["code"], domain="ai.onnx.ml", keys_strings=["red"], values_floats=[1.0],
            default_float=0.0,
        ),
        helper.make_node("Concat", ["heat", "code"], ["both"], axis=1),
        helper.make_node("Mul", ["both", "half"], ["scores"]),
    ]  # fmt: skip
    half = numpy_helper.from_array(np.float32(0.5), "half")
    graph = helper.make_graph(nodes, "g", [heat, colour], [scores], initializer=[half])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def check(made: Any, said: Signature | None = None) -> None:
    content = made if isinstance(made, bytes) else made.SerializeToString()
    check_network(content, said or signature(), SCHEMA, "models/weighed/model.onnx")


def test_what_an_export_makes_is_fine() -> None:
    check(model())


def outside(m: Any) -> None:
    tensor = m.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"


def loop(m: Any) -> None:
    body = helper.make_graph([], "body", [], [])
    m.graph.node.append(helper.make_node("If", ["half"], ["other"], then_branch=body, else_branch=body))


def function(m: Any) -> None:
    m.functions.append(
        helper.make_function("mine", "f", ["x"], ["y"], [helper.make_node("Identity", ["x"], ["y"])], m.opset_import)
    )


def renamed(m: Any) -> None:
    m.graph.input[0].name = "passwd"
    m.graph.node[1].input[0] = "passwd"


def long(m: Any) -> None:
    m.graph.node.extend([helper.make_node("Identity", ["scores"], [f"n{i}"]) for i in range(2500)])


def port(name: str, columns: int | None) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, columns])


CHANGES: list[tuple[Callable[[Any], None], str]] = [
    (outside, "no valid ONNX file|lies in another file"),
    (loop, "operator 'If'|no valid ONNX"),
    (function, "functions|no valid ONNX"),
    (renamed, "inputs are not the features"),
    (lambda m: m.opset_import.append(helper.make_opsetid("com.microsoft", 1)), "domain 'com.microsoft'"),
    (lambda m: setattr(m, "ir_version", 11), "IR version is 11"),
    (lambda m: setattr(m.opset_import[0], "version", 22), "opset is 22"),
    (lambda m: setattr(m.graph.node[2], "op_type", "RandomNormalLike"), "operator 'RandomNormalLike'|no valid"),
    (long, "2,503 nodes"),
    (lambda m: setattr(m.graph.node[2], "name", "x" * 600), "more than 500 characters"),
    (lambda m: m.graph.output.append(port("both", None)), "other outputs"),
    (lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[1], "dim_value", 2), "another shape"),
    (lambda m: m.graph.input.append(port("extra", 1)), "inputs are not"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "said"), CHANGES)
def test_what_no_export_makes_is_refused(change: Callable[[Any], None], said: str) -> None:
    made = model()
    change(made)
    with pytest.raises(EvidenceError, match=said) as caught:
        check(made)
    assert "`models/weighed/model.onnx` is refused" in str(caught.value)


@pytest.mark.parametrize(
    "operator", ["Tile", "Expand", "ConstantOfShape", "Range", "Loop", "Scan", "Resize", "StringNormalizer"]
)
def test_operators_that_make_tensors_of_any_size_are_not_known(operator: str) -> None:
    from weighlock.proposals.network import OPERATORS

    assert operator not in OPERATORS[""] | OPERATORS["ai.onnx.ml"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"target": "other"}, "another task, target or classes"),
        ({"classes": ("true", "false")}, "another task, target or classes"),
        ({"features": FEATURES[::-1]}, "other features"),
        ({"features": (Feature("heat", "number", nullable=True, min=0.0, max=100.0), FEATURES[1])}, "other features"),
        ({"threshold": 1.5}, "threshold is 1.5"),
        ({"threshold": -1.0}, "threshold is -1"),
    ],
)
def test_a_signature_of_another_table_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(EvidenceError, match=said):
        check(model(), signature(**changes))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_torn_files_are_refused_and_never_crash(data: st.DataObject) -> None:
    torn = bytearray(model().SerializeToString())
    for _ in range(data.draw(st.integers(1, 3))):
        torn[data.draw(st.integers(0, len(torn) - 1))] = data.draw(st.integers(0, 255))
    try:
        check(bytes(torn))
    except EvidenceError:
        return
    onnx.checker.check_model(onnx.load_model_from_string(bytes(torn)))
