"""An image of a bento: its libraries and nothing more, for a user who is not root and a root that is read-only."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from weighlock.errors import EvidenceError
from weighlock.files import digest_of
from weighlock.packaging.archive import read_image
from weighlock.packaging.bento import SERVING
from weighlock.packaging.libraries import readable, unpack
from weighlock.packaging.sbom import says_what_is_installed, write_sbom

if TYPE_CHECKING:
    from weighlock.packaging.bento import Packed
    from weighlock.packaging.tools import Tool

_ONNX = "home/bentoml/bento/src/model/model.onnx"


@dataclass(frozen=True)
class Built:
    """An image, and what was found in it.

    Attributes:
        tag: its name and version.
        id: the digest of its configuration; the one of a registry is known when it is pushed.
        size: bytes of all its layers, uncompressed.
        sbom: the bill of materials.
        components: how many it lists.
    """

    tag: str
    id: str
    size: int
    sbom: Path
    components: int


def build_image(bento: Packed, root: Path, tool: Tool, base: str, python: str, tag: str | None, out: Path) -> Built:
    """Build the image of a bento and write its bill of materials.

    Args:
        bento: what it holds.
        root: the repository, with `serving/Containerfile`.
        tool: which builds it.
        base: the image that it stands on: Linux with glibc 2.28 or newer, `python3`, and nothing else that is needed.
        python: that image's Python, such as 3.11.
        tag: name and version of the image; None: the bento's.
        out: the folder of the bill of materials.

    Raises:
        ModelError: a tool fails; what it said is in the message.
        EvidenceError: `serving/Containerfile` is missing, or the image holds another model than its labels say.
    """
    containerfile = root / SERVING / "Containerfile"
    if not containerfile.exists():
        raise EvidenceError(f"`{containerfile}` is missing. Run this in the repository's root.")
    named = tag or bento.tag
    name, version = bento.tag.split(":")
    with tempfile.TemporaryDirectory(prefix="weighlock-image-") as scratch:
        context = Path(scratch, "context")
        shutil.copytree(bento.path, context / "bento")
        shutil.copyfile(containerfile, context / "Containerfile")
        unpack(bento.path / "src/requirements.txt", context / "lib", python)
        readable(context)
        tool.build(context, named, {"BASE_IMAGE": base, "PYTHON": python}, labels(bento, base))
        saved = Path(scratch, "image.tar")
        tool.save(named, saved)
        image = read_image(saved, lambda path: path == _ONNX or says_what_is_installed(path))
    check(image.files.get(_ONNX), bento)
    sbom = out / f"{name}-{version}.cdx.json"
    return Built(named, image.id, image.size, sbom, write_sbom(image, name, version, sbom))


def labels(bento: Packed, base: str) -> dict[str, str]:
    """The bento's labels, and those that the OCI image specification names."""
    of = bento.labels
    return {
        "org.opencontainers.image.title": of["weighlock.name"],
        "org.opencontainers.image.version": of["weighlock.version"],
        "org.opencontainers.image.revision": of["weighlock.commit"],
        "org.opencontainers.image.base.name": base,
        **of,
    }


def check(content: bytes | None, bento: Packed) -> None:
    """See that an image's model is its bento's.

    Raises:
        EvidenceError: it is another, or there is none.
    """
    found = digest_of(content or b"")
    if content is None or found != bento.labels["weighlock.model"]:
        raise EvidenceError(
            f"The image holds {found if content else 'no model'}, but {bento.tag} is {bento.labels['weighlock.model']}."
        )
