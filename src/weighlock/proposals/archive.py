"""The artifact of a branch's run: packed by the branch, and opened by main as what it is, anyone's file.

Nothing is unpacked to where its names say: the few files that are asked for are read, within limits, and put under
names of our own.
"""

from __future__ import annotations

import json
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from weighlock.errors import EvidenceError
from weighlock.layout import GOLDEN, METRICS, MODEL, PREDICTIONS, SEARCH, SERVED, SIGNATURE, SLICES, SPLIT, WEIGHED

if TYPE_CHECKING:
    from collections.abc import Iterable

NAME = "proposal"  # of the artifact
MEGABYTE = 2**20
LARGEST_ARCHIVE = 512 * MEGABYTE
LARGEST_MODEL = 256 * MEGABYTE
LARGEST_JSON = 8 * MEGABYTE
MOST_FILES = 200
MOST_RATIO = 200  # a file that unpacks to more than this many times its size hides something
LONGEST_NAME = 200

MODELS = tuple(f"{folder}/{name}" for folder in (WEIGHED, SERVED) for name in (MODEL, SIGNATURE))
READ = (*MODELS, f"{SERVED}/{GOLDEN}", SEARCH)  # all that main reads of it
OWN_VERDICT = "gate/gate.json"
PACKED = (*READ, METRICS, SLICES, SPLIT, PREDICTIONS, "dvc.lock")


@dataclass(frozen=True)
class Artifact:
    """What main reads of an artifact.

    Attributes:
        files: by name, one of `READ`.
        own: the verdict that the branch's own run gave, a word; None where it holds none. It decides nothing.
        own_reasons: in its words.
    """

    files: dict[str, bytes]
    own: str | None
    own_reasons: tuple[str, ...]


def open_artifact(path: Path) -> Artifact:
    """Read an artifact that anyone may have made.

    Raises:
        EvidenceError: it is too large, no archive, holds a name, a link or a packing that no honest one holds, or a
            file is missing.
    """
    size = path.stat().st_size
    if size > LARGEST_ARCHIVE:
        raise _hostile(f"it has {size:,} bytes; {LARGEST_ARCHIVE:,} are allowed")
    try:
        with zipfile.ZipFile(path) as archive:
            entries = _checked(archive.infolist())
            if missing := [name for name in READ if name not in entries]:
                raise EvidenceError(
                    f"the artifact lacks {', '.join(f'`{m}`' for m in missing)}. Run `reproduce` again; if it fails, "
                    "its log says why."
                )
            files = {name: _read(archive, entries[name]) for name in READ}
            own = _read(archive, entries[OWN_VERDICT]) if OWN_VERDICT in entries else b"null"
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError, ValueError) as error:
        raise _hostile(f"it is no archive that can be read ({type(error).__name__})") from None
    for name in (n for n in READ if n.endswith(".json")):
        parse_json(files[name], name)
    return Artifact(files, *_own(own))


def parse_json(content: bytes, name: str) -> Any:
    """JSON of anyone's: UTF-8, finite numbers, not nested without end.

    Raises:
        EvidenceError: it is none.
    """

    def refuse(word: str) -> Any:
        raise ValueError(f"{word} is no number")

    try:
        return json.loads(content.decode("utf-8"), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise _hostile(f"`{name}` is not JSON in UTF-8 ({type(error).__name__})") from None


def _checked(infos: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """The entries by their names, once none of these is strange."""
    if len(infos) > MOST_FILES:
        raise _hostile(f"it holds {len(infos):,} files; {MOST_FILES} are allowed")
    entries: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = info.filename
        if reason := _strange(name, info):
            raise _hostile(f"{reason}: {name[:60]!a}")
        if name.lower() in (known.lower() for known in entries):
            raise _hostile(f"a name stands twice: {name[:60]!a}")
        entries[name] = info
    return entries


def _strange(name: str, info: zipfile.ZipInfo) -> str | None:
    """Why no honest run makes an entry like that."""
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        return "it holds a link or a device"
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or not name.isascii():
        return "it holds a name that is none"
    if name.startswith("/") or "\\" in name or ":" in name or {"..", "."} & set(name.rstrip("/").split("/")):
        return "it holds a path that leads out of its folder"
    if info.flag_bits & 1:
        return "it holds an encrypted file"
    if info.file_size > max(info.compress_size, 1) * MOST_RATIO and info.file_size > MEGABYTE:
        return "it holds a file that unpacks to far more than it is"
    return None


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    limit = LARGEST_MODEL if info.filename.endswith(".onnx") else LARGEST_JSON
    with archive.open(info) as file:
        content = _at_most(file, limit)
    if content is None:
        raise _hostile(f"`{info.filename}` has more than {limit // MEGABYTE} MB")
    return content


def _at_most(file: IO[bytes], limit: int) -> bytes | None:
    """The content, whatever the archive says of its size; None where it is more."""
    content = file.read(limit + 1)
    return None if len(content) > limit else content


def _own(content: bytes) -> tuple[str | None, tuple[str, ...]]:
    """Outcome and reasons of the branch's own verdict, as far as they are what a gate writes."""
    try:
        found = parse_json(content, OWN_VERDICT)
    except EvidenceError:
        return None, ()
    if not isinstance(found, dict) or found.get("outcome") not in {"PASS", "FAIL", "INCONCLUSIVE"}:
        return None, ()
    reasons = found.get("reasons")
    told = [r[:500] for r in reasons if isinstance(r, str)] if isinstance(reasons, list) else []
    return found["outcome"], tuple(told[:10])


def _hostile(reason: str) -> EvidenceError:
    return EvidenceError(f"the artifact is refused: {reason}. It was not made by `weighlock reproduce`.")


def pack(root: Path, out: Path, beside: Iterable[tuple[str, Path]] = ()) -> list[str]:
    """Copy what a reviewer and main need into the folder `out`, as far as it is there; the names.

    Args:
        beside: further files, by their names in the artifact.
    """
    import shutil

    wanted = [*((name, root / name) for name in PACKED), *beside]
    packed = []
    for name, path in wanted:
        if path.is_file():
            target = out / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            packed.append(name)
    return packed
