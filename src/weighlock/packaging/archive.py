"""Reads an image that is saved in the format of `docker save`: its configuration and its files, with no tool."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from weighlock.errors import EvidenceError
from weighlock.files import digest_of

_WHITEOUT = ".wh."


@dataclass(frozen=True)
class Image:
    """What an image is.

    Attributes:
        id: the digest of its configuration, which docker and podman call the image's id.
        config: user, environment, entry point, labels (OCI image specification, `config`).
        size: bytes of all its layers, uncompressed.
        files: path -> content, or None where it was not asked for; without a leading slash.
    """

    id: str
    config: dict[str, Any]
    size: int
    files: dict[str, bytes | None]


def read_image(path: Path, wanted: Callable[[str], bool]) -> Image:
    """Read a saved image.

    Args:
        path: the file.
        wanted: of which files the content is read.

    Raises:
        EvidenceError: it is no such file.
    """
    files: dict[str, bytes | None] = {}
    size = 0
    try:
        with tarfile.open(path) as archive:
            manifest = json.loads(_member(archive, "manifest.json"))[0]
            config = _member(archive, manifest["Config"])
            for name in manifest["Layers"]:
                size += archive.getmember(name).size
                with _open(archive, name) as file, tarfile.open(fileobj=file) as layer:
                    _lay(layer, files, wanted)
    except (OSError, KeyError, IndexError, ValueError, tarfile.TarError) as error:
        raise EvidenceError(f"`{path}` is no saved image: {error!r}.") from error
    return Image(digest_of(config), json.loads(config)["config"], size, files)


def _open(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    file = archive.extractfile(name)
    if file is None:
        raise KeyError(name)
    return file


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    with _open(archive, name) as file:
        return file.read()


def _lay(layer: tarfile.TarFile, files: dict[str, bytes | None], wanted: Callable[[str], bool]) -> None:
    """Lay a layer over the files so far."""
    for entry in layer:
        name = entry.name.removeprefix("./").strip("/")
        folder, _, last = name.rpartition("/")
        if last.startswith(_WHITEOUT):
            gone = folder if last == ".wh..wh..opq" else f"{folder}/{last.removeprefix(_WHITEOUT)}".strip("/")
            for below in [path for path in files if path == gone or path.startswith(f"{gone}/")]:
                del files[below]
        elif not entry.isdir():
            file = layer.extractfile(entry) if entry.isfile() and wanted(name) else None
            files[name] = file.read() if file else None
