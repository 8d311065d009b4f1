"""`weighlock bento`: pack a model with the service that answers for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from weighlock.packaging.bento import Packed


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--release", metavar="VERSION", help="a released model, such as v3 (default: the tree's)")
    which.add_argument("--next", action="store_true", help="the tree's model, as the version that its release will be")
    which.add_argument("--model", type=Path, metavar="DIR", help="a folder with model.onnx and signature.json")
    parser.add_argument("--export", type=Path, metavar="DIR", help="also write it as one file, for `bentoml import`")
    parser.add_argument("--base-image", metavar="IMAGE", help="what images stand on (default: python:3.x-slim)")
    parser.add_argument("--python", metavar="3.x", help="the Python of that image (default: this one's)")


def run(args: argparse.Namespace) -> None:
    """Pack it and say where it is."""
    packed = pack(args)
    print(f"{packed.tag}  {packed.path}")


def pack(args: argparse.Namespace) -> Packed:
    """The bento that the arguments ask for."""
    from weighlock.outcome import announce
    from weighlock.packaging.bento import PYTHON, base_image, build_bento, export_bento
    from weighlock.releases.find import find_next, find_release
    from weighlock.serving.find import find_service

    root = Path.cwd()
    if args.release or args.next:
        folder, service = find_release(args.release, root) if args.release else find_next(root)
    else:
        folder, service = find_service(args.model, root)
    packed = build_bento(folder, service, root, args.base_image or base_image(args.python or PYTHON))
    if args.export:
        file = export_bento(packed, args.export)
        print(f"{file}: {packed.tag} as one file")
        announce(bento=str(file))
    return packed
