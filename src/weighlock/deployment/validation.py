"""What the engines themselves would have against rendered files, found out before they are given to them.

Freshness is another question: `weighlock render --check`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from weighlock.deployment.rendering.published import KINDS, unknown
from weighlock.deployment.syncing import front

CLUSTER, MACHINE = "kubernetes/", "machine/"
_KUSTOMIZE = "kustomize.config.k8s.io/v1beta1"
_LISTEN = re.compile(r"(?<=\n    listen )(\S+?)(?=[ ;])")
_FILES = re.compile(r"(?<=    access_log )(/\S+)")
_CERTIFICATE = re.compile(r"(?<=    ssl_certificate )(\S+?)(?=;)")
_KEY = re.compile(r"(?<=    ssl_certificate_key )(\S+?)(?=;)")
_PORT = 20_100


def faults(name: str, files: Mapping[str, str]) -> list[str]:
    """What is wrong with an environment's files; empty where nothing is.

    Args:
        name: the environment.
        files: path below `deploy/rendered/<name>/` -> text.
    """
    found = [f"`{path}`: {fault}" for path, text in files.items() for fault in _manifest_faults(path, text)]
    machine = {path.removeprefix(MACHINE): text for path, text in files.items() if path.startswith(MACHINE)}
    if machine and nginx_is_here():
        found += [
            f"`{MACHINE}{front.site_of(name)}`: nginx refuses it: {line}" for line in _nginx_faults(name, machine)
        ]
    return found


def nginx_is_here() -> bool:
    """Whether nginx can be asked."""
    return shutil.which("nginx") is not None


def _manifest_faults(path: str, text: str) -> list[str]:
    if not path.startswith(CLUSTER):
        return []
    try:
        return [fault for manifest in yaml.load_all(text, yaml.CSafeLoader) for fault in manifest_faults(manifest)]
    except yaml.YAMLError as error:
        return [" ".join(str(error).split())]


def manifest_faults(manifest: Any) -> list[str]:
    """What an API server would have against a manifest; an unknown kind, field or a warning is a fault, too."""
    import kubernetes_validate  # type: ignore[import-untyped]

    if not isinstance(manifest, dict) or not {"apiVersion", "kind"} <= manifest.keys():
        return ["it says no `apiVersion` and `kind`"]
    if manifest["apiVersion"] == _KUSTOMIZE:
        return []  # kustomize's own, never sent to a cluster
    if published := KINDS.get((manifest["apiVersion"], manifest["kind"])):
        return [f"`{field}` is no field that is published" for field in unknown(manifest.get("spec"), published)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)
    except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError, UserWarning) as error:
        known = f"no schema of `{manifest['apiVersion']}`, `{manifest['kind']}` is known"
        return [" ".join(str(error).split()) or known]
    return []


def _nginx_faults(name: str, files: Mapping[str, str]) -> list[str]:
    """What `nginx -t` says, with addresses, logs and certificates of this machine in the place of the target's."""
    with tempfile.TemporaryDirectory(prefix="weighlock-nginx-") as scratch:
        folder = Path(scratch)
        site = front.site_of(name)
        given = front.own_files(name, {**files, site: _at_home(files[site], folder)})
        for path, text in given.items():
            (folder / path).write_text(text)
        done = subprocess.run(
            [*front.own(folder, name).command, "-t", "-q"], capture_output=True, text=True, check=False
        )
        said = (line.replace(f"{folder}/", "") for line in done.stderr.splitlines())
        return [line for line in said if "[emerg]" in line or "[crit]" in line] if done.returncode else []


def _at_home(text: str, folder: Path) -> str:
    known: dict[str, str] = {}

    def address(match: re.Match[str]) -> str:
        return known.setdefault(match[1], f"127.0.0.1:{_PORT + len(known)}")

    text = _FILES.sub(f"{folder}/access.json", _LISTEN.sub(address, text))
    if not _CERTIFICATE.search(text):
        return text
    chain, key = folder / "chain.pem", folder / "key.pem"
    subject = ("-subj", "/CN=localhost", "-days", "1", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    words = ["openssl", "req", "-x509", "-nodes", *subject, "-keyout", str(key), "-out", str(chain)]
    subprocess.run(words, capture_output=True, check=True)
    return _KEY.sub(str(key), _CERTIFICATE.sub(str(chain), text))
