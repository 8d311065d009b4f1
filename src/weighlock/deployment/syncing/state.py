"""What a sync remembers of its machine: one small file, replaced whole."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from pydantic import Field

from weighlock.config import Strict, parse
from weighlock.deployment.syncing.plan import Instance
from weighlock.errors import ConfigError, EvidenceError, StorageError
from weighlock.files import to_json, write_text
from weighlock.locks import try_lock
from weighlock.releases.record import Commit, Version

FILE = "state.json"
LOOK_EVERY = 0.1


class Place(Strict):
    """A service."""

    version: Version
    port: Annotated[int, Field(ge=1, le=65535)]


class Loaded(Strict):
    """Files that nginx was given, by their digest, and the services that they name."""

    site: str
    places: list[Place]

    @property
    def instances(self) -> frozenset[Instance]:
        """Those services."""
        return frozenset(Instance(place.version, place.port) for place in self.places)


class State(Strict):
    """What was done.

    Attributes:
        applied: the commit that was applied last; None: none was yet.
        loaded: what nginx works by; None: unknown.
        switching: what nginx was about to be given when this was written; whether it was is not known.
    """

    applied: Commit | None = None
    loaded: Loaded | None = None
    switching: Loaded | None = None

    def used(self, running: frozenset[Instance]) -> frozenset[Instance]:
        """To which of the running services nginx may be sending: all of them, where nothing is remembered."""
        if self.loaded is None:
            return running
        known = self.loaded.instances | (self.switching.instances if self.switching else frozenset())
        return running & known


def loaded(site: str, instances: frozenset[Instance]) -> Loaded:
    """Files of nginx and the services that they name."""
    return Loaded(site=site, places=[Place(version=one.version, port=one.port) for one in sorted(instances)])


def read_state(folder: Path) -> State:
    """What is remembered; nothing where there is no file yet.

    Raises:
        EvidenceError: the file is torn or edited.
    """
    path = folder / FILE
    try:
        return parse(json.loads(path.read_text(encoding="utf-8")), State, str(path))
    except FileNotFoundError:
        return State()
    except (ValueError, ConfigError) as error:
        raise EvidenceError(
            f"`{path}` is not what a sync writes ({error}). Remove it: what runs is then looked at anew, and the "
            "clone's own commit is taken for the one that was applied last."
        ) from error


def write_state(folder: Path, state: State) -> None:
    """Remember it."""
    write_text(folder / FILE, to_json(state.model_dump()))


@contextmanager
def alone(folder: Path, seconds: float) -> Iterator[None]:
    """Hold the lock of a machine's environment; the kernel frees it, however this process ends.

    Raises:
        ConfigError: another sync holds it for longer than `seconds`.
        StorageError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageError(
            f"`{folder}` cannot be written: {error.strerror}. Run this as the user whom it belongs to, or name "
            "another folder with `--state`."
        ) from error
    try:
        deadline = time.monotonic() + seconds
        while not try_lock(handle):
            if time.monotonic() >= deadline:
                raise ConfigError(f"another sync of this environment is under way (it holds `{folder / 'lock'}`).")
            time.sleep(LOOK_EVERY)
        yield
    finally:
        os.close(handle)
