"""What git wants to run in an environment, and what answers there: digest by digest."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from weighlock.deployment.environment import Environment
from weighlock.deployment.history import Event, History
from weighlock.deployment.wording import one_line, way
from weighlock.errors import ConfigError, EvidenceError
from weighlock.releases.find import identity_of
from weighlock.serving.settings import Identity

Name = Literal["stable", "candidate"]
Sync = Literal["not asked", "in sync", "differs", "no answer"]
VARIANTS: tuple[Name, ...] = ("stable", "candidate")
ABSENT = {404, 502, 503, 504}  # what an entrance says of a variant that is not there
_URL = ("http://", "https://")
Ask = Callable[[str], tuple[int, Any]]  # base URL -> status and body of /v1/model; EvidenceError where nothing answers


@dataclass(frozen=True)
class Variant:
    """One of an environment's two places.

    Attributes:
        name: stable or candidate.
        wanted: the model that git wants there; None: none.
        how: how requests reach it, in words.
        since, by: when and through whom git has come to want it.
        url: where it was asked.
        sync: what came of that.
        found: the version that answers.
        differences: what is not as wanted, in words.
    """

    name: Name
    wanted: Identity | None
    how: str
    since: dt.datetime | None
    by: str | None
    url: str | None = None
    sync: Sync = "not asked"
    found: str | None = None
    differences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Status:
    """An environment.

    Attributes:
        environment: its name.
        state: what git wants.
        commit: the one that this was read from.
        variants: stable, then the candidate.
        notes: what else the user should know.
    """

    environment: str
    state: Environment
    commit: str
    variants: tuple[Variant, ...]
    notes: tuple[str, ...] = ()


def status_of(history: History, environment: str, urls: Mapping[Name, str], ask: Ask) -> Status:
    """What git wants there and, where URLs are given, what answers.

    Args:
        history: of the commit that counts.
        environment: its name.
        urls: by variant, a service's URL.
        ask: gets `/v1/model` of it.

    Raises:
        ConfigError: there is no such environment.
        EvidenceError: a release that should run has no record that reads.
    """
    state = history.state(environment)
    wanted = {"stable": state.stable, "candidate": state.candidate.release if state.candidate else None}
    variants = []
    for name in VARIANTS:
        version = wanted[name]
        if version is None and name not in urls and name != "stable":
            continue
        identity = _identity(history, version) if version else None
        since = _since(history.of(environment), name, version)
        how = way(state.candidate.route) if name == "candidate" and state.candidate else ""
        entry = since.entry if since else None
        variant = Variant(name, identity, how, entry.at if entry else None, entry.author if entry else None)
        variants.append(_asked(variant, urls[name], ask) if name in urls else variant)
    return Status(environment, state, history.ledger.head.id, tuple(variants))


def _identity(history: History, version: str) -> Identity:
    release = history.ledger.release(history.ledger.head.tree, version)
    if release is None:
        raise EvidenceError(f"`{version}` should run, but git holds no record of it that reads. Run `weighlock audit`.")
    return identity_of(release)


def _since(events: list[Event], name: Name, version: str | None) -> Event | None:
    """The change since which a release is there without a break."""
    found = None
    for event in events:
        state = event.after
        at = (
            None if state is None else state.stable if name == "stable" else state.candidate and state.candidate.release
        )
        if at != version:
            found = None
        elif found is None:
            found = event
    return found


def _asked(variant: Variant, url: str, ask: Ask) -> Variant:
    variant = replace(variant, url=url)
    try:
        status, body = ask(url)
    except EvidenceError as error:
        if variant.wanted is None:
            return replace(variant, sync="in sync")  # nothing should answer, and nothing does
        return replace(variant, sync="no answer", differences=(one_line(str(error)),))
    if status in ABSENT and variant.wanted is None:
        return replace(variant, sync="in sync")
    if status != 200 or not isinstance(body, dict) or "digest" not in body:
        told = body.get("detail") if isinstance(body, dict) else None
        return replace(variant, sync="no answer", differences=(one_line(f"status {status}: {told or 'no model'}"),))
    found = f"{body.get('name')} {body.get('version')}"
    differences = _differences(variant.wanted, body)
    return replace(
        variant, sync="differs" if differences else "in sync", found=one_line(found), differences=tuple(differences)
    )


def _differences(wanted: Identity | None, found: Mapping[str, Any]) -> list[str]:
    if wanted is None:
        return [one_line(f"nothing should run here, and {found.get('version')} answers")]
    return [
        one_line(f"{what} is {found.get(key)}, and should be {getattr(wanted, key)}")
        for key, what in (
            ("name", "name"), ("version", "version"), ("digest", "model"), ("signature_digest", "signature"),
        )
        if found.get(key) != getattr(wanted, key)
    ]  # fmt: skip


def parse_urls(given: list[str]) -> dict[Name, str]:
    """`stable=http://…` for each variant; or `http://…` alone, an environment's entrance, which leads to both.

    Raises:
        ConfigError: it is none.
    """
    found: dict[Name, str] = {}
    if len(given) == 1 and given[0].startswith(_URL):
        return {name: f"{given[0].rstrip('/')}/variants/{name}" for name in VARIANTS}
    for text in given:
        name, equals, url = text.partition("=")
        variant = next((known for known in VARIANTS if known == name), None)
        if variant is None or not equals or not url.startswith(_URL):
            raise ConfigError(
                f"`--url` should be an environment's entrance, http://…, or a service's, stable=http://… or "
                f"candidate=http://…, but is {text!r}."
            )
        if variant in found:
            raise ConfigError(f"`--url {variant}=…` is given twice.")
        found[variant] = url.rstrip("/")
    return found
