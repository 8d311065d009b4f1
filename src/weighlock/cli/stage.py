"""`weighlock stage NAME`: what `dvc.yaml` calls."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

STAGES = ("ingest", "validate", "split", "train", "evaluate", "refit")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("name", choices=STAGES, metavar="NAME", help=" → ".join(STAGES))


def run(args: argparse.Namespace) -> None:
    """Run the stage in the current folder."""
    # pandas must not be asked to guess; each stage's own module does the rest.
    from weighlock.libraries import check_libraries

    stage = importlib.import_module(f"weighlock.stages.{args.name}")
    check_libraries(stage.LIBRARIES)
    stage.run()
