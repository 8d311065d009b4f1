"""docker, podman and buildah: what they are told differs little, and they are asked to build, to save and to push."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from weighlock.errors import ConfigError, ModelError

TOOLS = ("docker", "podman", "buildah")
_TAG = re.compile(r":[^:/@]+$")  # of an image's name, not the port of its registry
_ADDRESS = re.compile(r"[^\s@]+@sha256:[0-9a-f]{64}")


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

    def push(self, image: str) -> str:
        """Push an image to its registry; its address there, `registry/name@sha256:…`.

        Raises:
            ModelError: it fails, or the tool does not say by what digest the registry has it.
        """
        name = _TAG.sub("", image)
        if self.name == "docker":
            self._call("push", "--quiet", image)
            told = (
                json.loads(self._call("image", "inspect", "--format", "{{json .RepoDigests}}", image) or "null") or []
            )
            found = next((address for address in told if address.startswith(f"{name}@")), "")
        else:
            with tempfile.TemporaryDirectory(prefix="weighlock-push-") as scratch:
                file = Path(scratch, "digest")
                self._call("push", "--quiet", "--digestfile", str(file), image)
                found = f"{name}@{file.read_text().strip()}" if file.exists() else ""
        if not _ADDRESS.fullmatch(found):
            raise ModelError(f"`{self.name}` pushed `{image}`, and does not say which digest it has there: {found!r}.")
        return found

    def _call(self, *arguments: str) -> str:
        done = subprocess.run([self.name, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr or done.stdout).strip()
            raise ModelError(f"`{self.name} {arguments[0]}` failed ({done.returncode}):\n{said[-4000:]}")
        return done.stdout.strip()


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
