"""See that main's champion is here before anything of a branch is opened: from DVC, or built again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighlock.errors import EvidenceError
from weighlock.layout import MODEL, SIGNATURE
from weighlock.releases.rebuild import rebuilt
from weighlock.releases.record import read_release
from weighlock.releases.sources import NotThereError
from weighlock.revisions import Revision, find_commit
from weighlock.weighing.champion import NONE, stable_release
from weighlock.weighing.versions import MODELS

if TYPE_CHECKING:
    from pathlib import Path

FILES = (MODEL, SIGNATURE)


def fetch_data(root: Path) -> str:
    """Ask DVC's remote for main's data and the champion's models, while a step has the remote's credentials; in words.

    What is not there is no failure: data are made from their source, and models by their commit.
    """
    from dvc.config import Config

    if not Config(str(root / ".dvc"))["core"].get("remote"):
        return "DVC has no remote."
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    wanted = [f"{folder}/{file}" for folder in MODELS.values() for file in FILES]
    name = stable_release(root)
    asked: list[dict[str, list[str]]] = [{}]
    if name not in {None, NONE}:
        asked.append({"targets": wanted, "revs": [read_release(str(name), root).commit]})
    count = 0
    with Repo(str(root)) as repo:
        for what in asked:
            try:
                count += repo.fetch(**what)
            except (DvcException, OSError) as error:
                print(f"DVC's remote does not give everything: {error}")
    return f"{count} files came from DVC's remote; what is missing is made here."


def bring_champion(root: Path) -> str | None:
    """What production's stable release is, once both its models can be read here; None before the first one.

    Raises:
        EvidenceError: they are nowhere, and its commit does not make them again.
        ConfigError: `deploy/production.yaml` does not fit.
    """
    name = stable_release(root)
    if name in {None, NONE}:
        return None
    release = read_release(str(name), root)
    try:
        _read(release.commit, root)
    except EvidenceError as nowhere:
        try:
            rebuilt(release, root)  # into DVC's cache
            _read(release.commit, root)
        except (NotThereError, EvidenceError) as error:
            raise EvidenceError(
                f"the champion `{name}` is not to be had: {nowhere} Nor can it be rebuilt: {error}"
            ) from None
    return name


def _read(commit: str, root: Path) -> None:
    revision = Revision(find_commit(commit, root) or commit, root)
    for folder in MODELS.values():
        for file in FILES:
            revision.data(f"{folder}/{file}")
