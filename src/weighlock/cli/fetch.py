"""`weighlock fetch v7`: get a release's model back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("version", nargs="?", metavar="VERSION", help="a release, such as v7")
    which.add_argument("--stable", metavar="ENV", help="the one that is stable there; nothing is no mistake")
    which.add_argument("--data", action="store_true", help="rows that DVC tracks by a .dvc file and that are not here")
    parser.add_argument("--no-rebuild", action="store_true", help="do not run the pipeline where the model is nowhere")


def run(args: argparse.Namespace) -> None:
    """Fetch it, and say where from; each source that did not have it is named with its reason."""
    from weighlock.deployment.environment import read_environment
    from weighlock.outcome import announce
    from weighlock.releases.fetch import HERE, fetch_release
    from weighlock.releases.tracked import bring_tracked

    root = Path.cwd()
    if args.data:
        brought = bring_tracked(root)
        print("\n".join(f"{name}: brought" for name in brought) or "nothing that DVC tracks is missing.")
        return
    version = args.version or read_environment(args.stable, root).stable
    announce(version=version or "")
    if version is None:
        print(f"`deploy/{args.stable}.yaml` names no stable release: there is nothing to fetch.")
        return
    fetched = fetch_release(version, root, rebuild=not args.no_rebuild)
    for name, reason in fetched.failed:
        print(f"not from {name}: {reason}")
    where = "is here already" if fetched.source == HERE else f"from {fetched.source}"
    print(f"{fetched.folder.relative_to(root)}: {version} {where}; both digests verify")
