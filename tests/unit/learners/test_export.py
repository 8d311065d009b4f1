"""Export: the ONNX file gives the scores of the model it was made of, and is the same bytes every time."""

from __future__ import annotations

import os
import random as shuffling
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighlock.errors import ModelError
from weighlock.learners.calibration import Calibration
from weighlock.learners.export import canonical, export
from weighlock.learners.recipe import Model, Recipe, matrix
from weighlock.schema import Schema
from weighlock.scoring import Scorer

TASKS = ("binary", "multiclass", "regression")
LEARNERS = ("linear", "lightgbm", "random_forest")
TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module", autouse=True)
def elsewhere() -> Iterator[subprocess.Popen]:
    """The same model in another process, whose sets and dictionaries have another order; it runs meanwhile."""
    script = "from conftest import train; print(train('binary', 'linear').signature.digest)"
    environment = {**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": os.pathsep.join((str(TESTS), str(TESTS.parent)))}
    with subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def difference(model: Model, rows: pd.DataFrame) -> float:
    """The largest difference of native and ONNX scores, in units of a score."""
    content, signature = export(model)
    native = model.score(matrix(rows, model.schema))
    return float(np.abs(Scorer(content, signature).score(rows) - native).max())


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("learner", LEARNERS)
def test_native_and_onnx_scores_agree_on_other_rows(
    task: str, learner: str, trained: Callable, rows_of: Callable
) -> None:
    t = trained(task, learner)
    rows = rows_of(task, 300, seed=1)
    rows.loc[:20, "kind"] = "never seen"
    rows.loc[10:30, "port"] = None
    rows.loc[20:40, "size"] = np.nan
    rows.loc[30:50, ["weight", "count", "new", "kind"]] = [1e6, -7.0, 0.5, "Ünseen ☂"]

    native = t.model.score(matrix(rows, t.schema))
    scores = Scorer(t.content, t.signature).score(rows)

    assert scores.shape == native.shape
    assert scores.dtype == np.float32
    assert np.abs(scores - native).max() < 1e-6 * max(1.0, np.abs(native).max())


@pytest.mark.parametrize("features", [["size", "weight"], ["kind"], ["new", "count"]])
@pytest.mark.parametrize("learner", LEARNERS)
def test_tables_of_one_kind_of_feature(
    learner: str, features: list[str], rows_of: Callable, schema_of: Callable, quick: dict
) -> None:
    rows = rows_of("binary")
    model = Recipe(learner, quick[learner], 7, 3).fit(rows, schema_of("binary", features))

    assert difference(model, rows_of("binary", seed=1)) < 1e-6


@pytest.mark.parametrize("learner", ["lightgbm", "random_forest", "sklearn.ensemble:ExtraTreesRegressor"])
def test_neighbouring_single_precision_values_stay_on_their_sides(learner: str, quick: dict) -> None:
    # the middle of these two rounds up to the upper one, so that the nearest threshold would join them
    low = np.nextafter(np.float32(1024), np.float32(2000))
    high = np.nextafter(low, np.float32(2000))
    assert np.float32((float(low) + float(high)) / 2) == high
    rows = pd.DataFrame({"x": np.repeat([low, high], 30).astype(float), "y": np.repeat([0.0, 1.0], 30)})
    schema = Schema.model_validate({"task": "regression", "target": "y", "features": {"x": {"type": "number"}}})
    settings = quick.get(learner, {"n_estimators": 3})
    own = {"min_data_in_bin": 1} if learner == "lightgbm" else {}

    model = Recipe(learner, {**settings, **own}, 7, 3).fit(rows, schema)

    assert difference(model, rows) < 1e-6
    assert np.ptp(model.score(matrix(rows, schema))) > 0.2


def test_a_learner_by_dotted_path_is_exported(rows_of: Callable, schema_of: Callable) -> None:
    rows, schema = rows_of("multiclass"), schema_of("multiclass")
    settings = {"n_estimators": 4, "max_depth": 4}
    model = Recipe("sklearn.ensemble:ExtraTreesClassifier", settings, 7, 3).fit(rows, schema)

    assert difference(model, rows_of("multiclass", seed=1)) < 1e-6


@pytest.mark.parametrize(
    ("learner", "settings"),
    [
        ("sklearn.dummy:DummyClassifier", {}),
        # its converter fails, with a message that holds the whole forest
        ("sklearn.ensemble:HistGradientBoostingClassifier", {"max_iter": 2}),
    ],
)
def test_what_cannot_be_converted_is_refused_by_name_and_in_short(
    learner: str, settings: dict, rows_of: Callable, schema_of: Callable
) -> None:
    model = Recipe(learner, settings, 7, 3).fit(rows_of("binary", 60), schema_of("binary", ["size"]))

    with pytest.raises(
        ModelError, match=f"the learner `{learner}` cannot be exported to ONNX: .*`Learner.register`"
    ) as e:
        export(model)
    assert len(str(e.value)) < 500


@pytest.mark.parametrize(
    ("task", "calibrated"),
    [("binary", False), ("binary", True), ("multiclass", False), ("multiclass", True), ("regression", False)],
)
def test_the_file_is_one_flat_graph_from_features_to_scores(task: str, calibrated: bool, trained: Callable) -> None:
    t = trained(task, "lightgbm")
    calibration = Calibration(0.5, tuple(np.zeros(len(t.schema.classes or [])))) if calibrated else None
    model = replace(t.model, recipe=replace(t.model.recipe, calibration=calibration))

    proto = onnx.load_from_string(export(model)[0])

    types = {i.name: i.type.tensor_type.elem_type for i in proto.graph.input}
    text, number = onnx.TensorProto.STRING, onnx.TensorProto.FLOAT
    assert types == {name: text if c.type == "category" else number for name, c in t.schema.features.items()}
    assert list(types) == list(t.schema.features)
    assert [o.name for o in proto.graph.output] == ["value" if task == "regression" else "scores"]
    attributes = [a for node in proto.graph.node for a in node.attribute]
    assert not [a.name for a in attributes if a.type in {onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS}]
    assert {o.domain for o in proto.opset_import} == {"", "ai.onnx.ml"}
    assert not {"ZipMap", "Loop", "Scan", "If"} & {node.op_type for node in proto.graph.node}


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize(
    ("task", "calibration"),
    [("binary", Calibration(3.0, (0.0, -2.0))), ("multiclass", Calibration(0.6, (0.0, 0.5, -1.0)))],
)
def test_calibration_in_the_file_is_calibration_applied(
    task: str, calibration: Calibration, learner: str, trained: Callable
) -> None:
    t = trained(task, learner)
    model = replace(t.model, recipe=replace(t.model.recipe, calibration=calibration))
    content, signature = export(model)

    scores = Scorer(content, signature).score(t.rows)

    expected = calibration.apply(t.model.raw_probabilities(matrix(t.rows, t.schema)))
    assert np.abs(scores - (expected[:, 1] if task == "binary" else expected)).max() < 2e-6
    assert np.abs(scores - Scorer(t.content, t.signature).score(t.rows)).max() > 0.05


def test_probabilities_stay_within_one_where_shares_of_trees_add_up_to_more(
    rows_of: Callable, schema_of: Callable
) -> None:
    # thirty times the single-precision third of a tenth is 1.0000004
    rows = rows_of("multiclass", 100).assign(target="high")
    rows.loc[:4, "target"], rows.loc[5:9, "target"] = "low", "middle"
    rows["size"] = rows["target"].map({"low": 0.0, "middle": 1.0, "high": 2.0})
    schema = schema_of("multiclass", ["size"])
    model = Recipe("random_forest", {"n_estimators": 30, "n_jobs": 1, "bootstrap": False}, 7, 3).fit(rows, schema)

    scores = Scorer(*export(model)).score(rows)

    assert scores.max() == 1.0
    assert scores.min() == 0.0


NAMES = ["sepal length", "a.b", "x/y", "1", "größe", "label", "probabilities", "variable", "classes", "self", "a\nb"]


@pytest.mark.parametrize(
    ("task", "learner"), [("binary", "linear"), ("binary", "lightgbm"), ("regression", "random_forest")]
)
def test_features_may_have_any_name(task: str, learner: str, rows_of: Callable, quick: dict) -> None:
    own = ["value", "scores", "value_", "n0_0", "n1_0", "c0", "c1", "feature_0", "feature_1", "clipped"]
    names = [*NAMES, *own]
    random = np.random.default_rng(0)
    rows = pd.DataFrame({name: random.normal(size=80) for name in names})
    rows["scores"] = random.choice(["a", "b"], size=80).astype(object)
    rows["target"] = (rows["value"] > 0).astype(int) if task == "binary" else rows["value"]
    types = {name: {"type": "category" if name == "scores" else "number"} for name in names}
    classes = {"classes": ["no", "yes"]} if task == "binary" else {}
    schema = Schema.model_validate({"task": task, "target": "target", "features": types, **classes})

    model = Recipe(learner, quick[learner], 7, 3).fit(rows, schema)
    content, signature = export(model)

    assert difference(model, rows) < 1e-6
    assert [f.name for f in signature.features] == names
    assert onnx.load_from_string(content).graph.output[0].name == {"binary": "scores_", "regression": "value__"}[task]


def test_the_signature_says_what_the_schema_and_the_recipe_say(trained: Callable) -> None:
    t = trained("binary", "random_forest")
    recipe = replace(t.model.recipe, threshold=0.29)
    content, signature = export(replace(t.model, recipe=recipe))

    features = {f.name: f for f in signature.features}
    assert (signature.task, signature.target, signature.classes) == ("binary", "target", ("no", "yes"))
    assert (signature.threshold, signature.opset) == (0.29, {"ai.onnx": 18, "ai.onnx.ml": 3})
    assert [(n, f.type, f.nullable) for n, f in features.items()] == [
        ("size", "number", False),
        ("weight", "number", True),
        ("count", "integer", True),
        ("new", "boolean", True),
        ("kind", "category", True),
        ("port", "category", False),
    ]
    assert (features["count"].min, features["count"].max, features["size"].min) == (0, 4, None)
    # the three most frequent of kind are known; those of port are the schema's
    assert t.rows["kind"].value_counts(dropna=False).index.tolist() == ["a", "b", "c", None, "d"]
    assert (features["kind"].categories, features["kind"].open) == (("a", "b", "c"), True)
    assert (features["port"].categories, features["port"].open) == (("north", "south"), False)
    assert features["size"].categories is None
    # the threshold is of the signature alone: the file is the same
    assert content == t.content


def disguised(content: bytes, seed: int) -> tuple[onnx.ModelProto, dict[str, str], str]:
    """The same graph with nodes, attributes and constants in another order and other names; inputs; output."""
    random = shuffling.Random(seed)
    proto = onnx.load_from_string(content)
    graph = proto.graph
    names: dict[str, str] = {}
    for name in {n for node in graph.node for n in (*node.input, *node.output)} | {i.name for i in graph.input}:
        names[name] = f"t{random.getrandbits(64):x}" if name else ""
    for node in graph.node:
        node.name = f"{random.getrandbits(64):x}"
        node.input[:] = [names[n] for n in node.input]
        node.output[:] = [names[n] for n in node.output]
        attributes = sorted(node.attribute, key=lambda _: random.random())
        del node.attribute[:]
        node.attribute.extend(attributes)
    features = {names[i.name]: i.name for i in graph.input}
    for tensor in (*graph.input, *graph.output, *graph.initializer):
        tensor.name = names[tensor.name]
    for part in (graph.node, graph.initializer):
        shuffled = sorted(part, key=lambda _: random.random())
        del part[:]
        part.extend(shuffled)
    return proto, features, graph.output[0].name


@settings(max_examples=8)
@given(st.sampled_from(LEARNERS), st.sampled_from(TASKS), st.integers(0, 10_000))
def test_bytes_hang_on_no_order_and_no_name(trained: Callable, learner: str, task: str, seed: int) -> None:
    content = trained(task, learner).content
    proto, features, output = disguised(content, seed)
    assert proto.SerializeToString(deterministic=True) != content

    again = canonical(proto, output, "value" if task == "regression" else "scores", features)

    assert again.SerializeToString(deterministic=True) == content


def test_equal_constants_become_one_and_what_is_not_needed_goes() -> None:
    helper, tensor = onnx.helper, onnx.numpy_helper.from_array
    number = onnx.TensorProto.FLOAT
    one = np.ones(1, dtype=np.float32)
    nodes = [
        helper.make_node("Add", ["x", "one"], ["sum"]),
        helper.make_node("Sub", ["x", "two"], ["unused"]),
        helper.make_node("Mul", ["sum", "uno"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", number, [None, 1])],
        [helper.make_tensor_value_info("y", number, [None, 1])],
        [tensor(one, "one"), tensor(one, "uno"), tensor(2 * one, "two")],
    )

    made = canonical(helper.make_model(graph), "y", "value", {"x": "price"}).graph

    assert [(n.op_type, list(n.input), list(n.output)) for n in made.node] == [
        ("Add", ["price", "c0"], ["n0_0"]),
        ("Mul", ["n0_0", "c0"], ["value"]),
    ]
    assert [(i.name, onnx.numpy_helper.to_array(i).tolist()) for i in made.initializer] == [("c0", [1.0])]


@pytest.mark.processes
def test_another_process_with_another_hash_seed_makes_the_same_bytes(
    trained: Callable, elsewhere: subprocess.Popen
) -> None:
    output, _ = elsewhere.communicate(timeout=60)

    assert output.strip() == trained("binary", "linear").signature.digest
