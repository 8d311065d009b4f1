"""`weighlock render`: an environment as the files that nginx, systemd and Kubernetes read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from weighlock.errors import EvidenceError

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("environment", help="such as production: what `deploy/production.yaml` says")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; 2 where the files are not what they should be"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="(default: deploy/rendered/ENVIRONMENT)")


def run(args: argparse.Namespace) -> int:
    """Write the files, or compare them; 2 where some were edited by hand, are stale or do not belong."""
    from weighlock.deployment.environment import read_environment
    from weighlock.deployment.render import folder_of, render
    from weighlock.deployment.rendered import differences, replace
    from weighlock.releases.record import read_release

    root = Path.cwd()
    environment = read_environment(args.environment, root)
    releases = {version: read_release(version, root) for version in environment.releases}
    files = render(args.environment, environment, releases)
    shown = args.out or Path(folder_of(args.environment))
    folder = root / shown
    if args.check:
        found = differences(folder, files)
        if found:
            told = "\n".join(f"  - `{shown}/{path}` {what}" for path, what in found.items())
            raise EvidenceError(
                f"`{shown}` is not what `deploy/{args.environment}.yaml` says:\n{told}\nThese files are not edited by "
                f"hand. Run `weighlock render {args.environment}` and commit what it writes."
            )
        print(f"`{shown}`: {len(files)} files, as `deploy/{args.environment}.yaml` says.")
        return 0
    changed = replace(folder, files)
    for path, what in changed.items():
        print(f"{what}: {shown}/{path}")
    print(f"`{shown}`: {len(files)} files, {len(changed)} changed.")
    return 0
