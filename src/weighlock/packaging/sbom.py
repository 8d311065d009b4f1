"""A bill of materials (CycloneDX) of what an image really holds: read from its files, not from what was asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from email.parser import Parser
from pathlib import Path
from typing import TYPE_CHECKING

from weighlock.errors import ModelError

if TYPE_CHECKING:
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component

    from weighlock.packaging.archive import Image

DPKG = "var/lib/dpkg/status"
_RELEASE = "usr/lib/os-release"
_LIBRARIES = "app/lib/"


def says_what_is_installed(path: str) -> bool:
    """Whether a file of the image says what is installed."""
    return path in {DPKG, _RELEASE} or (path.startswith(_LIBRARIES) and ".dist-info/" in path)


def write_sbom(image: Image, name: str, version: str, path: Path) -> int:
    """Write the bill of an image, validated against CycloneDX 1.6.

    Args:
        image: read with the files of `says_what_is_installed`.
        name: the image's.
        version: its model's.
        path: of the file.

    Returns:
        How many components it lists.

    Raises:
        ModelError: it cannot be made, or is not valid.
    """
    from cyclonedx.output.json import JsonV1Dot6
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    bom = _distributions(image)
    described = _image(image, name, version)
    bom.metadata.component = described
    for component in [_model(image), *_packages(image)]:
        bom.components.add(component)
    bom.register_dependency(described, bom.components)
    text = JsonV1Dot6(bom).output_as_string(indent=2)
    if problem := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ModelError(f"The bill of materials is not valid CycloneDX: {problem}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")
    return len(bom.components)


def _distributions(image: Image) -> Bom:
    """The Python libraries, as `cyclonedx-py` finds them where only they are to be found."""
    from cyclonedx.model.bom import Bom

    with tempfile.TemporaryDirectory(prefix="weighlock-sbom-") as scratch:
        for path, content in image.files.items():
            if content is not None and path.startswith(_LIBRARIES):
                target = Path(scratch, "lib", path.removeprefix(_LIBRARIES))
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
        # it asks a Python where libraries are; this one knows that folder alone
        python = Path(scratch, "python")
        python.write_text(f"#!/bin/sh\necho '{json.dumps([str(Path(scratch, 'lib'))])}'\n")
        python.chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible", str(python)],
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise ModelError(f"`cyclonedx-py` failed:\n{done.stderr.strip()}")
    return Bom.from_json(json.loads(done.stdout))  # type: ignore[attr-defined,no-any-return]


def _image(image: Image, name: str, version: str) -> Component:
    from cyclonedx.model.component import Component, ComponentType

    return Component(type=ComponentType.CONTAINER, name=name, version=version, bom_ref=f"image:{image.id}")


def _model(image: Image) -> Component:
    """The model itself, by the digests of the image's labels."""
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.component import Component, ComponentType

    labels = image.config["Labels"]
    digest = labels["weighlock.model"].removeprefix("sha256:")
    return Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        name=labels["weighlock.name"],
        version=labels["weighlock.version"],
        bom_ref=f"model:{digest}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
    )


def _packages(image: Image) -> list[Component]:
    """The distribution's packages, of images that stand on Debian or Ubuntu."""
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    release = dict(
        line.replace('"', "").split("=", 1)
        for line in (image.files.get(_RELEASE) or b"").decode().splitlines()
        if "=" in line
    )
    distro, number = release.get("ID", "debian"), release.get("VERSION_ID", "")
    found = []
    for stanza in (image.files.get(DPKG) or b"").decode().split("\n\n"):
        fields = Parser().parsestr(stanza.strip())
        if not (fields.get("Status") or "").endswith(" installed"):
            continue
        name, version = fields["Package"], fields["Version"]
        where = {"arch": fields["Architecture"], "distro": f"{distro}-{number}".rstrip("-")}
        url = PackageURL(type="deb", namespace=distro, name=name, version=version, qualifiers=where)
        found.append(
            Component(type=ComponentType.LIBRARY, name=name, version=version, bom_ref=url.to_string(), purl=url)
        )
    return found
