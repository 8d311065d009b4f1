"""`weighlock libraries`: keep `libraries.yaml` true to the environment."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from weighlock.cli.stage import STAGES
from weighlock.libraries import FILE, check_libraries, installed_version

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("--write", action="store_true", help="record what is installed, instead of comparing with it")


def run(args: argparse.Namespace) -> None:
    """Compare, or record, the versions of every library that a stage names."""
    names = sorted(
        {name for stage in STAGES for name in importlib.import_module(f"weighlock.stages.{stage}").LIBRARIES}
    )
    if args.write:
        from weighlock.files import write_text

        lines = [
            "# Written by `weighlock libraries --write`: the versions that touch models, which each stage depends on."
        ]
        write_text(FILE, "\n".join([*lines, *(f"{name}: {installed_version(name)!r}" for name in names)]) + "\n")
    check_libraries(names)
    print(f"{len(names)} libraries are as `{FILE}` records them.")
