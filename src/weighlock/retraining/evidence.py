"""What speaks for a retraining: the watch's verdict, as `weighlock watch` wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weighlock.errors import EvidenceError
from weighlock.files import read_json

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Watched:
    """The verdict of the watch.

    Attributes:
        outcome: such as RETRAIN.
        environment: that was watched.
        window: its first and last day.
        rows: in it.
        reasons, notes: in words.
        drifts: of columns: name, measure, effect, floor, whether it drifted.
        gains: by what, the gain and its error.
    """

    outcome: str
    environment: str
    window: tuple[str, str]
    rows: int
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    drifts: tuple[tuple[str, str, float, float, bool], ...]
    gains: tuple[tuple[str, float, float], ...]


def read_watched(path: Path) -> Watched:
    """Read `watch.json`.

    Raises:
        EvidenceError: it is missing, torn, or not what the watch writes.
    """
    content: Any = read_json(path, "weighlock watch")
    try:
        window = content["window"]
        return Watched(
            str(content["outcome"]), str(content["environment"]), (str(window["start"]), str(window["end"])),
            int(window["rows"]), tuple(map(str, content["reasons"])), tuple(map(str, content["notes"])),
            tuple(
                (str(d["column"]), str(d["measure"]), float(d["effect"]), float(d["floor"]), bool(d["drifted"]))
                for d in content["drifts"]
            ),
            tuple((str(g["by"]), float(g["gain"]), float(g["error"])) for g in content["gains"]),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise EvidenceError(
            f"`{path}` is not what `weighlock watch` writes ({type(error).__name__}: {error}). Run it again."
        ) from error
