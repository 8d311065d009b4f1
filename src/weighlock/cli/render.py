"""`weighlock render`: environments as the files that nginx, systemd and Kubernetes read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from weighlock.errors import ConfigError, EvidenceError

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("environments", nargs="*", metavar="ENVIRONMENT", help="such as production (default: all)")
    parser.add_argument("--check", action="store_true", help="write nothing; 2 where files are not what they should be")
    parser.add_argument(
        "--validate",
        action="store_true",
        help="write nothing; 2 where Kubernetes or nginx (where it is) refuse the files",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="of one environment (default: deploy/rendered/NAME)")


def run(args: argparse.Namespace) -> int:
    """Write the files, or compare them; 2 where some were edited by hand, are stale or do not belong."""
    root = Path.cwd()
    names = args.environments or sorted(path.stem for path in (root / "deploy").glob("*.yaml"))
    if not names:
        raise ConfigError("`deploy/` holds no environment. Write `deploy/production.yaml`: docs/render.md.")
    if args.out and len(names) > 1:
        raise ConfigError(f"`--out` takes the files of one environment, not of {', '.join(names)}. Name one.")
    if args.validate:
        _validate(names, root, args.out)
        if not args.check:
            return 0
    stale: list[str] = []
    for name in names:
        stale += _check(name, root, args.out) if args.check else _write(name, root, args.out)
    if stale:
        told, again = "\n".join(f"  - {line}" for line in stale), " ".join(["weighlock render", *args.environments])
        raise EvidenceError(
            f"These files are not what their environments say:\n{told}\nThey are not edited by hand. Run `{again}` and "
            "commit what it writes."
        )
    return 0


def _write(name: str, root: Path, out: Path | None) -> list[str]:
    from weighlock.deployment.render import folder_of
    from weighlock.deployment.rendered import replace

    shown, files = out or Path(folder_of(name)), _rendered(name, root)
    changed = replace(root / shown, files)
    for path, what in changed.items():
        print(f"{what}: {shown}/{path}")
    print(f"`{shown}`: {len(files)} files, {len(changed)} changed.")
    return []


def _check(name: str, root: Path, out: Path | None) -> list[str]:
    from weighlock.deployment.render import folder_of
    from weighlock.deployment.rendered import differences

    shown, files = out or Path(folder_of(name)), _rendered(name, root)
    found = differences(root / shown, files)
    if not found:
        print(f"`{shown}`: {len(files)} files, as `deploy/{name}.yaml` says.")
    return [f"`{shown}/{path}` {what}" for path, what in found.items()]


def _validate(names: list[str], root: Path, out: Path | None) -> None:
    """Ask the engines about the files as they are."""
    from weighlock.deployment.render import folder_of
    from weighlock.deployment.validation import faults, nginx_is_here

    found = []
    for name in names:
        folder = root / (out or folder_of(name))
        files = {
            str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()
        }
        refused = faults(name, files)
        found += [f"  - {name}: {fault}" for fault in refused]
        if not refused:
            print(f"`{folder.relative_to(root)}`: {len(files)} files, nothing that an engine refuses.")
    if not nginx_is_here():
        print("note: nginx is not installed here, so its files were not asked about: `nginx -t`.")
    if found:
        raise EvidenceError(
            "The engines refuse these files:\n" + "\n".join(found) + "\nMend `deploy/*.yaml`, and render."
        )


def _rendered(name: str, root: Path) -> dict[str, str]:
    from weighlock.deployment.environment import read_environment
    from weighlock.deployment.render import render
    from weighlock.releases.record import read_release

    environment = read_environment(name, root)
    releases = {version: read_release(version, root) for version in environment.releases}
    return render(name, environment, releases)
