"""`weighlock image`: a container image of a model's bento, and the list of what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from weighlock.cli import bento

if TYPE_CHECKING:
    import argparse

    from weighlock.packaging.tools import Tool


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    bento.arguments(parser)
    parser.add_argument("--tool", metavar="NAME", help="docker, podman or buildah (default: the first that answers)")
    parser.add_argument("--tag", metavar="NAME:VERSION", help="of the image (default: the bento's)")
    parser.add_argument("--registry", metavar="HOST/PATH", help="name it for this registry: HOST/PATH/name:version")
    done = parser.add_mutually_exclusive_group()
    done.add_argument(
        "--smoke", metavar="IMAGE", help="build none: start this one and ask it, as `weighlock smoke` does"
    )
    done.add_argument("--push", metavar="IMAGE", help="build none: push this one, and say its digest in the registry")
    parser.add_argument("--out", type=Path, default=Path("dist"), metavar="DIR", help="of the list (default: dist)")


def run(args: argparse.Namespace) -> int:
    """Build it, try it or push it, and say what came of that; 3 where it does not answer as it should."""
    from weighlock.outcome import announce
    from weighlock.packaging.tools import find_tool

    tool = find_tool(args.tool)
    if args.smoke:
        return _smoke(args, tool)
    if args.push:
        address = tool.push(args.push)
        print(address)
        name, _, digest = address.partition("@")
        announce(image=address, name=name, digest=digest)
        return 0
    _build(args, tool)
    return 0


def _smoke(args: argparse.Namespace, tool: Tool) -> int:
    from weighlock.cli.smoke import FAILED, line
    from weighlock.layout import SERVED
    from weighlock.packaging.container import try_image
    from weighlock.releases.find import find_release

    folder = find_release(args.release, Path.cwd())[0] if args.release else args.model or Path(SERVED)
    checks = try_image(args.smoke, folder, tool)
    print("\n".join(line(check) for check in checks))
    return 0 if all(check.held for check in checks) else FAILED


def _build(args: argparse.Namespace, tool: Tool) -> None:
    from weighlock.outcome import announce
    from weighlock.packaging.bento import PYTHON, base_image
    from weighlock.packaging.image import build_image

    packed = bento.pack(args)
    python = args.python or PYTHON
    base = args.base_image or base_image(python)
    tag = args.tag or (f"{args.registry.lower().rstrip('/')}/{packed.tag}" if args.registry else None)
    built = build_image(packed, Path.cwd(), tool, base, python, tag, args.out)
    print(f"{built.tag}  {built.id}  {built.size / 1e6:.0f} MB, by {tool.name}")
    print(f"{built.sbom}: {built.components} components")
    announce(tag=built.tag, sbom=str(built.sbom))
