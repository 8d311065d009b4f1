"""The docs page at `/docs`: made of the OpenAPI document, in one file, for a browser without any network."""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import msgspec

from weighlock.serving.problems import KINDS

Node = dict[str, Any]


def page(document: bytes) -> bytes:
    """The page for a document that `openapi` made."""
    content: Node = msgspec.json.decode(document)
    schemas = content["components"]["schemas"]
    examples = schemas["Request"].get("examples", [{"rows": [{}]}])
    text = Template(files("weighlock.serving").joinpath("page.html").read_text(encoding="utf-8")).substitute(
        title=escape(content["info"]["title"]),
        about=_marked(content["info"]["description"]),
        endpoints="\n".join(
            _endpoint(path, method, about)
            for path, methods in content["paths"].items()
            for method, about in methods.items()
        ),
        fields="\n".join(
            _field(name, about, required=name in schemas["Row"]["required"])
            for name, about in schemas["Row"]["properties"].items()
        ),
        given="\n".join(_field(name, about) for name, about in schemas["Prediction"]["properties"].items()),
        most=schemas["Request"]["properties"]["rows"]["maxItems"],
        example=escape(json.dumps(examples[0], indent=2, ensure_ascii=False)),
        key="" if "securitySchemes" in content["components"] else "hidden",
        problems="\n".join(
            f'<tr id="{kind}"><td>{about.status}</td><td>{escape(about.title)}</td>'
            f"<td>{_marked(about.meaning)}</td></tr>"
            for kind, about in KINDS.items()
        ),
    )
    return text.encode()


def _endpoint(path: str, method: str, about: Node) -> str:
    statuses = ", ".join(about["responses"])
    lock = " <small>key</small>" if "security" in about else ""
    return (
        f"<tr><td><b>{method.upper()}</b></td><td><code>{escape(path)}</code>{lock}</td>"
        f"<td>{_marked(about['summary'])}</td><td><small>{statuses}</small></td></tr>"
    )


def _field(name: str, about: Node, *, required: bool = True) -> str:
    kinds = about.get("type", "string")  # names, where it says none
    kind = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    said = about.get("description", "")
    if "enum" in about and not said:
        said = ", ".join(str(value) for value in about["enum"])
    needed = "" if required else " <small>may be left out</small>"
    return f"<tr><td><code>{escape(name)}</code>{needed}</td><td>{escape(kind)}</td><td>{_marked(said)}</td></tr>"


def _marked(text: str) -> str:
    """Text with its `code` as such."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))
