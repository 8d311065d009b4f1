"""A bento as one file: what `bentoml export` writes, looked into without BentoML or its store."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path

import yaml

from weighlock.errors import EvidenceError
from weighlock.layout import MODEL, SIGNATURE

MODEL_FOLDER = "src/model"
DESCRIPTION = "bento.yaml"


def require_bento_file(path: Path, digest: str, signature: str) -> str:
    """See that a bento's file holds the model of these digests; its tag.

    Raises:
        EvidenceError: it is no bento's, or holds another model.
    """
    wanted = {f"{MODEL_FOLDER}/{MODEL}": digest, f"{MODEL_FOLDER}/{SIGNATURE}": signature}
    found: dict[str, str] = {}
    tag = ""
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                if not member.isfile() or name not in {*wanted, DESCRIPTION}:
                    continue
                file = archive.extractfile(member)
                content = file.read() if file else b""
                if name == DESCRIPTION:
                    described = yaml.safe_load(content)
                    tag = f"{described['name']}:{described['version']}"
                else:
                    found[name] = f"sha256:{hashlib.sha256(content).hexdigest()}"
    except (OSError, tarfile.TarError, yaml.YAMLError, KeyError, TypeError) as error:
        raise EvidenceError(
            f"`{path}` is no bento's file: {error}. `weighlock bento --export DIR` writes one."
        ) from error
    for name, stated in wanted.items():
        if found.get(name) != stated:
            held = found.get(name, "nothing")
            raise EvidenceError(f"`{path}` holds {held} as `{name}`, but the model is {stated}. Pack it again.")
    if not tag:
        raise EvidenceError(f"`{path}` does not say which bento it is: it lacks `{DESCRIPTION}`.")
    return tag
