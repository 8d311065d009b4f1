"""API keys: who may ask the service what. The file holds hashes; a key itself is shown once, when it is made.

Needs the standard library alone. A key is 256 random bits, so one SHA-256 is enough: nobody can list the candidates,
which is what slow hashes are for (they protect passwords, which people choose).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from weighlock.errors import ConfigError, StorageError
from weighlock.locks import locked

DEFAULT_FILE = Path("keys.json")
SCOPES = ("predict", "feedback", "admin")
VERSION = 1
PREFIX = "wl_"
CHECK_SECONDS = 1.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Key:
    """A key as the file knows it: who has it, what it opens, the SHA-256 of it, and the day it was made."""

    name: str
    scopes: tuple[str, ...]
    sha256: str
    created: str


class KeyStore:
    """The keys of a file, read again when the file changes.

    It fails closed: while the file is missing, torn or invalid no key opens anything, lest one that was revoked in
    that very edit lives on; `problem` then says why.
    """

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock
        self._checked = clock()
        self._stamp = _stamp(path)
        self._keys: tuple[tuple[bytes, frozenset[str]], ...] = ()
        self.problem: str | None = None

    @classmethod
    def load(cls, path: Path, *, clock: Callable[[], float] = time.monotonic) -> KeyStore:
        """Read a file of keys.

        Args:
            path: what `weighlock keys add` writes, or a secret mounted with that content.
            clock: seconds that only grow; the file is looked at once a second at most.

        Raises:
            ConfigError: the file is missing or holds no keys in this format.
        """
        store = cls(path, clock)
        store._keys = _openers(read_keys(path))
        return store

    def allows(self, bearer: str | None, scope: str) -> bool:
        """Whether a key opens a scope, in a time that tells nothing about any other key.

        Args:
            bearer: the key, which is what follows `Bearer ` in the header (`bearer_of` takes it from there); None
                where the client sent none.
            scope: predict, feedback or admin. No scope contains another.
        """
        self._refresh()
        text = (bearer or "").encode("utf-8", "surrogatepass")
        digest = hashlib.sha256(text).hexdigest().encode()
        allowed = False
        for known, scopes in self._keys:  # all of them, whichever is the one
            allowed |= hmac.compare_digest(digest, known) & (scope in scopes)
        return allowed

    def __len__(self) -> int:
        return len(self._keys)

    def _refresh(self) -> None:
        now = self._clock()
        if now - self._checked < CHECK_SECONDS:
            return
        self._checked = now
        found = _stamp(self._path)
        if found == self._stamp:
            return
        try:
            self._keys, self.problem, self._stamp = _openers(read_keys(self._path)), None, found
        except ConfigError as error:
            self._keys, self.problem, self._stamp = (), str(error), None  # looked at again in a second


def bearer_of(header: str | None) -> str | None:
    """The key in an `Authorization` header: what follows `Bearer `; None where there is none."""
    scheme, _, key = (header or "").partition(" ")
    return key.strip() or None if scheme.lower() == "bearer" else None


def read_keys(path: Path) -> list[Key]:
    """The keys of a file.

    Raises:
        ConfigError: it is missing, torn or of another format.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ConfigError(
            f"`{path}` is missing. `weighlock keys add NAME --scope predict --keys {path}` writes it."
        ) from None
    except OSError as error:
        raise ConfigError(f"`{path}` cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"`{path}` is not JSON ({error}), so no key in it opens anything.") from error
    try:
        return _keys(content)
    except (KeyError, TypeError, ValueError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ConfigError(f"`{path}` holds no keys as `weighlock keys` writes them: {reason}.") from error


def add_key(path: Path, name: str, scopes: Sequence[str], today: dt.date) -> str:
    """Add a key to a file, which is made where it is missing, and return it; it is kept nowhere.

    Raises:
        ConfigError: the name or a scope is none, the name is taken, or the file holds no keys.
        StorageError: the file cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} should be 1 to 64 letters, digits and `.`, `_`, `@`, `-`.")
    odd = [scope for scope in scopes if scope not in SCOPES]
    if odd or not scopes:
        raise ConfigError(f"`--scope {','.join(scopes)}` should name some of {', '.join(SCOPES)}.")
    secret = PREFIX + secrets.token_urlsafe(32)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    with _alone(path):
        keys = read_keys(path) if path.exists() else []
        if any(key.name == name for key in keys):
            raise ConfigError(f"`{path}` has a key `{name}` already. Revoke it first, or choose another name.")
        _write(path, [*keys, Key(name, tuple(s for s in SCOPES if s in scopes), digest, today.isoformat())])
    return secret


def revoke_key(path: Path, name: str) -> None:
    """Take a key out of a file: a running service refuses it within a second or so.

    Raises:
        ConfigError: there is no such key.
        StorageError: the file cannot be written.
    """
    with _alone(path):
        keys = read_keys(path)
        kept = [key for key in keys if key.name != name]
        if len(kept) == len(keys):
            known = ", ".join(f"`{key.name}`" for key in keys) or "none"
            raise ConfigError(f"`{path}` has no key `{name}`; it has {known}.")
        _write(path, kept)


def _keys(content: Any) -> list[Key]:
    if content["version"] != VERSION:
        raise ValueError(f"its version is {content['version']!r}, and this program reads {VERSION}")
    keys = [_key(item) for item in content["keys"]]
    if len({key.name for key in keys}) < len(keys):
        raise ValueError("a name stands twice")
    return keys


def _key(item: Any) -> Key:
    key = Key(str(item["name"]), tuple(item["scopes"]), str(item["sha256"]), str(item["created"]))
    if not _NAME.fullmatch(key.name):
        raise ValueError(f"{key.name!r} is no name of a key")
    if not _DIGEST.fullmatch(key.sha256):
        raise ValueError(f"`{key.name}` has no SHA-256")
    if not key.scopes or not set(key.scopes) <= set(SCOPES) or isinstance(item["scopes"], str):
        raise ValueError(f"`{key.name}` has scopes other than {', '.join(SCOPES)}")
    return key


def _openers(keys: Sequence[Key]) -> tuple[tuple[bytes, frozenset[str]], ...]:
    return tuple((key.sha256.encode(), frozenset(key.scopes)) for key in keys)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """No other `weighlock keys` changes the file meanwhile (a lock on its folder)."""
    with ExitStack() as held:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            held.enter_context(locked(path.parent))
        except OSError as error:
            raise StorageError(f"`{path}` cannot be written: {error.strerror or error}.") from error
        yield


def _write(path: Path, keys: Sequence[Key]) -> None:
    """Replace the file in one step; only its owner can read it."""
    content = json.dumps({"version": VERSION, "keys": [asdict(key) for key in keys]}, indent=2) + "\n"
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        new.replace(path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise StorageError(f"`{path}` cannot be written: {error.strerror or error}. Nothing was changed.") from error
