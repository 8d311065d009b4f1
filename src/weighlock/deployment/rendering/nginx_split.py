"""How nginx divides requests: who gets the candidate, and what is copied to it."""

from __future__ import annotations

from weighlock.deployment.environment import ENTITY
from weighlock.deployment.rendering.nginx_directives import Directive, Names, block, header, line
from weighlock.deployment.rendering.plan import Plan


def identity(names: Names) -> list[Directive]:
    """Each request has a name, its client's or a new one, and a unit that the split knows again: entity or request."""
    request, unit = names.variable("request"), names.variable("unit")
    entity = header(ENTITY)
    return [
        block(
            "map", "$http_x_request_id", request, holds=[line("", "$request_id"), line("default", "$http_x_request_id")]
        ),
        block("map", entity, unit, holds=[line("", request), line("default", entity)]),
    ]


def split(plan: Plan, names: Names) -> list[Directive]:
    """Who gets the candidate, and what is copied to it.

    The candidate's share comes first, from the lowest hash up, so that it only ever gains entities when it grows. Its
    version is part of what is hashed: another candidate begins with other entities.
    """
    route = plan.route
    if route is None:
        return []
    variant, salt = names.variable("variant"), plan.variants[1].release.version
    if route.match is not None:
        values = [line(_exactly(value), "candidate") for value in route.match.values]
        return [block("map", header(route.match.header), variant, holds=[line("default", "stable"), *values])]
    if route.mirror is not None:
        shares = _shares(route.mirror, "yes", "no")
        return [block("split_clients", f"{salt}:{names.variable('request')}", names.variable("copied"), holds=shares)]
    shares = _shares(route.weight or 0.0, "candidate", "stable")
    return [block("split_clients", f"{salt}:{names.variable('unit')}", variant, holds=shares)]


def answering(plan: Plan, names: Names) -> str:
    """Which variant answers a prediction: a variable where requests are divided."""
    return "stable" if plan.route is None or plan.route.mirror is not None else names.variable("variant")


def _shares(percent: float, chosen: str, other: str) -> list[Directive]:
    # nginx refuses 0%, and the last hash of all is above 100%
    if percent in (0, 100):
        return [line("*", chosen if percent else other)]
    return [line(f"{percent:.2f}".rstrip("0").rstrip(".") + "%", chosen), line("*", other)]


def _exactly(value: str) -> str:
    """A pattern that is met by this value alone: strings of a `map` would be compared without regard to case.

    Whatever is no letter or digit is written as its code, so that nothing is left to quote.
    """
    plain = "".join(chr(b) if chr(b).isascii() and chr(b).isalnum() else f"\\x{b:02x}" for b in value.encode())
    return f"~^{plain}$"
