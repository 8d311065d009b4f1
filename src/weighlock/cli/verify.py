"""`weighlock verify`: are the models that environments name the records' own, and signed by this repository?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from weighlock.releases.record import Release
    from weighlock.releases.signatures import Signer

FAILED = 3


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("environments", nargs="*", metavar="ENVIRONMENT", help="such as production (default: all)")
    parser.epilog = (
        "`params.yaml: deploy.signatures` says whether what is not signed is refused (3); a signature that is wrong "
        "always is."
    )


def run(args: argparse.Namespace) -> int:
    """Say of each release that runs, or should, whether its digests and signatures hold; 3 where one does not."""
    from weighlock.deployment.environment import read_environment
    from weighlock.deployment.policy import read_deploy
    from weighlock.outcome import announce
    from weighlock.releases.record import read_release
    from weighlock.releases.signatures import signer_from

    root = Path.cwd()
    names = args.environments or sorted(path.stem for path in (root / "deploy").glob("*.yaml"))
    versions = sorted({version for name in names for version in read_environment(name, root).releases})
    if not versions:
        print(f"nothing to verify: {', '.join(names) or 'no environment'} names no release.")
    required = read_deploy().signatures == "required"
    held = [_verified(read_release(version, root), signer_from(), root, required=required) for version in versions]
    announce(outcome="OK" if all(held) else "FAIL")
    return 0 if all(held) else FAILED


def _verified(release: Release, signer: Signer, root: Path, *, required: bool) -> bool:
    """Print what holds of a release, and what does not; whether all that is asked holds."""
    from weighlock.layout import MODEL
    from weighlock.releases.fetch import obtain
    from weighlock.releases.signatures import signatures_of

    files, source, _ = obtain(release, root, rebuild=False)
    print(f"ok      `{release.version}`: {release.served.digest}, from {source}; each digest is the record's")
    model = next(content for path, content in files.items() if path.rpartition("/")[2] == MODEL)
    held = True
    for found in signatures_of(release, model, signer, root):
        refused = found.fault is not None and (required or not found.missing)
        word = "REFUSED" if refused else "note" if found.fault else "ok"
        print(f"{word:<7} {found.of}: {found.fault or 'signed by ' + signer.repository}")
        held &= not refused
    return held
