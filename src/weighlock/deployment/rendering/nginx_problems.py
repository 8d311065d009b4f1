"""What nginx itself refuses, told as the service tells it (RFC 9457)."""

from __future__ import annotations

import json

from weighlock.deployment.rendering.nginx_directives import Directive, block, line


def problems() -> list[Directive]:
    """What nginx itself refuses, told as the service tells it (RFC 9457)."""
    told = {
        "/": (404, "There is nothing here"),
        "@too-large": (413, "The body is too large"),
        "@too-many": (429, "Too many requests at once"),
        "@away": (502, "The service cannot be reached"),
        "@too-slow": (504, "The answer took too long"),
    }
    found = [
        line("error_page", "413", "@too-large"),
        line("error_page", "429", "@too-many"),
        line("error_page", "502", "@away"),
        line("error_page", "504", "@too-slow"),
    ]
    return [*found, *(_problem(place, *said) for place, said in told.items())]


def nothing(place: str) -> Directive:
    """What is answered before the first release."""
    return _problem(place, 503, "No release runs here yet")


def _problem(place: str, status: int, title: str) -> Directive:
    document = json.dumps({"type": "about:blank", "title": title, "status": status})
    return block(
        "location",
        place,
        holds=[line("default_type", "application/problem+json"), line("return", str(status), document)],
    )
