"""An ONNX file of anyone's, looked at before a session opens it: it may score our features, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighlock.errors import EvidenceError

if TYPE_CHECKING:
    from weighlock.schema import Schema
    from weighlock.scoring import Signature

# What the learners' exports are made of, preprocessing and calibration included, and what converters of like models
# write. None of them holds a graph of its own, reads a file, draws a random number, or makes a tensor whose size a
# value says; how often they can be chained is limited below.
OPERATORS = {
    "": {
        "Abs", "Add", "ArgMax", "Cast", "Clip", "Concat", "Constant", "Div", "Dropout", "Equal", "Exp", "Flatten",
        "Gather", "Gemm", "Greater", "GreaterOrEqual", "Identity", "IsNaN", "Less", "LessOrEqual", "Log", "LogSoftmax",
        "MatMul", "Max", "Mean", "Min", "Mul", "Neg", "Not", "Or", "And", "Pow", "Reciprocal", "ReduceMax",
        "ReduceMean", "ReduceMin", "ReduceSum", "Relu", "Reshape", "Shape", "Sigmoid", "Sign", "Slice", "Softmax",
        "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tanh", "Transpose", "Unsqueeze", "Where",
    },
    "ai.onnx.ml": {
        "ArrayFeatureExtractor", "Binarizer", "CategoryMapper", "FeatureVectorizer", "Imputer", "LabelEncoder",
        "LinearClassifier", "LinearRegressor", "Normalizer", "OneHotEncoder", "Scaler", "SVMClassifier",
        "SVMRegressor", "TreeEnsembleClassifier", "TreeEnsembleRegressor", "ZipMap",
    },
}  # fmt: skip
NEWEST = {"": 18, "ai.onnx.ml": 3}  # opsets that this version exports and its runtime is tested with
NEWEST_IR = 8
MOST_NODES = 2000
MOST_TENSORS = 2000
LONGEST = 500  # characters of a name
_FLOAT, _STRING = 1, 8  # TensorProto's element types


def check_network(content: bytes, signature: Signature, schema: Schema, name: str) -> None:
    """Refuse an ONNX file that no export of ours could be.

    Args:
        content: the file's bytes.
        signature: that came with it.
        schema: main's.
        name: for messages.

    Raises:
        EvidenceError: says what is strange.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model = onnx.load_model_from_string(content)
        onnx.checker.check_model(model)
    except (DecodeError, onnx.checker.ValidationError, ValueError, TypeError, RecursionError) as error:
        raise _strange(name, f"it is no valid ONNX file ({type(error).__name__})") from None
    for check in (_versions, _outside, _size, _operators):
        if reason := check(model):
            raise _strange(name, reason)
    if reason := _ports(model.graph, schema) or _stated(signature, schema):
        raise _strange(name, reason)


def _versions(model: Any) -> str | None:
    if model.ir_version > NEWEST_IR:
        return f"its IR version is {model.ir_version}; {NEWEST_IR} is the newest allowed"
    for opset in model.opset_import:
        domain = "" if opset.domain == "ai.onnx" else opset.domain
        if domain not in NEWEST:
            return f"it needs operators of the domain {domain[:60]!a}"
        if not 1 <= opset.version <= NEWEST[domain]:
            return f"its opset is {opset.version}; {NEWEST[domain]} is the newest allowed"
    return None


def _outside(model: Any) -> str | None:
    """Functions, training graphs, and tensors that lie in another file."""
    if model.functions or model.training_info:
        return "it holds functions or a training graph"
    graph = model.graph
    if graph.sparse_initializer or graph.quantization_annotation:
        return "it holds sparse or quantised tensors"
    tensors = [*graph.initializer, *(a.t for node in graph.node for a in node.attribute if a.HasField("t"))]
    tensors += [t for node in graph.node for a in node.attribute for t in a.tensors]
    if any(t.external_data or t.data_location for t in tensors):
        return "a tensor of it lies in another file"
    return None


def _size(model: Any) -> str | None:
    graph = model.graph
    if len(graph.node) > MOST_NODES or len(graph.initializer) > MOST_TENSORS:
        return f"it has {len(graph.node):,} nodes and {len(graph.initializer):,} tensors"
    names = [n for node in graph.node for n in (node.name, *node.input, *node.output)]
    return f"a name in it has more than {LONGEST} characters" if any(len(n) > LONGEST for n in names) else None


def _operators(model: Any) -> str | None:
    for node in model.graph.node:
        domain = "" if node.domain == "ai.onnx" else node.domain
        if node.op_type not in OPERATORS.get(domain, ()):
            return f"it uses the operator {node.op_type[:60]!a} of {(domain[:60] or 'ai.onnx')!a}"
        if any(a.HasField("g") or a.graphs or a.sparse_tensors or a.HasField("sparse_tensor") for a in node.attribute):
            return f"its {node.op_type} holds a graph of its own"
    return None


def _ports(graph: Any, schema: Schema) -> str | None:
    """The inputs are the features, (rows, 1) each; the output is the scores, two-dimensional."""
    wanted = {name: _STRING if f.type == "category" else _FLOAT for name, f in schema.features.items()}
    found = {i.name: i.type.tensor_type.elem_type for i in graph.input}
    if found != wanted:
        odd = sorted({*found.items()} ^ {*wanted.items()})
        return f"its inputs are not the features of `schema.yaml`: {', '.join(ascii(n[:60]) for n, _ in odd[:5])}"
    for port in graph.input:
        shape = [d.dim_value for d in port.type.tensor_type.shape.dim]
        if shape != [0, 1]:
            return f"its input {port.name[:60]!a} has another shape than (rows, 1)"
    if len(graph.output) != 1 or graph.output[0].type.tensor_type.elem_type != _FLOAT:
        return "it has other outputs than one of scores"
    if len(graph.output[0].type.tensor_type.shape.dim) != len("rc"):
        return "its output is not (rows, columns)"
    return None


def _stated(signature: Signature, schema: Schema) -> str | None:
    """What the signature says of task and features is what `schema.yaml` says."""
    said = (signature.task, signature.target, signature.classes or ())
    if said != (schema.task, schema.target, tuple(schema.classes or ())):
        return "its signature is of another task, target or classes than `schema.yaml`"
    features = {f.name: (f.type, f.nullable, f.min, f.max) for f in signature.features}
    wanted = {name: (c.type, c.nullable, c.min, c.max) for name, c in schema.features.items()}
    if list(features.items()) != list(wanted.items()):
        return "its signature has other features than `schema.yaml`"
    threshold = signature.threshold
    if threshold is not None and not 0 <= threshold <= 1:
        return f"its threshold is {threshold:g}"
    return None


def _strange(name: str, reason: str) -> EvidenceError:
    return EvidenceError(f"`{name}` is refused: {reason}. It is not what `weighlock reproduce` makes.")
