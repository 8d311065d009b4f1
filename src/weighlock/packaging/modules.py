"""Which of Weighlock's files a service needs: what its entries import, and no more."""

from __future__ import annotations

from modulefinder import ModuleFinder
from pathlib import Path

from weighlock.errors import ModelError

# What is started by name; everything else is imported from these.
ENTRIES = (
    "weighlock.__main__",
    "weighlock.cli.serve",
    "weighlock.cli.smoke",
    "weighlock.serving.asgi",
    "weighlock.serving.protocol",
)


def needed(source: Path) -> list[Path]:
    """The files of the service, relative to `source`, sorted: modules, and what lies beside them and is no module.

    Args:
        source: the folder that holds the package `weighlock`.

    Raises:
        ModelError: an entry is not there.
    """
    finder = ModuleFinder(path=[str(source)])
    for entry in ENTRIES:
        try:
            finder.import_hook(entry)
        except ImportError as error:
            raise ModelError(f"`{source}` has no `{entry}`, so no service can be made of it: {error}.") from error
    modules = {Path(file) for module in finder.modules.values() if (file := getattr(module, "__file__", None))}
    beside = {
        path
        for module in modules
        if module.name == "__init__.py"
        for path in module.parent.iterdir()
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    }
    return sorted(path.relative_to(source) for path in modules | beside)
