"""The rows that DVC tracks by a `.dvc` file, brought where a fresh clone lacks them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from weighlock.errors import SourceError
from weighlock.releases.repository import ask, last_words


def bring_tracked(root: Path) -> tuple[str, ...]:
    """`dvc pull` what `.dvc` files of this repository name and is not here.

    Returns:
        What was brought.

    Raises:
        SourceError: the remote does not have it, or does not answer.
        RepositoryError: this is no git repository.
    """
    files = ask(root, "ls-files", "-z", "--", "*.dvc").split("\0")
    missing = tuple(f.removesuffix(".dvc") for f in files if f and not (root / f.removesuffix(".dvc")).exists())
    if missing:
        words = [str(Path(sys.executable).parent / "dvc"), "pull", "--quiet", *(f"{name}.dvc" for name in missing)]
        done = subprocess.run(words, cwd=root, capture_output=True, check=False)
        if done.returncode:
            raise SourceError(
                f"{', '.join(f'`{name}`' for name in missing)}: not here, and `dvc pull` does not bring it "
                f"({last_words(done.stderr)}). Push it from where it is (`dvc push`), or mend the remote."
            )
    return missing
