"""A `cosign` for tests of workflows: it signs with a word instead of a certificate, and verifies what it signed.

Identity and digest are looked at as cosign does; only that nobody else could have signed is not shown.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

SIGNED = Path(os.environ["STANDIN_KEPT"]) / "signed.json"
ISSUER = "https://token.actions.githubusercontent.com"


def option(words: list[str], name: str) -> str:
    """An option's value."""
    return words[words.index(name) + 1]


def identity() -> str:
    """Of the workflow that runs, as GitHub tells sigstore."""
    server, repository = os.environ["GITHUB_SERVER_URL"], os.environ["GITHUB_REPOSITORY"]
    workflow = os.environ.get("GITHUB_WORKFLOW", "")
    return f"{server}/{repository}/.github/workflows/{workflow}.yml@{os.environ['GITHUB_REF']}"


def known() -> dict[str, str]:
    """What was signed by whom: images."""
    return dict(json.loads(SIGNED.read_text())) if SIGNED.exists() else {}


def refuse(words: str) -> None:
    """As cosign does."""
    print(f"Error: {words}", file=sys.stderr)
    sys.exit(1)


def main(command: str, words: list[str]) -> None:
    """Sign or verify."""
    target = words[-1]
    if command == "sign":
        SIGNED.write_text(json.dumps({**known(), target: identity()}))
    elif command == "sign-blob":
        digest = hashlib.sha256(Path(target).read_bytes()).hexdigest()
        Path(option(words, "--bundle")).write_text(json.dumps({"identity": identity(), "digest": digest}))
    else:
        if option(words, "--certificate-oidc-issuer") != ISSUER:
            refuse("none of the expected issuers matched")
        if command == "verify":
            if target not in known():
                refuse("no signatures found")
            who, digest = known()[target], ""
        else:
            bundle = json.loads(Path(option(words, "--bundle")).read_text())
            who, digest = bundle["identity"], bundle["digest"]
            if digest != hashlib.sha256(Path(target).read_bytes()).hexdigest():
                refuse("invalid signature when validating ASN.1 encoded signature")
        if who != option(words, "--certificate-identity"):
            refuse(f"none of the expected identities matched what was in the certificate, got subjects [{who}]")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
