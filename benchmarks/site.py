"""How long `weighlock site` takes with 60 releases, 600 changes of environments and a year of weekly looks.

`python -m benchmarks.site` prints a table, writes benchmarks/results/site.json and exits with 1 where it is too long.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from benchmarks.borrowed import borrow
from benchmarks.figures import Figure, report
from weighlock.deployment.environment import parse_environment, rewritten
from weighlock.deployment.transitions import changed

told = borrow("support.told")
RELEASES, CHANGES, LOOKS = 60, 600, 52
EVIDENTLY = 4_900_000  # bytes of its page
MOST_SECONDS = 5.0


def main() -> int:
    """Build a site like that, and say whether it is fast enough."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "repository"
        _repository(root)
        for week in range(LOOKS):
            seen = told.watch_of(date(2025, 3, 2) + timedelta(days=7 * week))
            look = told.look(Path(folder) / "history" / str(week), seen)
            (look / "evidently.html").write_bytes(b"<!doctype html>".ljust(EVIDENTLY))
        waited, used = _site(root, Path(folder) / "history")
    what = f"a site of {RELEASES} releases, {CHANGES} changes, {LOOKS} looks"
    return report(
        "site",
        [
            Figure(what, f"<= {MOST_SECONDS:g} s", f"{waited:.2f} s", waited, waited <= MOST_SECONDS),
            Figure(
                "... of which processor time", f"<= {MOST_SECONDS:g} s", f"{used:.2f} s", used, used <= MOST_SECONDS
            ),
        ],
    )


def _site(root: Path, looks: Path) -> tuple[float, float]:
    """Seconds of waiting, and of processor time."""
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "weighlock", "site", "--watch", str(looks)]
    subprocess.run(command, cwd=root, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - begun, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _repository(root: Path) -> None:
    """Whole releases, recorded as the command does; then changes, all at once."""
    with told.clock() as later:
        told.begin(root)
        for number in range(1, RELEASES + 1):
            later(24)
            told.record(root, f"v{number}")
    text = (root / "deploy/production.yaml").read_text()
    stream = [b"reset refs/heads/main\nfrom refs/heads/main^0\n"]
    for number in range(CHANGES):
        state = changed(parse_environment(text, "production"), stable=f"v{1 + number % RELEASES}")
        text = rewritten(text, state)
        said = f"deploy: production {number}\n\nWeighlock-Environment: production\nWeighlock-Reason: {number}\n"
        at = int(told.AT.timestamp()) + 3600 * number
        stream.append(
            f"commit refs/heads/main\ncommitter Ada <ada@example.org> {at} +0000\n{_data(said)}"
            f"M 100644 inline deploy/production.yaml\n{_data(text)}".encode()
        )
    subprocess.run(["git", "fast-import", "--quiet", "--force"], input=b"".join(stream), cwd=root, check=True)
    subprocess.run(["git", "reset", "--quiet", "--hard", "main"], cwd=root, check=True)


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"


if __name__ == "__main__":
    sys.exit(main())
