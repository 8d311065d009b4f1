"""The site's folder: every page and the reports that they lead to, all of it or nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

from weighlock.errors import ConfigError
from weighlock.files import outputs
from weighlock.site.environment import environment
from weighlock.site.gather import Facts
from weighlock.site.index import index
from weighlock.site.parts import SHORT, card_path, environment_path, release_path, report_path
from weighlock.site.release import release
from weighlock.site.shell import Frame

MARKER = ".weighlock-site"
REPORTS = 8  # looks at an environment whose reports are copied, the newest: Evidently's has megabytes


def build(site: Facts, out: Path) -> int:
    """Write the site in the place of what was there; how many pages it has.

    Raises:
        ConfigError: `out` holds something that is no site.
        StorageError: the disk is full or read-only; what was there is untouched.
    """
    out = out.resolve()
    require_ours(out)
    copied = _reports(site)
    pages = pages_of(site, set(copied))
    with outputs("site", out.parent) as made:
        folder = made.folder(out.name)
        for path, text in pages.items():
            _place(folder, path).write_text(text, encoding="utf-8")
        for path, source in copied.items():
            shutil.copyfile(source, _place(folder, path))
        (folder / MARKER).write_text("made by `weighlock site`, which replaces this folder\n", encoding="utf-8")
    return len(pages)


def require_ours(out: Path) -> None:
    """Refuse to replace what `build` did not make.

    Raises:
        ConfigError: it is a file, or a folder of something else.
    """
    if out.is_dir() and not (out / MARKER).is_file() and any(out.iterdir()):
        raise ConfigError(
            f"`{out}` holds something else than a site, and `weighlock site` would replace it. Name another `--out`, "
            "or empty it."
        )
    if out.exists() and not out.is_dir():
        raise ConfigError(f"`{out}` is a file; `--out` should be a folder for the site.")


def pages_of(site: Facts, copied: set[str]) -> dict[str, str]:
    """Every page: path -> text."""
    found = {"index.html": index(_frame(site, "index.html"), site)}
    for place in site.places:
        path = environment_path(place.name)
        found[path] = environment(_frame(site, path), site, place, copied)
    for one in site.releases:
        path = release_path(one.release.version)
        found[path] = release(_frame(site, path), site, one)
        if one.card:
            found[card_path(one.release.version)] = one.card
    return found


def _frame(site: Facts, path: str) -> Frame:
    links = [("Overview", "index.html"), *((place.name, environment_path(place.name)) for place in site.places)]
    head = site.history.ledger.head
    stamp = (
        f"Built {site.at:%Y-%m-%d %H:%M} UTC from commit {head.id[:SHORT]} of {head.at:%Y-%m-%d %H:%M} UTC by "
        "`weighlock site`. Git is what counts: this page shows what it said then."
    ).replace("`", "")
    return Frame(site.name, "../" * path.count("/"), tuple(links), path, stamp)


def _reports(site: Facts) -> dict[str, Path]:
    """The reports that are copied: path in the site -> file."""
    return {
        report_path(place.name, look, name): file
        for place in site.places
        for look in place.looks[-REPORTS:]
        for name, file in look.reports.items()
    }


def _place(folder: Path, path: str) -> Path:
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    return target
