"""The year month by month: a challenger that holds all data so far, against a champion that was trained up to March.

Takes about half an hour; what a run has made, the next one keeps. `python -m benchmarks.months [FOLDER]`.
"""

from __future__ import annotations

import calendar
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
CHAMPION = "2013-03"
MONTHS = [f"2013-{month:02}" for month in range(3, 13)]


@dataclass(frozen=True)
class Row:
    """One month's verdict."""

    month: str
    outcome: str
    champion: float
    challenger: float
    gain: float
    low: float
    high: float
    error: float
    naive_error: float
    days: int
    reason: str


def main(folder: Path) -> None:
    """Train every month's challenger, weigh each, print a table and write it to `results/months.json`."""
    if not (folder / ".git").exists():
        git("clone", "--quiet", str(ROOT), str(folder), cwd=ROOT)
    for month in MONTHS:
        if not git("tag", "--list", tag(month), cwd=folder):
            train(month, folder)
    rows = [weigh(month, folder) for month in MONTHS if month != CHAMPION]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "months.json").write_text(json.dumps([vars(row) for row in rows], indent=2) + "\n", encoding="utf-8")
    print("| holdout | champion | challenger | gain in log loss, 90 % interval | error by days (rows) | verdict |")
    print("| --- | --- | --- | --- | --- | --- |")
    for row in rows:
        print(
            f"| {calendar.month_name[int(row.month[5:])]} | {row.champion:.4f} | {row.challenger:.4f} "
            f"| {row.gain:+.4f} ({row.low:+.4f} to {row.high:+.4f}) | {row.error:.4f} ({row.naive_error:.4f}) "
            f"| {row.outcome} |"
        )


def tag(month: str) -> str:
    """The git tag of a month's challenger."""
    return f"until-{month}"


def train(month: str, folder: Path) -> None:
    """All data up to the month's end, the month itself as the holdout; committed and tagged."""
    days = calendar.monthrange(2013, int(month[5:]))[1]
    path = folder / "params.yaml"
    text = re.sub(r'(\n    end: )"[\d-]+"', rf'\g<1>"{month}-{days}"', path.read_text(encoding="utf-8"))
    text = re.sub(r"(\n  holdout: )\w+", rf"\g<1>{days}d", text)
    # three or four months of winter rank a summer's flights unlike the same months and the summer
    path.write_text(re.sub(r"(\n  min_rank_correlation: )[\d.]+", r"\g<1>0.5", text), encoding="utf-8")
    print(f"{month}: dvc repro", file=sys.stderr, flush=True)
    run("dvc", "repro", "--quiet", cwd=folder)
    git("add", "--all", cwd=folder)
    who = ("-c", "user.name=Months", "-c", "user.email=months@example.org")
    git(*who, "commit", "--quiet", "--message", f"data: up to {month}-{days}", cwd=folder)
    git("tag", tag(month), cwd=folder)


def weigh(month: str, folder: Path) -> Row:
    """The gate's verdict on a month's challenger."""
    git("checkout", "--quiet", tag(month), cwd=folder)
    run("dvc", "checkout", "--quiet", cwd=folder)
    run("weighlock", "gate", "--champion", tag(CHAMPION), cwd=folder, codes=(0, 3, 4))
    verdict = json.loads((folder / "reports/gate/gate.json").read_text(encoding="utf-8"))
    check = next(c for c in verdict["checks"] if c["kind"] == "primary")
    compared, gain = check["comparison"], check["comparison"]["gain"]
    return Row(
        month, verdict["outcome"], compared["champion"], compared["challenger"], gain["value"],
        gain["interval"]["lower"], gain["interval"]["upper"], gain["error"], gain["naive_error"], gain["clusters"],
        verdict["reasons"][0],
    )  # fmt: skip


def git(*words: str, cwd: Path) -> str:
    """What a git command prints."""
    return run("git", *words, cwd=cwd)


def run(*words: str, cwd: Path, codes: tuple[int, ...] = (0,)) -> str:
    """What a command prints; raises where it ends with another code."""
    env = {**os.environ, "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"}
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode not in codes:
        raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(prefix="months-")))
