"""A tree of main's with a branch's model in it: a git worktree below `.dvc/tmp`, and the commands that run there."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighlock.errors import EvidenceError
from weighlock.files import read_json
from weighlock.proposals.bench import RESULT
from weighlock.retraining.workplace import Workplace, bring_files, workplace
from weighlock.revisions import LOCK, load_lock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from weighlock.decisions.verdict import Condition

NAME = "weigh"
SECONDS = 3600
LARGEST_FILE = 8 * 2**30
# all that a process needs that holds anyone's model: no token, no address of GitHub's
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "SSL_CERT_FILE")


@dataclass(frozen=True)
class Scratch:
    """The tree."""

    place: Workplace

    @property
    def folder(self) -> Path:
        """Where `params.yaml` is in it."""
        return self.place.folder

    def overlay(self, files: Mapping[str, bytes]) -> None:
        """Put files into it, under names of ours."""
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)  # main's may be a link into DVC's cache
            path.write_bytes(content)

    def rows(self) -> dict[str, Any]:
        """Make main's rows, from DVC's cache where they are, else from their source; the stages of `dvc.lock` then.

        Raises:
            EvidenceError: the pipeline does not run.
        """
        self._run("dvc", "checkout", "--quiet", "--allow-missing")
        done = self._run("dvc", "repro", "--quiet", "split")
        if done.returncode:
            said = " ".join(done.stdout.strip().splitlines()[-3:])
            raise EvidenceError(
                f"main's rows cannot be made: `dvc repro split` ends with {done.returncode}: {said}. Give DVC a remote "
                "that this workflow may read, or mend the source."
            )
        return load_lock((self.folder / LOCK).read_bytes(), f"`{LOCK}` of main")

    def weigh(self, out: Path, lock: Condition) -> dict[str, Any]:
        """Weigh the models that are in it; what `bench` wrote.

        Raises:
            EvidenceError: the process was killed or ended without a word.
        """
        out.mkdir(parents=True, exist_ok=True)
        (out / RESULT).unlink(missing_ok=True)
        try:
            done = self._run(
                sys.executable, "-m", "weighlock.proposals.bench", str(out.absolute()), json.dumps(asdict(lock))
            )
        except subprocess.TimeoutExpired:
            raise EvidenceError(f"scoring and weighing the model took more than {SECONDS // 60} minutes.") from None
        if done.returncode:
            said = " ".join(done.stdout.strip().splitlines()[-3:])[-500:]
            how = f"was killed (signal {-done.returncode})" if done.returncode < 0 else f"ended with {done.returncode}"
            raise EvidenceError(f"the process that scores and weighs the model {how}: {said}")
        found: dict[str, Any] = read_json(out / RESULT, "this again")
        return found

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            words, cwd=self.folder, env=_environment(self.folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, text=True, errors="replace", check=False, timeout=SECONDS, preexec_fn=_limit,
        )  # fmt: skip
        print(done.stdout, end="", file=sys.stderr, flush=True)
        return done


@contextmanager
def scratch(root: Path) -> Iterator[Scratch]:
    """A tree of the commit that is checked out at `root`, taken away at the end; a killed run's is taken away first.

    Raises:
        RepositoryError: git refuses.
        EvidenceError: the commit lacks `params.yaml` or is no DVC repository.
    """
    from weighlock.params import FILE, read_params

    place = workplace(root, NAME, anew=True)
    try:
        source = read_params(root / FILE).data.source.files
        if source:
            bring_files(place, source)
        yield Scratch(place)
    finally:
        place.remove()


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    return kept | {"PATH": path, "PYTHONPATH": str(folder / "src"), "DVC_NO_ANALYTICS": "1", "GIT_TERMINAL_PROMPT": "0"}


def _limit() -> None:
    """No more memory than the machine has, no endless file, no core dump."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for kind, most in (
        (resource.RLIMIT_AS, max(memory, 8 * 2**30)),
        (resource.RLIMIT_FSIZE, LARGEST_FILE),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (limit, hard))
