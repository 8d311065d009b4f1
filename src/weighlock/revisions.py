"""What the pipeline made, in the working tree or at a git revision: text from Git, data from DVC."""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighlock.errors import EvidenceError

if TYPE_CHECKING:
    from collections.abc import Mapping

LOCK = "dvc.lock"
_QUIET = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}  # no one is there to type a password; messages are matched


@dataclass(frozen=True)
class Tree:
    """The working tree's files."""

    root: Path

    def text(self, path: str) -> bytes:
        """The content of a file that git holds.

        Raises:
            EvidenceError: it is missing.
        """
        return self.data(path)

    def data(self, path: str) -> bytes:
        """The content of a file that DVC holds.

        Raises:
            EvidenceError: it is missing.
        """
        try:
            return (self.root / path).read_bytes()
        except FileNotFoundError:
            raise EvidenceError(f"`{self.root / path}` is missing. Run `dvc repro` or `dvc pull` first.") from None


@dataclass(frozen=True)
class Revision:
    """The files of a commit of the repository at `root`; `name` is how the user named it."""

    name: str
    root: Path

    @cached_property
    def digests(self) -> dict[str, str]:
        """By path, the MD5 of each output that its `dvc.lock` holds.

        Raises:
            EvidenceError: there is none, or it is torn.
        """
        return outs(load_lock(self.text(LOCK), f"`{LOCK}` of `{self.name}`"))

    def text(self, path: str) -> bytes:
        """The content of a file that git holds.

        Raises:
            EvidenceError: there is no such revision, or no such file in it.
        """
        if self.name.startswith("-"):
            raise EvidenceError(f"`{self.name}` is neither a folder nor a git revision.")
        shown = git(self.root, "show", f"{self.name}:./{path}")
        if shown.returncode:
            reason = " ".join(shown.stderr.decode(errors="replace").strip().splitlines()[-1:])
            raise EvidenceError(f"`{self.name}` is neither a folder nor a git revision with `{path}` ({reason}).")
        return shown.stdout

    def data(self, path: str) -> bytes:
        """The content of a file that DVC holds, checked against the MD5 in `dvc.lock`.

        Raises:
            EvidenceError: `dvc.lock` does not hold it, or it is neither in the cache nor in a remote.
        """
        digest = self.require(path)[0]
        from dvc.exceptions import DvcException

        try:
            cached = self._cache / digest[:2] / digest[2:]
            content = cached.read_bytes() if cached.is_file() else b""
            if _md5(content) != digest:
                import dvc.api

                content = bytes(dvc.api.read(path, repo=str(self.root), rev=self.name, mode="rb"))
        except (DvcException, OSError) as error:
            raise EvidenceError(
                f"`{path}` of `{self.name}` is neither in DVC's cache nor in a remote ({type(error).__name__}). "
                f"Run `dvc fetch --rev {self.name}`, or check that commit out and run `dvc repro`."
            ) from error
        if _md5(content) != digest:
            raise EvidenceError(f"`{path}` of `{self.name}` is not what its `{LOCK}` says. Do not use it.")
        return content

    @cached_property
    def _cache(self) -> Path:
        return dvc_cache(self.root)

    def require(self, *paths: str) -> list[str]:
        """The MD5 of each path.

        Raises:
            EvidenceError: `dvc.lock` lacks one.
        """
        if missing := [path for path in paths if path not in self.digests]:
            raise EvidenceError(
                f"`{LOCK}` of `{self.name}` does not hold {', '.join(missing)}. Was `dvc repro` run there?"
            )
        return [self.digests[path] for path in paths]


def git(
    root: Path, *arguments: str, stdin: bytes | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run git in `root`, with `env` beside the environment; whether it went well is the caller's to see.

    It asks nobody for a password, and speaks English.
    """
    command = ["git", "--no-optional-locks", *arguments]
    environment = {**os.environ, **_QUIET, **(env or {})}
    try:
        return subprocess.run(command, cwd=root, input=stdin, capture_output=True, check=False, env=environment)
    except FileNotFoundError:
        return subprocess.CompletedProcess(command, 127, b"", b"git is not installed")


def find_commit(name: str, root: Path) -> str | None:
    """The commit that `name` stands for in the repository at `root`; None where there is none."""
    found = git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return found.stdout.decode().strip() if found.returncode == 0 else None


def dvc_cache(root: Path) -> Path:
    """Where DVC's cache usually is, told by its configuration alone: DVC itself takes a second to start."""
    from dvc.config import Config

    above = (folder / ".dvc" for folder in (root.absolute(), *root.absolute().parents))
    settings = next((folder for folder in above if folder.is_dir()), root / ".dvc")
    return Path(Config(str(settings))["cache"].get("dir") or settings / "cache") / "files/md5"


def load_lock(content: bytes, source: str) -> dict[str, Any]:
    """The stages of a `dvc.lock`, or of a part of one.

    Raises:
        EvidenceError: it is no such file; `source` names it.
    """
    import yaml

    from weighlock.config import load_yaml

    try:
        stages = load_yaml(content)["stages"]
        return {str(name): dict(stage) for name, stage in stages.items()}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise EvidenceError(f"{source} is not what DVC writes ({type(error).__name__}). Run `dvc repro`.") from error


def outs(stages: dict[str, Any]) -> dict[str, str]:
    """By path, the MD5 of each output of these stages."""
    found = [out for stage in stages.values() for out in stage.get("outs", [])]
    return {out["path"]: out["md5"] for out in found if "md5" in out}


def file_md5(path: Path) -> str:
    """The MD5 of a file's bytes, by which DVC knows it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
