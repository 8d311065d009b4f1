"""The docs page: whole, safe whatever features are called, and in need of no network."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

from weighlock.scoring import Feature, Signature
from weighlock.serving.openapi import openapi
from weighlock.serving.page import page
from weighlock.serving.params import ServeParams
from weighlock.serving.problems import KINDS
from weighlock.serving.settings import Identity, Service

HOSTILE = '<script>alert("1")</script> $title `x` & ü'
VOID = {"meta", "input", "br"}


class Parsed(HTMLParser):
    """A page's tags with their attributes, its text, and whether what is opened is closed."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(content.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def made(name: str = "late", feature: str = "size", example: Any = None, *, is_open: bool = False) -> Parsed:
    features = (
        Feature(feature, "number", nullable=False, min=0.0),
        Feature("port", "category", nullable=True, categories=(HOSTILE, "b")),
    )
    signature = Signature("binary", name, features, ("no", "yes"), 0.5, {}, "sha256:0")
    identity = Identity(name=name, version="v1", digest="sha256:0", signature_digest="sha256:1")
    service = Service(model=identity, serve=ServeParams(open=is_open))
    found = Parsed(page(openapi(signature, service, example)))
    assert found.open == []
    return found


def test_nothing_comes_from_elsewhere() -> None:
    for _, attributes in made().tags:
        for name in ("src", "href", "action"):
            assert "//" not in (attributes.get(name) or "")
    assert "://" not in made().text


def test_names_are_text_whatever_they_are() -> None:
    found = made(HOSTILE, HOSTILE, {HOSTILE: 1.0})
    assert [tag for tag, _ in found.tags].count("script") == 1
    assert found.text.count('<script>alert("1")</script> $title') >= 3
    example, _ = json.JSONDecoder().raw_decode(found.text[found.text.index('{\n  "rows"') :])
    assert example == {"rows": [{HOSTILE: 1.0}]}


def test_every_endpoint_field_and_problem_has_its_line() -> None:
    found = made()
    for path in (
        "/v1/predict",
        "/v1/feedback",
        "/v1/model",
        "/healthz",
        "/readyz",
        "/metrics",
        "size",
        "port",
        "score",
    ):
        assert path in found.text
    assert {attributes.get("id") for tag, attributes in found.tags if tag == "tr"} >= set(KINDS)
    assert "may be left out" in found.text


def test_an_open_service_asks_for_no_key() -> None:
    def hidden(found: Parsed) -> bool:
        return any("hidden" in attributes for tag, attributes in found.tags if tag == "div")

    assert hidden(made(is_open=True))
    assert not hidden(made())
