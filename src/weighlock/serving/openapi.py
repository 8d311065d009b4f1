"""The OpenAPI document (3.1), made from the signature: what it says is what the reader does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from weighlock.serving.application import LONGEST_HEADER
from weighlock.serving.feedback import ID, LONGEST_ID
from weighlock.serving.problems import KINDS, MEDIA_TYPE
from weighlock.serving.reader import LARGEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighlock.scoring import Feature, Signature
    from weighlock.serving.settings import Service

Node = dict[str, Any]
_TYPES = {"number": "number", "integer": "integer", "boolean": "boolean", "category": "string"}
_POSTED = ("malformed-json", "timeout", "too-large", "media-type", "invalid-rows", "internal", "log-failure")
_SHOWN = 12  # categories that a description names


def openapi(signature: Signature, service: Service, example: Node | None) -> bytes:
    """The document for one model.

    Args:
        signature: what the model takes and gives.
        service: which model it is, and how it is served.
        example: a row that the model takes; None where none is known.
    """
    strict, params = service.serve.strictness == "refuse", service.serve
    rows = {"type": "array", "minItems": 1, "maxItems": params.max_rows}
    document: Node = {
        "openapi": "3.1.0",
        "info": {
            "title": f"{service.model.name} {service.model.version}",
            "version": service.model.version,
            "description": f"Predicts `{signature.target}` ({signature.task}) by the model `{service.model.digest}`.",
        },
        "servers": [{"url": "/"}],
        "paths": {
            "/v1/predict": {"post": _predict(params.open)},
            "/v1/feedback": {"post": _feedback(params.open)},
            "/v1/model": {"get": _model(params.open)},
            "/healthz": {"get": _plain("health", "Whether the process lives.", "application/json")},
            "/readyz": {"get": _plain("readiness", "Whether it answers.", "application/json")},
            "/metrics": {"get": _plain("metrics", "Its counts, in Prometheus' text format.", "text/plain")},
        },
        "components": {
            "schemas": {
                "Row": _row(signature, strict=strict),
                "Request": _object({"rows": rows | {"items": _ref("Row")}}),
                "Model": _object({name: {"type": "string"} for name in ("name", "version", "digest")}),
                "Prediction": _prediction(signature),
                "Answer": _object(
                    {"model": _ref("Model"), "predictions": {"type": "array", "items": _ref("Prediction")}}
                ),
                "Feedback": _object({"rows": rows | {"items": _ref("Truth")}}),
                "Truth": _object(
                    {
                        "id": {"type": "string", "pattern": f"^{ID}$", "maxLength": LONGEST_ID},
                        "truth": {"enum": _truths(signature.classes)} if signature.classes else {"type": "number"},
                    }
                ),
                "Problem": _problem(),
            },
            "responses": {kind: _refusal(kind) for kind in KINDS},
        },
    }
    if example is not None:
        document["components"]["schemas"]["Request"]["examples"] = [{"rows": [example]}]
    if not params.open:
        document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    return msgspec.json.encode(document)


def _predict(is_open: bool) -> Node:  # noqa: FBT001
    return {
        "operationId": "predict",
        "summary": "Score rows.",
        "description": "Every answered row is in the prediction log before the answer leaves.",
        "parameters": [
            _header("X-Request-Id", "Your name of this request; it is logged and sent back."),
            _header("X-Entity-Id", "Whom or what the rows are about; it is logged."),
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("Request")}}},
        "responses": _responses("Answer", (*_POSTED, "invalid-header", "too-busy", "too-slow"), is_open=is_open),
        **_security(is_open=is_open),
    }


def _feedback(is_open: bool) -> Node:  # noqa: FBT001
    return {
        "operationId": "feedback",
        "summary": "Tell what became of predictions.",
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("Feedback")}}},
        "responses": _responses(_object({"accepted": {"type": "integer"}}), (*_POSTED, "too-busy"), is_open=is_open),
        **_security(is_open=is_open),
    }


def _model(is_open: bool) -> Node:  # noqa: FBT001
    return {
        "operationId": "model",
        "summary": "Which model answers, what it takes, and how good it was.",
        "responses": _responses({"type": "object"}, ("internal",), is_open=is_open),
        **_security(is_open=is_open),
    }


def _plain(name: str, summary: str, media: str) -> Node:
    return {
        "operationId": name,
        "summary": summary,
        "responses": {"200": {"description": "It is so.", "content": {media: {"schema": {}}}}},
    }


def _responses(found: str | Node, kinds: tuple[str, ...], *, is_open: bool) -> Node:
    schema = _ref(found) if isinstance(found, str) else found
    responses: Node = {"200": {"description": "Done.", "content": {"application/json": {"schema": schema}}}}
    by_status: dict[int, list[str]] = {}
    for kind in (*kinds, *(() if is_open else ("unauthorized", "forbidden"))):
        by_status.setdefault(KINDS[kind].status, []).append(kind)
    for status, same in sorted(by_status.items()):
        responses[str(status)] = (
            {"$ref": f"#/components/responses/{same[0]}"}
            if len(same) == 1
            else _refusal(same[0]) | {"description": " Or: ".join(KINDS[kind].title + "." for kind in same)}
        )
    return responses


def _refusal(kind: str) -> Node:
    return {
        "description": f"{KINDS[kind].title}. {KINDS[kind].meaning}",
        "content": {MEDIA_TYPE.decode(): {"schema": _ref("Problem")}},
    }


def _security(*, is_open: bool) -> Node:
    return {} if is_open else {"security": [{"key": []}]}


def _header(name: str, description: str) -> Node:
    text = {"type": "string", "minLength": 1, "maxLength": LONGEST_HEADER, "pattern": "^[!-~]([ -~]*[!-~])?$"}
    return {"name": name, "in": "header", "required": False, "description": description, "schema": text}


def _row(signature: Signature, *, strict: bool) -> Node:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [f.name for f in signature.features if not f.nullable],
        "properties": {f.name: _feature(f, strict=strict) for f in signature.features},
    }


def _feature(feature: Feature, *, strict: bool) -> Node:
    kind = _TYPES[feature.type]
    node: Node = {"type": [kind, "null"] if feature.nullable else kind}
    if feature.type == "category":
        known = list(feature.categories or ())
        if known:
            rest = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
            node["description"] = f"Known: {', '.join(known[:_SHOWN])}{rest}. " + (
                "Others are scored as unseen, and flagged."
                if feature.open
                else "Others are refused."
                if strict
                else "Others are flagged."
            )
        if known and strict and not feature.open:
            node["enum"] = [*known, "", None] if feature.nullable else known
        elif not feature.nullable:
            node["minLength"] = 1
    elif feature.type != "boolean":
        low = -LARGEST if feature.min is None else feature.min
        high = LARGEST if feature.max is None else feature.max
        node |= {"minimum": low if strict else -LARGEST, "maximum": high if strict else LARGEST}
        if (feature.min, feature.max) != (None, None):
            odd = "refused" if strict else "flagged"
            node["description"] = f"{low:g} to {high:g}; what is outside is {odd}."
    return node


def _prediction(signature: Signature) -> Node:
    share: Node = {"type": "number", "minimum": 0, "maximum": 1}
    text: Node = {"type": "string"}
    if signature.task == "regression":
        given: Node = {"value": {"type": "number"}}
    else:
        label = {"label": {"enum": list(signature.classes or ())}}
        scores = {"score": share | {"description": f"The probability of {(signature.classes or ())[1]}."}}
        if signature.task == "multiclass":
            scores = {"scores": _object(dict.fromkeys(signature.classes or (), share))}
        given = scores | label
    node = _object({"id": text | {"description": "Name it when you send its truth."}} | given)
    said = "What was odd about the row: `range:FIELD`, `unseen:FIELD`."
    node["properties"]["flags"] = {"type": "array", "items": text, "description": said}
    return node


def _truths(classes: Sequence[str]) -> list[Any]:
    """The classes' names, and the JSON values that are read as such."""
    values = {"true": True, "false": False}
    numbers = [int(name) for name in classes if name.lstrip("-").isdecimal() and str(int(name)) == name]
    return [*classes, *(values[name] for name in classes if name in values), *numbers]


def _problem() -> Node:
    fault = _object(
        {
            "row": {"type": ["integer", "null"]},
            "field": {"type": ["string", "null"]},
            "problem": {"type": "string"},
        }
    )
    node = _object(
        {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
        }
    )
    node["properties"]["errors"] = {"type": "array", "items": fault}
    return node


def _object(properties: Node) -> Node:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def _ref(name: str) -> Node:
    return {"$ref": f"#/components/schemas/{name}"}
