"""podman and an image to stand on, where there is neither a Docker daemon nor a registry."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

PROGRAMS = ("podman", "runc", "mmdebstrap")
# The limits and the runtime that also work inside of virtual machines with old control groups.
CONFIGURATION = """\
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
netns = "host"
[engine]
runtime = "runc"
"""
SLIM = ("doc", "man", "locale", "info")


class NoContainersError(Exception):
    """Why no image can be built and run here."""


def install() -> None:
    """Have the programs, from the distribution's packages where one is missing.

    Raises:
        NoContainersError: they cannot be had.
    """
    if all(shutil.which(program) for program in PROGRAMS):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise NoContainersError(f"It needs {', '.join(PROGRAMS)}; only root on Debian can install them.")
    for command in (["update", "-qq"], ["install", "-qqy", "--no-install-recommends", *PROGRAMS]):
        done = subprocess.run(["apt-get", *command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoContainersError(f"`apt-get install` failed: {done.stderr.strip()[-500:]}")


def base_image(environment: dict[str, str]) -> tuple[str, str]:
    """An image with Python to stand on, and that Python: the one that `WEIGHLOCK_BASE_IMAGE` names, or this
    distribution's packages, kept under a local name for the next time.

    Raises:
        NoContainersError: it cannot be made.
    """
    named = os.environ.get("WEIGHLOCK_BASE_IMAGE")
    suite = platform.freedesktop_os_release().get("VERSION_CODENAME", "bookworm")
    image = named or f"localhost/weighlock-base:{suite}"
    if not named and podman(environment, "image", "exists", image).returncode:
        with tempfile.TemporaryDirectory(prefix="weighlock-base-") as scratch:
            root = Path(scratch, "root.tar")
            _bootstrap(suite, root)
            done = podman(environment, "import", "--quiet", str(root), image)
        if done.returncode:
            raise NoContainersError(f"`podman import` failed: {done.stderr.strip()}")
    version = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = podman(environment, "run", "--rm", "--entrypoint", "python3", image, "-c", version)
    if done.returncode:
        raise NoContainersError(f"`{image}` does not run: {done.stderr.strip()}")
    return image, done.stdout.strip()


def podman(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["podman", *arguments], env=environment, capture_output=True, text=True, check=False)


def _bootstrap(suite: str, root: Path) -> None:
    """The smallest root file system with Python, from where this machine's own packages come from."""
    sources = [p for p in (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list")) if p.exists()]
    done = subprocess.run(
        [
            *("mmdebstrap", "--variant=minbase", "--include=python3,usr-is-merged"),
            "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",  # else the merge needs all of perl
            *(f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in SLIM),
            '--customize-hook=rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/*',
            *(suite, str(root), *map(str, sources[:1])),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NoContainersError(f"`mmdebstrap` failed: {done.stderr.strip()[-500:]}")
