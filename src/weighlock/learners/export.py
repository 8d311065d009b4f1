"""Export: the whole pipeline, preprocessing and calibration included, as one canonical ONNX file."""

from __future__ import annotations

import hashlib
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from weighlock.errors import ModelError
from weighlock.learners import find_learner
from weighlock.scoring.signature import Feature, Signature
from weighlock.statistics.metrics import CLIP

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx

    from weighlock.learners.calibration import Calibration
    from weighlock.learners.recipe import Model

OPSET = {"": 18, "ai.onnx.ml": 3}


def export(model: Model, trained_until: str | None = None) -> tuple[bytes, Signature]:
    """The model as an ONNX file and its signature.

    The file takes one input a feature, (n, 1) each, and gives `scores` (n, classes) or `value` (n, 1). The same model
    gives the same bytes in every process. The signature says, where rows have a time, up to when they were trained on.

    Raises:
        ModelError: skl2onnx does not know how to convert the learner.
    """
    import onnx
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    learner = find_learner(model.recipe.learner)
    learner.register()
    regression = model.schema.task == "regression"
    features = {f"feature_{i}": name for i, name in enumerate(model.schema.features)}
    inputs = [
        (place, (StringTensorType if model.schema.features[name].type == "category" else FloatTensorType)([None, 1]))
        for place, name in features.items()
    ]
    options = {} if regression else {id(model.pipeline[-1]): {"zipmap": False}}
    try:
        proto = to_onnx(model.pipeline, initial_types=inputs, target_opset=OPSET, options=options)
    except Exception as error:
        reason = textwrap.shorten(f"{type(error).__name__}: {error}", 200)  # it may hold a whole forest
        raise ModelError(
            f"the learner `{model.recipe.learner}` cannot be exported to ONNX: {reason}. "
            "Use one that skl2onnx converts, or register a converter (`Learner.register`)."
        ) from error
    scores = proto.graph.output[0 if regression else 1].name
    if model.recipe.calibration is not None:
        scores = _append_calibration(proto, scores, model.recipe.calibration)
    elif not regression:
        scores = _append_clip(proto, scores)
    proto = canonical(proto, scores, "value" if regression else "scores", features)
    onnx.checker.check_model(proto)
    content = proto.SerializeToString(deterministic=True)
    return content, _signature(model, content, trained_until)


def canonical(proto: onnx.ModelProto, output: str, name: str, features: Mapping[str, str]) -> onnx.ModelProto:
    """The same computation of one output, with nodes and names in an order that hangs on nothing but content.

    Converters name and order by hash and by counters, so the same model came out as other bytes. Here the next node
    is the smallest by (kind, inputs, attributes) of those whose inputs are there, and its name is its number.

    Args:
        proto: as converted.
        output: the output to keep.
        name: what it shall be called; it and all others give way to a feature of that name by a final underscore.
        features: by input, what it shall be called.
    """
    from onnx import TensorProto, helper, numpy_helper

    graph = proto.graph
    constants = {c.name: numpy_helper.to_array(c) for c in graph.initializer}
    digests = {
        k: hashlib.sha256(repr((v.dtype, v.shape, v.tolist())).encode()).hexdigest() for k, v in constants.items()
    }
    names = {"": ""} | dict(features) | digests

    def free(wanted: str) -> str:
        while wanted in features.values():
            wanted += "_"
        return wanted

    waiting = [(node, _describe(node)) for node in _needed(graph, output)]
    nodes: list[Any] = []
    while waiting:
        ready = [
            (description, tuple(names[i] for i in node.input), position)
            for position, (node, description) in enumerate(waiting)
            if all(i in names for i in node.input)
        ]
        node, _ = waiting.pop(min(ready)[-1])
        for slot, old in enumerate(node.output):
            names[old] = free(name if old == output else f"n{len(nodes)}_{slot}") if old else ""
        nodes.append(node)
    order = dict.fromkeys(i for node in nodes for i in node.input if i in constants)
    values = {digests[k]: constants[k] for k in order}  # equal constants become one
    names |= {k: free(f"c{list(values).index(d)}") for k, d in digests.items() if d in values}
    made = [_renamed(node, names, number) for number, node in enumerate(nodes)]
    kinds = {i.name: i.type.tensor_type.elem_type for i in graph.input}
    inputs = [helper.make_tensor_value_info(name, kinds[place], [None, 1]) for place, name in features.items()]
    result = helper.make_tensor_value_info(names[output], TensorProto.FLOAT, [None, None])
    tensors = [numpy_helper.from_array(v, free(f"c{n}")) for n, v in enumerate(values.values())]
    used = {node.domain for node in nodes}
    return helper.make_model(
        helper.make_graph(made, "weighlock", inputs, [result], initializer=tensors),
        opset_imports=[helper.make_opsetid(d, v) for d, v in OPSET.items() if d in used or not d],
        producer_name="weighlock",
        ir_version=helper.find_min_ir_version_for([helper.make_opsetid(d, v) for d, v in OPSET.items()]),
    )


