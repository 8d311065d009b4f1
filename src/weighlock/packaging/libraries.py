"""The libraries of an image, unpacked for its Python: what the lock names, checked by its hashes; no pip goes along."""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

from weighlock.errors import ModelError

_MACHINES = {"arm64": "aarch64", "amd64": "x86_64"}
# What no service imports: tests and their data, commands with the paths of this machine, stubs for editors, and what
# rewrites models.
_SURPLUS = (
    *("**/tests", "bin", "**/*.pyi", "**/__pycache__", ".lock"),
    *("onnxruntime/transformers", "onnxruntime/quantization", "onnxruntime/tools"),
)


def unpack(lock: Path, into: Path, python: str) -> None:
    """Unpack wheels for Linux on this machine's processor.

    Args:
        lock: requirements with hashes.
        into: the folder, which becomes a part of the image's `PYTHONPATH`.
        python: the image's Python, such as 3.11.

    Raises:
        ModelError: one is not to be had as a wheel, or its hash is another.
    """
    machine = platform.machine().lower()
    done = subprocess.run(
        [
            *("uv", "pip", "install", "--target", str(into), "--requirements", str(lock), "--no-deps"),
            *("--require-hashes", "--only-binary", ":all:", "--link-mode", "copy", "--python-version", python),
            *("--python-platform", f"{_MACHINES.get(machine, machine)}-manylinux_2_28"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ModelError(f"The libraries of `{lock}` cannot be unpacked for Python {python}:\n{done.stderr.strip()}")
    for pattern in _SURPLUS:
        for path in list(into.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def readable(folder: Path) -> None:
    """Let everyone read a folder, and nobody but its owner write: the image's user is not its files' owner."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
