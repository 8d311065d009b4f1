"""How long `weighlock audit` takes on a history of 2,000 commits, and whether it finds the one edit in it.

`python -m benchmarks.audit` prints a table, writes benchmarks/results/audit.json and exits with 1 where one is short.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.borrowed import borrow

stories, records = borrow("support.stories"), borrow("support.records")

ROOT = Path(__file__).parents[1]
COMMITS = 2000
MOST_SECONDS = 3.0  # of processor time, of the whole command and of git for it
RESULTS = ROOT / "benchmarks/results/audit.json"


def main() -> int:
    """Measure, print, and say whether it is fast enough and right."""
    with tempfile.TemporaryDirectory() as folder:
        clean = _story(Path(folder) / "clean", spoilt=False)
        spoilt = _story(Path(folder) / "spoilt", spoilt=True)
        figures = {"clean": _audit(clean), "one record edited": _audit(spoilt)}
    print(f"weighlock audit, {COMMITS:,} commits: releases, moves of environments, merges and other work")
    print(f"{'':18}  processor     waited  changes  findings")
    for name, figure in figures.items():
        seconds = f"{figure['seconds']:8.2f} s {figure['waited']:8.2f} s"
        print(f"{name:18} {seconds} {figure['events']:8,} {figure['findings']:9,}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")
    right = [figure["findings"] for figure in figures.values()] == [0, 1]
    return 0 if right and all(figure["seconds"] <= MOST_SECONDS for figure in figures.values()) else 1


def _audit(repository: Path) -> dict[str, Any]:
    begun, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "weighlock", "audit", "--json"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    waited = time.perf_counter() - begun
    found = json.loads(done.stdout)
    return {
        "seconds": round(seconds, 2), "waited": round(waited, 2), "commits": found["commits"],
        "events": len(found["events"]), "findings": len(found["findings"]), "code": done.returncode,
    }  # fmt: skip


def _story(folder: Path, *, spoilt: bool) -> Path:
    """A hundred releases that go their way, between commits of other work; some of it is merged."""

    def tell(story: Any) -> None:
        number = 0
        while len(story.parents) < COMMITS:
            number += 1
            version = f"v{number}"
            story.release(version)
            story.move("staging", stable=version)
            if number == 1:
                story.move("production", stable=version)
            else:
                for weight in (10.0, 50.0, 100.0):
                    story.move("production", candidate={"release": version, "route": {"weight": weight}})
                story.move("production", stable=version, candidate=None)
            for place in range(8):
                story.commit({f"docs/{place}.md": version.encode()}, f"docs: {version}")
            fork = story.tip
            side = story.commit({"docs/side.md": version.encode()}, "docs: aside")
            main = story.commit({"docs/main.md": version.encode()}, "docs: on", parents=(fork,))
            story.commit({"docs/side.md": version.encode()}, "Merge", parents=(main, side))
        if spoilt:
            story.commit({"releases/v7.yaml": b"# better\n"}, "fix: a typo")

    return Path(stories.written(folder, records.make_release, tell))


if __name__ == "__main__":
    sys.exit(main())
