"""`params.yaml: deploy`: through which environments a release goes, and what the audit has been told of."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from weighlock.config import Strict, parse
from weighlock.deployment.judge_policy import JudgeParams
from weighlock.params import FILE, read_params
from weighlock.releases.record import Commit

EnvironmentName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]


class Known(Strict):
    """A finding of the audit that history cannot be rid of, and that someone has looked into."""

    commit: Commit
    reason: Annotated[str, Field(min_length=10)]


class DeployParams(Strict):
    """`deploy`.

    Attributes:
        environments: in the order in which a release goes through them; the last is what users see.
        known: commits whose findings are reported and no longer fail the audit.
        judge: by which rules a rollout is judged.
    """

    environments: Annotated[list[EnvironmentName], Field(min_length=1)] = ["staging", "production"]
    known: list[Known] = []
    judge: JudgeParams = JudgeParams()

    @field_validator("environments")
    @classmethod
    def _distinct(cls, environments: list[str]) -> list[str]:
        if len(set(environments)) < len(environments):
            raise ValueError("should name each environment once")
        return environments

    def before(self, name: str) -> str | None:
        """The environment that a release goes through before `name`; None where that is the first."""
        place = self.environments.index(name)
        return self.environments[place - 1] if place else None


def read_deploy(path: Path = FILE) -> DeployParams:
    """Read `params.yaml: deploy`; what it does not name, or the whole section, is as in `DeployParams`.

    Raises:
        ConfigError: a key is unknown or wrong; it is named.
    """
    return parse(read_params(path).deploy or {}, DeployParams, f"{path}: deploy")
