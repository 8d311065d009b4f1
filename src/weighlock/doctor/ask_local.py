"""Asks the clone: git's settings, DVC's, `params.yaml`, the files of `.github`."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
from typing import TYPE_CHECKING

from weighlock.deployment.environment import read_environment
from weighlock.deployment.policy import read_deploy
from weighlock.doctor.ask_places import Ask, log_place, remote_place
from weighlock.doctor.checks_local import TOOLS
from weighlock.doctor.facts import Local, Ruleset, Workflow
from weighlock.errors import ConfigError, EvidenceError
from weighlock.monitoring.log_policy import read_monitoring
from weighlock.params import read_params
from weighlock.releases.github import slug_of
from weighlock.releases.repository import ask, committer
from weighlock.revisions import git

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WORKFLOWS, RULESETS, OWNERS = ".github/workflows", ".github/rulesets", ".github/CODEOWNERS"
_SECRET, _VARIABLE = re.compile(r"\bsecrets\.([A-Za-z_]\w*)"), re.compile(r"\bvars\.([A-Za-z_]\w*)")
_CRON = re.compile(r"^\s*- *['\"]?cron['\"]? *:", re.MULTILINE)
_COMMENT = re.compile(r"(^|\s)#.*$", re.MULTILINE)


def read_local(root: Path, how: Ask, environ: Mapping[str, str]) -> Local:
    """Everything that the clone says.

    Args:
        root: of the repository.
        how: whether stores may be asked, and written to.
        environ: `GITHUB_REPOSITORY` says owner/name where `origin` does not.

    Raises:
        ConfigError: `params.yaml` is wrong.
        RepositoryError: this is no git repository with a commit.
    """
    origin = git(root, "remote", "get-url", "origin")
    commit = ask(root, "log", "-1", "--format=%cI", otherwise="this is no git repository with a commit. Commit first.")
    monitoring = read_monitoring(root / "params.yaml")
    outcomes, source = monitoring.outcomes, read_params(root / "params.yaml").data.source
    return Local(
        committer=_committer(root),
        slug=slug_of(root, environ),
        origin=origin.stdout.decode().strip() if origin.returncode == 0 else None,
        shallow=ask(root, "rev-parse", "--is-shallow-repository") == "true",
        branch=git(root, "symbolic-ref", "--short", "HEAD").stdout.decode().strip(),
        last_commit=dt.datetime.fromisoformat(commit),
        owners=_owners(root / OWNERS),
        stable={name: _stable(name, root) for name in read_deploy(root / "params.yaml").environments},
        remote=remote_place(root, how),
        log=log_place(root, how),
        outcomes=outcomes.source if outcomes else None,
        database=bool(source.sql or (outcomes and outcomes.sql)),
        hashes=bool(monitoring.log.hash),
        workflows=read_workflows(root / WORKFLOWS),
        rulesets=read_rulesets(root),
        tools={name: shutil.which(name) is not None for name in (*TOOLS, "docker")},
    )


def read_workflows(folder: Path) -> tuple[Workflow, ...]:
    """The files of `.github/workflows`, with what each of them names."""
    return tuple(_workflow(path) for path in sorted(folder.glob("*.yml")))


def read_rulesets(root: Path) -> tuple[Ruleset, ...]:
    """The files of `.github/rulesets`.

    Raises:
        ConfigError: one is not what GitHub takes.
    """
    return tuple(_ruleset(path, root) for path in sorted((root / RULESETS).glob("*.json")))


def _workflow(path: Path) -> Workflow:
    text = _COMMENT.sub("", path.read_text(encoding="utf-8"))
    found = (frozenset(pattern.findall(text)) for pattern in (_SECRET, _VARIABLE))
    return Workflow(path.name, _CRON.search(text) is not None, *found)


def _ruleset(path: Path, root: Path) -> Ruleset:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        rules = content["rules"] if content.get("target", "branch") == "branch" else []
        required = [rule["parameters"] for rule in rules if rule["type"] == "required_status_checks"]
        checks = {check["context"] for part in required for check in part["required_status_checks"]}
        types = frozenset(rule["type"] for rule in rules)
        return Ruleset(path.relative_to(root).as_posix(), content["name"], types, frozenset(checks))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"`{path}` is no ruleset as GitHub takes it ({type(error).__name__}: {error}). The template's are."
        ) from error


def _committer(root: Path) -> str | None:
    try:
        return committer(root)
    except ConfigError:
        return None


def _owners(path: Path) -> tuple[str, ...] | None:
    if not path.is_file():
        return None
    lines = (_COMMENT.sub("", line).split() for line in path.read_text(encoding="utf-8").splitlines())
    return tuple(dict.fromkeys(owner for words in lines for owner in words[1:]))


def _stable(name: str, root: Path) -> str | None:
    try:
        return read_environment(name, root).stable
    except (ConfigError, EvidenceError):
        return None
