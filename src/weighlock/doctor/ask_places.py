"""Asks DVC's remote and the prediction log whether they answer, and on demand whether they take a file."""

from __future__ import annotations

import os
import secrets
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weighlock.doctor.facts import Maybe, Place, Unasked
from weighlock.errors import WeighlockError
from weighlock.monitoring.log_policy import read_log_url
from weighlock.monitoring.window_files import local_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECONDS = 20
OFFLINE = Unasked("not asked (--offline)")
TRY = Unasked("not tried: `weighlock doctor --probe` writes a small file there and takes it away")
FOLDER = "a folder, out of reach for workflows on GitHub's own machines"
PROBE = ".weighlock-doctor-"


@dataclass(frozen=True)
class Ask:
    """How far to go.

    Attributes:
        network: stores elsewhere may be asked.
        probe: a small file may be written to them, and is taken away again.
    """

    network: bool = True
    probe: bool = False


def remote_place(root: Path, how: Ask) -> Place | None:
    """DVC's default remote; None where none is configured."""
    from dvc.config import Config

    settings = Config(str(root / ".dvc"))
    name = settings["core"].get("remote")
    if not name:
        return None
    url = str(settings["remote"].get(name, {}).get("url", ""))
    shown = f"{name} ({without_password(url)})"
    if "://" not in url:
        return _folder(shown, root / ".dvc" / url)
    return _store(shown, how, lambda: _dvc_store(root, name))


def log_place(root: Path, how: Ask) -> Place | None:
    """The folder or URL of `monitoring.log_url`; None where it is not set.

    Raises:
        ConfigError: `params.yaml` is wrong.
    """
    url = read_log_url(root / "params.yaml")
    if url is None:
        return None
    if (folder := local_folder(url)) is not None:
        return _folder(url, root / folder)
    return _store(without_password(url), how, lambda: _fsspec_store(url))


def without_password(url: str) -> str:
    """An address as it may be shown: without `user:password@`."""
    scheme, sign, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{sign}{authority.rpartition('@')[2]}{slash}{path}" if sign else url


def _folder(shown: str, folder: Path) -> Place:
    if not folder.is_dir():
        return Place(shown, reached=False, writable=False, said="no such folder")
    return Place(shown, reached=True, writable=os.access(folder, os.W_OK | os.X_OK), said=FOLDER)


def _store(shown: str, how: Ask, opened: Callable[[], tuple[Any, str]]) -> Place:
    if not how.network:
        return Place(shown, OFFLINE, OFFLINE)

    def reach() -> None:
        files, path = opened()
        files.ls(path.split("/")[0])

    reached, said = within(SECONDS, reach)
    if reached is not True:
        return Place(shown, reached, OFFLINE, said)
    writable: Maybe[bool] = TRY
    if how.probe:
        writable, said = within(SECONDS, lambda: _probe(*opened()))
    return Place(shown, reached=True, writable=writable, said=said)


def _probe(files: Any, path: str) -> None:
    name = f"{path.rstrip('/')}/{PROBE}{secrets.token_hex(8)}"
    files.pipe_file(name, b"weighlock doctor\n")
    files.rm_file(name)


def _dvc_store(root: Path, name: str) -> tuple[Any, str]:
    from dvc.repo import Repo

    store = Repo(str(root)).cloud.get_remote_odb(name)
    return store.fs.fs, store.path


def _fsspec_store(url: str) -> tuple[Any, str]:
    import fsspec

    files, path = fsspec.core.url_to_fs(url)
    return files, str(path)


def within(seconds: float, work: Callable[[], None]) -> tuple[Maybe[bool], str]:
    """Whether `work` goes well in time: True; False and why it does not; or that nobody knows.

    What hangs (a network without answer, credentials that are looked for everywhere) is left to itself.
    """
    ended: list[BaseException | None] = []

    def go() -> None:
        try:
            work()
        except Exception as error:  # whatever a store's library raises is its answer
            ended.append(error)
        else:
            ended.append(None)

    thread = threading.Thread(target=go, daemon=True)
    thread.start()
    thread.join(seconds)
    if not ended:
        return Unasked(f"no answer within {seconds:g} s"), ""
    error = ended[0]
    if error is None:
        return True, ""
    if isinstance(error, ImportError):
        return Unasked(f"its library is not installed ({error})"), ""
    said = str(error) if isinstance(error, WeighlockError) else f"{type(error).__name__}: {error}"
    return False, " ".join(said.split())[:200]
