"""The document says what the service does: answers and refusals are held against its schemas."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest

from weighlock.scoring import Feature, Signature
from weighlock.serving.openapi import openapi
from weighlock.serving.params import ServeParams
from weighlock.serving.problems import KINDS
from weighlock.serving.settings import Identity, Service

ROW = {"size": 0.5, "weight": 51.0, "count": 2, "new": True, "kind": "a", "port": "north"}
FEATURES = (
    Feature("size", "number", nullable=False, min=0.0, max=10.0),
    Feature("port", "category", nullable=False, categories=("north", "south")),
    Feature("kind", "category", nullable=True, categories=("a", "b"), open=True),
    Feature("note", "category", nullable=False),
    Feature("count", "integer", nullable=True, min=0.0),
    Feature("new", "boolean", nullable=True),
)


def document(example: Any = None, *, classes: Any = ("no", "yes"), **serve: Any) -> Any:
    signature = Signature("binary", "y", FEATURES, classes, 0.5, {}, "sha256:0")
    identity = Identity(name="y", version="v1", digest="sha256:0", signature_digest="sha256:1")
    return json.loads(openapi(signature, Service(model=identity, serve=ServeParams(**serve)), example))


def fits(content: Any, found: Any, schema: str) -> bool:
    """Whether content is what a schema of the document says."""
    whole = {"$ref": f"#/components/schemas/{schema}", "components": found["components"]}
    return bool(jsonschema_rs.Draft202012Validator(whole).is_valid(content))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_what_is_answered_is_what_the_document_says(serve: Any, task: str) -> None:
    client = serve(task)
    found = client.get("/openapi.json").json
    answer = client.predict(ROW, ROW | {"count": 9, "kind": "zebra"})
    assert fits({"rows": [ROW]}, found, "Request")
    assert fits(answer.json, found, "Answer")
    for prediction in answer.json["predictions"]:
        for name in set(prediction) - {"flags"}:
            assert not fits({k: v for k, v in prediction.items() if k != name}, found, "Prediction")
    problem = client.predict(ROW | {"size": "x"})
    assert fits(problem.json, found, "Problem")
    assert str(problem.status) in found["paths"]["/v1/predict"]["post"]["responses"]


@pytest.mark.parametrize(
    ("change", "flag", "refuse"),
    [
        ({}, True, True),
        ({"size": 10.1}, True, False),
        ({"port": "west"}, True, False),
        ({"kind": "zz"}, True, True),  # an open category: the model has a place for it
        ({"kind": None}, True, True),
        ({"size": 4e38}, False, False),
        ({"size": None}, False, False),
        ({"port": None}, False, False),
        ({"note": ""}, False, False),
        ({"count": 1.5}, False, False),
        ({"new": 1}, False, False),
        ({"other": 1}, False, False),
    ],
)
def test_a_row_is_what_the_strictness_lets_it_be(change: dict[str, Any], *, flag: bool, refuse: bool) -> None:
    row = {"size": 1.0, "port": "north", "note": "x", "count": 3, "new": False} | change
    assert fits(row, document(strictness="flag"), "Row") is flag
    assert fits(row, document(strictness="refuse"), "Row") is refuse


def test_what_may_be_null_may_be_left_out() -> None:
    assert document()["components"]["schemas"]["Row"]["required"] == ["size", "port", "note"]


def test_keys_are_asked_for_unless_it_is_open() -> None:
    closed, opened = document(), document(open=True)
    assert closed["components"]["securitySchemes"] == {"key": {"type": "http", "scheme": "bearer"}}
    assert closed["paths"]["/v1/predict"]["post"]["security"] == [{"key": []}]
    assert {"401", "403"} <= set(closed["paths"]["/v1/model"]["get"]["responses"])
    assert "securitySchemes" not in opened["components"]
    assert "security" not in opened["paths"]["/v1/predict"]["post"]
    assert not {"401", "403"} & set(opened["paths"]["/v1/predict"]["post"]["responses"])


def test_every_kind_of_problem_is_described_and_every_reference_leads_somewhere() -> None:
    found = document()
    assert set(found["components"]["responses"]) == set(KINDS)
    text = json.dumps(found)
    for part in text.split('"$ref": "#/')[1:]:
        place = found
        for step in part.split('"')[0].split("/"):
            place = place[step]


def test_the_limits_and_an_example_are_told() -> None:
    schemas = document({"size": 1.0}, max_rows=7)["components"]["schemas"]
    assert schemas["Request"]["properties"]["rows"]["maxItems"] == 7
    assert schemas["Request"]["examples"] == [{"rows": [{"size": 1.0}]}]
    assert "examples" not in document()["components"]["schemas"]["Request"]


@pytest.mark.parametrize(
    ("classes", "truths"),
    [
        (("no", "yes"), ["no", "yes"]),
        (("false", "true"), ["false", "true", False, True]),
        (("0", "1"), ["0", "1", 0, 1]),
    ],
)
def test_truths_are_class_names_and_the_values_that_are_read_as_such(classes: Any, truths: list[Any]) -> None:
    assert document(classes=classes)["components"]["schemas"]["Truth"]["properties"]["truth"]["enum"] == truths
