"""Who has been forgotten: a keyed hash of each entity, so that a row which was on its way cannot come back.

It is kept beside the compacted days, where every machine that compacts looks: a file each, whose name says all.
Without a key (`WEIGHLOCK_LOG_HASH_KEY`) each has a salt of its own, which keeps a list from being compared with
another but not a short entity id from being guessed: set a key.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighlock.errors import ConfigError
from weighlock.monitoring.log_record import KEY_VARIABLE, HashKey, Record, clean, instant
from weighlock.monitoring.log_store import FORGOTTEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from weighlock.monitoring.log_store import Store

# Clocks of two machines differ; a row that one of them stamped a moment ahead is on its way as well.
GRACE = dt.timedelta(minutes=5)
_TIME = "%Y%m%dT%H%M%S%fZ"
_NAME = re.compile(r"(\d{8}T\d{12}Z)-(key|salt)-([0-9a-f]+)-([0-9a-f]{32})\.json")
_HASHED = "h:"
_REMEMBERED = 1_000_000


@dataclass(frozen=True, slots=True)
class Tombstone:
    """One entity's rows up to a time are erased.

    Attributes:
        until: the last instant that it covers.
        salt: of its hash; None where the hash is made with the log's key.
        key: the name of that key; empty where there is a salt.
        hash: of the entity.
    """

    until: dt.datetime
    salt: str | None
    key: str
    hash: str

    @classmethod
    def of(cls, entity: str, until: dt.datetime, key: HashKey | None) -> Tombstone:
        """For an entity as a client names it, or as it is logged."""
        if key is None:
            salt = secrets.token_hex(16)
            return cls(until, salt, "", _salted(entity, salt))
        return cls(until, None, key.name, _keyed(entity, key))

    @property
    def name(self) -> str:
        """Its file's name, which says all that there is to say."""
        how = f"key-{self.key}" if self.salt is None else f"salt-{self.salt}"
        return f"{FORGOTTEN}/{self.until.astimezone(dt.UTC).strftime(_TIME)}-{how}-{self.hash}.json"


class Forgotten:
    """Every tombstone of a log."""

    def __init__(self, tombstones: Iterable[Tombstone], key: HashKey | None) -> None:
        """Raises ConfigError where a tombstone needs a key that is not the one at hand."""
        self.tombstones = frozenset(tombstones)
        self._key = key
        self._known: dict[str, dt.datetime | None] = {}
        self._keyed: dict[str, dt.datetime] = {}
        for tombstone in sorted(self.tombstones, key=lambda t: t.until):
            if tombstone.salt is None and (key is None or key.name != tombstone.key):
                raise ConfigError(
                    f"people are forgotten in this log under a key that `{KEY_VARIABLE}` "
                    f"{'does not hold' if key else 'should hold, but it is not set'}, so nobody can tell whose rows "
                    "must not come back. Set it to the key that was in use."
                )
            if tombstone.salt is None:
                self._keyed[tombstone.hash] = tombstone.until

    @classmethod
    def read(cls, stores: Iterable[Store], key: HashKey | None) -> Forgotten:
        """The tombstones of some stores.

        Raises:
            ConfigError: the key is missing or another.
        """
        names = {name for store in stores for name in store.names(FORGOTTEN)}
        return cls(filter(None, map(_tombstone, names)), key)

    def covers(self, row: Record) -> bool:
        """Whether a row must not be there."""
        if row.entity is None or not self.tombstones:
            return False
        return self.reaches(row.entity, instant(row.time))

    def reaches(self, entity: str, time: dt.datetime) -> bool:
        """Whether a row of this entity and time must not be there."""
        until = self._until(entity)
        return until is not None and time <= until

    def hides(self, entity: str) -> bool:
        """Whether an entity may be one whose name is hashed with a key that is not at hand."""
        return self._key is None and entity.startswith(_HASHED)

    def _until(self, entity: str) -> dt.datetime | None:
        if entity not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[entity] = max(self._untils(entity), default=None)
        return self._known[entity]

    def _untils(self, entity: str) -> Iterator[dt.datetime]:
        if self._key is not None and (hashed := _keyed(entity, self._key)) in self._keyed:
            yield self._keyed[hashed]
        for tombstone in self.tombstones:
            if tombstone.salt is not None and _salted(entity, tombstone.salt) == tombstone.hash:
                yield tombstone.until


def known_until(name: str) -> dt.datetime | None:
    """Up to when the tombstone of a file covers; None where the file is none."""
    tombstone = _tombstone(name)
    return tombstone.until if tombstone else None


def _keyed(entity: str, key: HashKey) -> str:
    """The hash of an entity, or the one that stands in the log in its place."""
    hashed = entity if re.fullmatch(r"h:[0-9a-f]{32}", entity) else key.hash("entity", entity)
    return hashed.removeprefix(_HASHED)


def _salted(entity: str, salt: str) -> str:
    return hashlib.blake2b(clean(entity).encode(), key=bytes.fromhex(salt), digest_size=16).hexdigest()


def _tombstone(name: str) -> Tombstone | None:
    match = _NAME.fullmatch(name.rpartition("/")[2])
    if match is None:
        return None
    until = dt.datetime.strptime(match[1], _TIME).replace(tzinfo=dt.UTC)
    return Tombstone(until, match[3] if match[2] == "salt" else None, match[3] if match[2] == "key" else "", match[4])
