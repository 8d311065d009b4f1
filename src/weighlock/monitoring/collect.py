"""Where the prediction log is: its compacted days, and the segments that are not compacted yet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from weighlock.errors import EvidenceError
from weighlock.monitoring.log_policy import read_log_url
from weighlock.monitoring.log_segment import DEFAULT_FOLDER
from weighlock.monitoring.log_store import Store
from weighlock.monitoring.window_files import local_folder
from weighlock.params import FILE

UNSET = (
    "`monitoring.log_url` in `params.yaml` is not set and there is no `log` folder here, so there is no prediction log "
    "to look at. Set it to where `weighlock log compact` writes the days: a folder or a URL such as s3://bucket/days."
)


@dataclass(frozen=True)
class LogPlace:
    """Where a log is.

    Attributes:
        where: the folder or URL of its days.
        folder: the one whose segments are read as well; None where there is none on this machine.
    """

    where: str
    folder: Path | None

    @property
    def store(self) -> Store:
        """Of the days.

        Raises:
            ConfigError: fsspec does not know the URL.
        """
        return Store(self.where)


def find_log(log_dir: Path | None = None, to: str | None = None, root: Path = Path()) -> LogPlace | None:
    """Where days and segments are.

    Args:
        log_dir: the service's folder, with the segments; None: `log`.
        to: where the days are; None: `params.yaml: monitoring.log_url`, or else the same folder.
        root: of the repository; its `params.yaml` may be missing.

    Returns:
        The place; None where nobody has named one and there is no `log` folder, which is nobody's mistake (`UNSET`
        says it in words).

    Raises:
        EvidenceError: a folder that was named is not there.
        ConfigError: `params.yaml` is wrong.
    """
    url = to or read_log_url(root / FILE)
    folder = log_dir or root / DEFAULT_FOLDER
    if url is None:
        if log_dir and not log_dir.is_dir():
            raise EvidenceError(
                f"`{log_dir}` holds no prediction log. `weighlock serve --log-dir {log_dir}` writes one."
            )
        return LogPlace(str(folder), folder) if folder.is_dir() else None
    place = local_folder(url)
    if place is not None and not place.is_dir():
        raise EvidenceError(f"`{url}` holds no prediction log. `weighlock log compact --to {url}` writes its days.")
    return LogPlace(url, folder if folder.is_dir() else place)