def _needed(graph: Any, output: str) -> list[Any]:
    """The nodes that the output hangs on; converters leave others, such as labels."""
    by_output = {name: node for node in graph.node for name in node.output if name}
    found: dict[int, Any] = {}
    stack = [output]
    while stack:
        node = by_output.get(stack.pop())
        if node is not None and id(node) not in found:
            found[id(node)] = node
            stack.extend(node.input)
    return list(found.values())


def _describe(node: Any) -> tuple[str, str, str]:
    attributes = b"".join(sorted(a.SerializeToString(deterministic=True) for a in node.attribute))
    return node.domain, node.op_type, hashlib.sha256(attributes).hexdigest()


def _renamed(node: Any, names: dict[str, str], number: int) -> Any:
    import onnx

    made = onnx.NodeProto(op_type=node.op_type, domain=node.domain, name=f"{node.op_type}_{number}")
    made.input.extend(names[i] for i in node.input)
    made.output.extend(names[o] for o in node.output)
    made.attribute.extend(sorted(node.attribute, key=lambda a: a.name))
    return made


def _append_clip(proto: onnx.ModelProto, scores: str) -> str:
    """A node behind `scores` that holds them to 0 and 1: sums of single-precision shares come to 1.0000004."""
    from onnx import helper, numpy_helper

    proto.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value, dtype=np.float32), name)
        for name, value in (("clip_low", 0), ("clip_high", 1))
    )
    proto.graph.node.append(helper.make_node("Clip", [scores, "clip_low", "clip_high"], ["clipped"]))
    return "clipped"


def _append_calibration(proto: onnx.ModelProto, scores: str, calibration: Calibration) -> str:
    """softmax(slope · log(clip(scores)) + offsets), as nodes behind `scores`; the name of their output."""
    from onnx import helper, numpy_helper

    constants = {
        "clip_low": np.float32(CLIP),
        "clip_high": np.float32(1),
        "slope": np.float32(calibration.slope),
        "offsets": np.array(calibration.offsets, dtype=np.float32),
    }
    proto.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(v), f"calibrate_{k}") for k, v in constants.items()
    )
    steps = [
        ("Clip", [scores, "calibrate_clip_low", "calibrate_clip_high"]),
        ("Log", ["calibrated_Clip"]),
        ("Mul", ["calibrated_Log", "calibrate_slope"]),
        ("Add", ["calibrated_Mul", "calibrate_offsets"]),
        ("Softmax", ["calibrated_Add"]),
    ]
    proto.graph.node.extend(helper.make_node(op, inputs, [f"calibrated_{op}"]) for op, inputs in steps)
    return "calibrated_Softmax"


def _signature(model: Model, content: bytes, trained_until: str | None) -> Signature:
    schema = model.schema
    features = []
    for name, column in schema.features.items():
        known: list[str] | None = None
        if column.type == "category":
            known = sorted(c for c in model.categories[name] if c) if column.values == "open" else column.values
        features.append(
            Feature(
                name=name,
                type=column.type,
                nullable=column.nullable,
                min=column.min,
                max=column.max,
                categories=None if known is None else tuple(known),
                open=column.type == "category" and column.values == "open",
            )
        )
    return Signature(
        task=schema.task,
        target=schema.target,
        features=tuple(features),
        classes=None if schema.classes is None else tuple(schema.classes),
        threshold=model.recipe.threshold,
        trained_until=trained_until,
        opset={domain or "ai.onnx": version for domain, version in OPSET.items()},
        digest=f"sha256:{hashlib.sha256(content).hexdigest()}",
    )
