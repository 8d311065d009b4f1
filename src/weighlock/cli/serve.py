"""`weighlock serve`: answer requests with a model, over HTTP."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

LOOPBACK = "127.0.0.1"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--release", metavar="VERSION", help="a released model, such as v3 (default: the tree's)")
    which.add_argument("--model", type=Path, metavar="DIR", help="a folder with model.onnx and signature.json")
    parser.add_argument("--host", default=LOOPBACK, help=f"address to listen on (default: {LOOPBACK}, this machine)")
    parser.add_argument("--port", type=int, default=3000, help="port to listen on (default: 3000; 0: any)")
    parser.add_argument("--workers", type=_positive, default=1, metavar="N", help="processes (default: 1)")
    parser.add_argument("--keys", type=Path, metavar="FILE", help="of API keys (default: keys.json, where it is there)")
    parser.add_argument("--log-dir", type=Path, metavar="DIR", help="of the prediction log (default: log)")


def run(args: argparse.Namespace) -> int:
    """Serve until a signal; 2 where the model, the keys or the address are not usable."""
    from weighlock.releases.find import find_release
    from weighlock.serving.find import find_service
    from weighlock.serving.settings import Settings
    from weighlock.serving.supervisor import serve

    root = Path.cwd()
    folder, service = find_release(args.release, root) if args.release else find_service(args.model, root)
    keys = (
        args.keys or _from_environment("WEIGHLOCK_KEYS") or (Path("keys.json") if Path("keys.json").exists() else None)
    )
    log = args.log_dir or _from_environment("WEIGHLOCK_LOG_DIR") or Path("log")
    if service.serve.open:
        print("`serve.open` is true: no key is asked for.", file=sys.stderr)
    elif keys is None:
        print(
            "There are no API keys, so every request to /v1 is refused. `weighlock keys add NAME --scope predict` "
            "makes one; `--keys FILE` names the file.",
            file=sys.stderr,
        )
    settings = Settings(
        folder=str(folder.absolute()),
        service=service,
        keys=str(keys.absolute()) if keys else None,
        log=str(log.absolute()),
    )
    return serve(settings, args.host, args.port, args.workers)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _from_environment(name: str) -> Path | None:
    value = os.environ.get(name)
    return Path(value) if value else None
