"""`params.yaml: deploy`: through which environments a release goes, and what the audit has been told of."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from weighlock.config import Strict, parse
from weighlock.deployment.judge_policy import JudgeParams
from weighlock.params import FILE, read_params
from weighlock.releases.record import Commit

EnvironmentName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]


class Known(Strict):
    """A finding of the audit that history cannot be rid of, and that someone has looked into."""

    commit: Commit
    reason: Annotated[str, Field(min_length=10)]


class SyncParams(Strict):
    """`deploy.sync`: what `weighlock sync` asks for, and how long it waits.

    Attributes:
        signatures: whether a commit is applied only with a signature that holds.
        allowed_signers: the keys that may sign, as `ssh-keygen -Y verify` reads them: a path in the repository, of
            which the commit applied last counts, or a whole path on the machine; None: git's own configuration.
        ready_seconds: until a service is ready; longer is a failure.
        drain_seconds: until nginx has answered what came before a reload; a service that is still used then is stopped
            by a later sync. More than `machine.timeout_seconds`.
    """

    signatures: Literal["required", "optional"] = "optional"
    allowed_signers: Annotated[str, Field(pattern=r"^/?[A-Za-z0-9_@+.-]+(/[A-Za-z0-9_@+.-]+)*$")] | None = None
    ready_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    drain_seconds: Annotated[int, Field(ge=1, le=3600)] = 60

    @model_validator(mode="after")
    def _asked(self) -> Self:
        if self.allowed_signers and self.signatures == "optional":
            raise ValueError("names `allowed_signers`, but asks for no signature: set `signatures: required`")
        return self


Way = Literal["commit", "pull_request"]


class RolloutParams(Strict):
    """`deploy.rollout`: how what the scheduled judge decides comes to the branch.

    Attributes:
        advance, rollback: a commit, where the App may push to the branch; or a pull request, whose review decides.
    """

    advance: Way = "pull_request"
    rollback: Way = "commit"


class DeployParams(Strict):
    """`deploy`.

    Attributes:
        environments: in the order in which a release goes through them; the last is what users see.
        known: commits whose findings are reported and no longer fail the audit.
        sync: what `weighlock sync` asks for.
        judge: by which rules a rollout is judged.
        rollout: how what the judge decides comes to the branch.
        signatures: whether models and images have to be signed by `release.yml`.
    """

    environments: Annotated[list[EnvironmentName], Field(min_length=1)] = ["staging", "production"]
    known: list[Known] = []
    sync: SyncParams = SyncParams()
    judge: JudgeParams = JudgeParams()
    rollout: RolloutParams = RolloutParams()
    signatures: Literal["required", "optional"] = "optional"

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
