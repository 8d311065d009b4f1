"""Are a release's model and image signed by the workflow that makes releases? Asked of cosign (sigstore, keyless).

A keyless signature has no key to lose: GitHub tells sigstore which workflow of which repository and branch asked, and
that identity is what is verified here. A bundle, which is an asset of the GitHub release, holds all of it for a model.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from weighlock.errors import ConfigError
from weighlock.layout import MODEL
from weighlock.releases.github import assets
from weighlock.releases.sources import NotThereError

if TYPE_CHECKING:
    from weighlock.releases.record import Release

COSIGN = "cosign"
BUNDLE = f"{MODEL}.sigstore.json"
ISSUER = "https://token.actions.githubusercontent.com"
WORKFLOW = ".github/workflows/release.yml"


@dataclass(frozen=True)
class Signer:
    """Whose signature counts.

    Attributes:
        repository: `https://github.com/owner/name`.
        branch: whose workflow it has to be.
    """

    repository: str
    branch: str = "main"

    @property
    def words(self) -> tuple[str, ...]:
        """cosign's arguments."""
        identity = f"{self.repository}/{WORKFLOW}@refs/heads/{self.branch}"
        return ("--certificate-identity", identity, "--certificate-oidc-issuer", ISSUER)


@dataclass(frozen=True)
class Signature:
    """What was found of one.

    Attributes:
        of: what should be signed.
        fault: why it does not hold, or is not there; None where it holds.
        missing: there is none, or nobody here can tell; otherwise one is there, and it is wrong.
    """

    of: str
    fault: str | None = None
    missing: bool = False


def signer_from(environ: Mapping[str, str] = os.environ) -> Signer:
    """This repository's, as a workflow's environment says.

    Raises:
        ConfigError: it does not.
    """
    repository = environ.get("GITHUB_REPOSITORY", "")
    if repository.count("/") != 1:
        raise ConfigError(
            "Whose signatures count cannot be told: `GITHUB_REPOSITORY` does not say owner/name. Set it, as GitHub "
            "does in a workflow."
        )
    server = environ.get("GITHUB_SERVER_URL", "").rstrip("/") or "https://github.com"
    return Signer(f"{server}/{repository}", environ.get("WEIGHLOCK_BRANCH") or "main")


def signatures_of(release: Release, model: bytes, signer: Signer, root: Path) -> list[Signature]:
    """What holds of the model's signature, and of the image's where the record names one.

    Args:
        release: the record.
        model: the served model's file, whose digest is the record's.
        signer: whose signatures count.
        root: the repository.
    """
    name = f"`{release.version}`'s model"
    try:
        bundle = assets(release, (BUNDLE,), root)[BUNDLE]
    except NotThereError as error:
        found = [Signature(name, f"no signature is to be had: {error}", missing=True)]
    else:
        found = [_model(name, model, bundle, signer)]
    if release.image:
        found.append(_asked(f"`{release.version}`'s image", ["verify", *signer.words, release.image]))
    return found


def _model(name: str, model: bytes, bundle: bytes, signer: Signer) -> Signature:
    with tempfile.TemporaryDirectory(prefix="weighlock-verify-") as scratch:
        files = [Path(scratch, MODEL), Path(scratch, BUNDLE)]
        for file, content in zip(files, (model, bundle), strict=True):
            file.write_bytes(content)
        return _asked(name, ["verify-blob", "--bundle", str(files[1]), *signer.words, str(files[0])])


def _asked(of: str, words: Sequence[str]) -> Signature:
    """What cosign says."""
    if shutil.which(COSIGN) is None:
        return Signature(of, "nobody can tell here: cosign is not installed", missing=True)
    done = subprocess.run([COSIGN, *words], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return Signature(of)
    said = [line for line in done.stderr.strip().splitlines() if line.strip()] or ["no reason given"]
    fault = said[-1].strip()[:400]
    return Signature(of, f"cosign refuses it: {fault}", missing="no signatures found" in done.stderr)
