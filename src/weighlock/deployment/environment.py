"""An environment, `deploy/<env>.yaml`: the desired state, which git alone holds."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from weighlock.config import Strict, parse_yaml
from weighlock.deployment.targets import Kubernetes, Machine
from weighlock.errors import ConfigError
from weighlock.releases.record import Version

FOLDER = "deploy"
ENTITY = "X-Entity-Id"
_NAME = re.compile(r"[a-z][a-z0-9-]*")

Percent = Annotated[float, Field(ge=0, le=100, strict=False, multiple_of=0.01)]


class Match(Strict):
    """Who gets the candidate in an A/B test: requests whose `header` has one of `values`."""

    header: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]*$")] = ENTITY
    values: Annotated[list[Annotated[str, Field(min_length=1, max_length=256)]], Field(min_length=1)]


class Route(Strict):
    """How requests reach a candidate: exactly one of these.

    Attributes:
        weight: percent of the entities that it answers: a canary; 0 → 100 is blue-green.
        mirror: percent of the requests that are copied to it, whose answers nobody sees: a shadow.
        match: the requests that it answers: an A/B test.
    """

    weight: Percent | None = None
    mirror: Percent | None = None
    match: Match | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(part is not None for part in (self.weight, self.mirror, self.match)) != 1:
            raise ValueError("should have exactly one of weight, mirror and match")
        return self


class Candidate(Strict):
    """A release that gets part of the traffic, or a copy of it."""

    release: Version
    route: Route


class Autoscaling(Strict):
    """Between how many replicas, and at which mean use of their CPU requests."""

    least: Annotated[int, Field(ge=1)]
    most: Annotated[int, Field(ge=1)]
    cpu_percent: Annotated[int, Field(ge=1, le=100)] = 70

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.least > self.most:
            raise ValueError("`least` should not be more than `most`")
        return self


class Resources(Strict):
    """Of one replica, in Kubernetes' units."""

    cpu: Annotated[str, Field(pattern=r"^\d+m?$")] = "500m"
    memory: Annotated[str, Field(pattern=r"^\d+(Mi|Gi)$")] = "512Mi"


class Blocked(Strict):
    """A release that must not come back by itself, and why."""

    release: Version
    reason: Annotated[str, Field(min_length=1)]


class Environment(Strict):
    """`deploy/<env>.yaml`.

    Attributes:
        stable: the release that answers; None before the first one.
        candidate: the release that is tried beside it.
        steps: a canary's weights in percent, rising; `advance` goes from one to the next, and after the last the
            candidate is stable.
        blocked: releases that were rolled back.
        replicas: of each variant, where there is no autoscaling; on one machine, worker processes.
        machine, kubernetes: where it runs; None: not there.
    """

    stable: Version | None
    candidate: Candidate | None = None
    steps: list[Percent] = [10.0, 50.0, 100.0]
    blocked: list[Blocked] = []
    replicas: Annotated[int, Field(ge=1, le=1000)] = 2
    resources: Resources = Resources()
    autoscaling: Autoscaling | None = None
    machine: Machine | None = None
    kubernetes: Kubernetes | None = None

    @field_validator("steps")
    @classmethod
    def _rising(cls, steps: list[float]) -> list[float]:
        if not steps or steps != sorted(set(steps)) or steps[0] <= 0:
            raise ValueError("should be weights above 0 that rise, such as [10, 50, 100]")
        return steps

    @model_validator(mode="after")
    def _possible(self) -> Self:
        blocked = {entry.release for entry in self.blocked}
        if self.candidate and self.candidate.release == self.stable:
            raise ValueError(f"`{self.stable}` is both stable and candidate")
        if self.candidate and self.stable is None:
            raise ValueError("a candidate needs a stable release beside it")
        if here := blocked & {self.stable, self.candidate and self.candidate.release}:
            raise ValueError(f"`{here.pop()}` is blocked, and runs")
        return self

    @property
    def releases(self) -> list[str]:
        """Those that run here: stable, then the candidate."""
        found = [self.stable, self.candidate.release if self.candidate else None]
        return [release for release in found if release]


def path_of(name: str) -> str:
    """Where an environment's file is, relative to the repository."""
    return f"{FOLDER}/{name}.yaml"


def parse_environment(text: str | bytes, source: str) -> Environment:
    """The environment of a file's text; `source` names it in messages.

    Raises:
        ConfigError: it is none; every misfit is named by its key.
    """
    return parse_yaml(text, Environment, source)


def read_environment(name: str, root: Path) -> Environment:
    """The environment `name` of the working tree.

    Raises:
        ConfigError: there is none, or it does not fit.
    """
    path = root / path_of(name)
    if not _NAME.fullmatch(name) or not path.is_file():
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.yaml"))) or "none"
        raise ConfigError(f"There is no environment `{name}`: `{path}` is missing; `{FOLDER}/` holds {known}.")
    return parse_environment(path.read_bytes(), str(path))


def rewritten(text: str, environment: Environment) -> str:
    """The file's text with what `promote`, `advance` and `rollback` may change (`stable`, `candidate`, `blocked`) as in
    `environment`; every other line, comments included, stays as it is."""
    from ruamel.yaml import YAML

    editor = YAML()
    editor.preserve_quotes = True
    editor.width = 120
    editor.indent(mapping=2, sequence=4, offset=2)
    editor.representer.add_representer(type(None), lambda to, _: to.represent_scalar("tag:yaml.org,2002:null", "null"))
    content = editor.load(text)
    for key, value in _changeable(environment).items():
        if value in (None, []) and key != "stable":
            content.pop(key, None)
        elif key not in content:
            content.insert(list(content).index("stable") + 1 if key == "candidate" else len(content), key, value)
        elif content[key] != value:
            content[key] = value
    out = io.StringIO()
    editor.dump(content, out)
    return out.getvalue()


def _changeable(environment: Environment) -> dict[str, Any]:
    chosen = environment.model_dump(include={"stable", "candidate", "blocked"}, exclude_none=True)
    route = chosen.get("candidate", {}).get("route", {})
    for key in ("weight", "mirror"):
        if key in route and float(route[key]).is_integer():
            route[key] = int(route[key])  # 10, not 10.0
    return {"stable": None, "candidate": None, "blocked": [], **chosen}
