"""`weighlock image`: a container image of a model's bento, and the list of what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from weighlock.cli import bento

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    bento.arguments(parser)
    parser.add_argument("--tool", metavar="NAME", help="docker, podman or buildah (default: the first that answers)")
    parser.add_argument("--tag", metavar="NAME:VERSION", help="of the image (default: the bento's)")
    parser.add_argument("--out", type=Path, default=Path("dist"), metavar="DIR", help="of the list (default: dist)")


def run(args: argparse.Namespace) -> None:
    """Build it and say what came of it."""
    from weighlock.packaging.bento import PYTHON, base_image
    from weighlock.packaging.image import build_image
    from weighlock.packaging.tools import find_tool

    tool = find_tool(args.tool)
    packed = bento.pack(args)
    python = args.python or PYTHON
    base = args.base_image or base_image(python)
    built = build_image(packed, Path.cwd(), tool, base, python, args.tag, args.out)
    print(f"{built.tag}  {built.id}  {built.size / 1e6:.0f} MB, by {tool.name}")
    print(f"{built.sbom}: {built.components} components")
