"""docker, podman and buildah: what they are told differs little, and they are asked only to build and to save."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from weighlock.errors import ConfigError, ModelError

TOOLS = ("docker", "podman", "buildah")


@dataclass(frozen=True)
class Tool:
    """A program that builds images.

    Attributes:
        name: one of `TOOLS`.
    """

    name: str

    def build(self, context: Path, tag: str, arguments: Mapping[str, str], labels: Mapping[str, str]) -> None:
        """Build the `Containerfile` of a folder.

        Raises:
            ModelError: it fails; what the tool said is in the message.
        """
        options = [part for key, value in arguments.items() for part in ("--build-arg", f"{key}={value}")]
        options += [part for key, value in labels.items() for part in ("--label", f"{key}={value}")]
        options += ["--layers=false"] if self.name == "podman" else []  # else each build leaves its first stage behind
        self._call("build", "--file", str(context / "Containerfile"), "--tag", tag, *options, str(context))

    def save(self, tag: str, path: Path) -> None:
        """Write an image to a file, in the format of `docker save`.

        Raises:
            ModelError: it fails.
        """
        if self.name == "buildah":
            self._call("push", "--quiet", tag, f"docker-archive:{path}:{tag}")
        else:
            self._call("save", *(["--format", "docker-archive"] if self.name == "podman" else []), "-o", str(path), tag)

    def _call(self, *arguments: str) -> None:
        done = subprocess.run([self.name, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr or done.stdout).strip()
            raise ModelError(f"`{self.name} {arguments[0]}` failed ({done.returncode}):\n{said[-4000:]}")


def find_tool(name: str | None = None, known: Sequence[str] = TOOLS) -> Tool:
    """The tool of that name, or the first that is here and answers.

    Raises:
        ConfigError: there is none, or it does not answer.
    """
    problems = []
    for candidate in [name] if name else known:
        if shutil.which(candidate) is None:
            problems.append(f"`{candidate}` is not installed")
            continue
        done = subprocess.run([candidate, "info"], capture_output=True, text=True, check=False)
        # a docker without its daemon exits with 0 in some versions, and says so
        if done.returncode == 0 and "Cannot connect" not in done.stdout + done.stderr:
            return Tool(candidate)
        said = (done.stderr or done.stdout).strip().splitlines() or ["it says nothing"]
        problems.append(f"`{candidate} info` fails: {said[-1]}")
    raise ConfigError(f"No tool that builds images: {'; '.join(problems)}. Install one of {', '.join(TOOLS)}.")
