"""A repository with three releases, promotions and a rollback, made by the commands' own functions; and looks at it."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support import results
from weighlock.deployment.desk import How
from weighlock.deployment.environment import Route
from weighlock.deployment.moves import advance, promote, rollback
from weighlock.files import to_json
from weighlock.releases.acceptance import accept
from weighlock.releases.commits import commit_files
from weighlock.releases.compose import Made, compose, files_of, read_models
from weighlock.releases.evidence import gather
from weighlock.releases.record import Judged

ROOT = Path(__file__).parents[2]
START = dt.datetime(2026, 2, 1, 6, tzinfo=dt.UTC)
AT = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
EVIL = "<script>alert('x')</script><img src=x onerror=alert(1)>"
REASON = f"the p99 has doubled {EVIL}"
ACCEPTED = "too few rows, and the old one is stale"


@contextmanager
def clock() -> Iterator[Any]:
    """Git without anyone's configuration, and with a clock of its own: `later(hours)` moves it."""
    before = dict(os.environ)
    now = START

    def later(hours: float) -> None:
        nonlocal now
        now += dt.timedelta(hours=hours)
        for who in ("AUTHOR", "COMMITTER"):
            os.environ[f"GIT_{who}_DATE"] = f"{now:%Y-%m-%dT%H:%M:%S+00:00}"

    os.environ |= {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    later(0)
    try:
        yield later
    finally:
        os.environ.clear()
        os.environ.update(before)


def begin(root: Path) -> None:
    """A repository with a result and empty environments."""
    results.sh(root.parent, "init", "-q", "-b", "main", "--template=", str(root))
    for key, value in (("user.name", "Ada <b>"), ("user.email", "ada@example.org"), ("gc.auto", "0")):
        results.sh(root, "config", key, value)
    results.make_result(root)
    deploy = {path: (ROOT / path).read_bytes() for path in ("deploy/staging.yaml", "deploy/production.yaml")}
    results.write(root, deploy)
    results.sh(root, "add", ".")
    results.sh(root, "commit", "-q", "-m", "feat: a result")


def record(root: Path, version: str, outcome: str = "PASS", **change: Any) -> None:
    """Another result, weighed and recorded as the next release."""
    results.make_result(root, weighed=f"weighed {version}".encode(), served=f"served {version}".encode())
    results.sh(root, "commit", "-qam", f"feat: challenger {version}")
    champion = f"v{int(version[1:]) - 1}" if version != "v1" else None
    about = {"names": {"challenger": "the working tree", "champion": champion}, "warnings": ["Mind the gap."]}
    path = results.verdict(root, outcome=outcome, bootstrap=champion is None, about=about, nonce=version, **change)
    evidence = json.loads(path.read_text())["evidence"]
    accepted = None
    if outcome == "INCONCLUSIVE":
        accepted = f"{ACCEPTED} (Ada <ada@example.org>)"
        accept(path, ACCEPTED, root, START)
        results.sh(root, "add", "releases")
        results.sh(root, "commit", "-qm", "chore: accept")
    judged = Judged(
        outcome=outcome, bootstrap=champion is None, evidence=evidence, champion=champion, accepted=accepted
    )  # type: ignore[arg-type]
    files = gather(root, path, results.REACHED)
    image = f"registry.example.org/parts@sha256:{version[1:].zfill(64)}"
    commit = results.sh(root, "rev-parse", "HEAD")
    at = f"{dt.datetime.fromisoformat(os.environ['GIT_COMMITTER_DATE']):%Y-%m-%dT%H:%M:%SZ}"
    release = compose(root, read_models(root), judged, files, Made(image=image), commit, "Ada <ada@example.org>", at)
    commit_files(root, files_of(release, files), f"release: {release.name} {release.version}")


def tell(root: Path) -> Path:
    """The whole story: v2 went all the way and came back; v3 is a shadow beside v1."""
    how = How(offline=True)
    with clock() as later:
        begin(root)
        for version, outcome in (("v1", "PASS"), ("v2", "PASS"), ("v3", "INCONCLUSIVE")):
            later(30)
            record(root, version, outcome, reasons=[f"log_loss of `{version}`: not worse {EVIL}"])
        for version in ("v1", "v2", "v3"):
            later(12)
            promote("staging", version, root, how, now=True)
            if version == "v1":
                promote("production", version, root, how, now=True)
            if version == "v2":
                later(5)
                promote("production", version, root, how)
                later(20)
                advance("production", root, How(reason="nothing odd in a day", offline=True), to="stable")
                later(80)
                rollback("production", root, How(reason=REASON, offline=True))
        later(8)
        promote("production", "v3", root, how, route=Route(mirror=100.0))
    refuse(root)
    return root


def refuse(root: Path) -> None:
    """A verdict of the gate that nothing came of, in the tree."""
    reasons = ["log_loss: 0.6935 is 0.3233 worse than the champion's 0.3702 (-0.5105 to -0.1362): shown to be worse."]
    about = {"names": {"challenger": "the working tree", "champion": "v1"}, "warnings": []}
    holdout = {
        "digest": results.REACHED["digest"],
        "rows": 40,
        "start": "2024-04-01T00:00Z",
        "end": "2024-04-14T00:00Z",
    }
    results.verdict(root, outcome="FAIL", bootstrap=False, reasons=reasons, about=about, holdout=holdout)


def watch_of(end: dt.date, outcome: str = "OK", nearness: float = 0.4, **change: Any) -> dict[str, Any]:
    """What `weighlock watch` writes of a week up to a day: the nearest column comes this near to drift."""
    drifted = nearness >= 1
    column = {"column": "heat", "measure": "shift", "distance": 0.3, "effect": 0.1 * nearness, "floor": 0.1}
    column |= {"score": nearness + 0.2, "limit": 1.0, "smallest": 0.2, "drifted": drifted}
    quiet = column | {
        "column": "colour",
        "measure": "mix",
        "effect": 0.0,
        "score": 0.0,
        "floor": 0.05,
        "drifted": False,
    }
    content = {
        "version": 1, "environment": "production", "model": {"name": "parts v1", "digest": f"sha256:{'a' * 64}"},
        "window": {"start": f"{end - dt.timedelta(days=6)}", "end": f"{end}", "rows": 6479},
        "reference": {"name": f"the release, not compared to {EVIL}", "days": 243}, "outcome": outcome,
        "reasons": [f"`heat`: outcome {outcome} {EVIL}"], "notes": ["`load` is mixed otherwise: the model ignores it"],
        "retrain": {"retrain": outcome == "RETRAIN", "reasons": [], "held": None}, "flagged": 0.01, "unseen": None,
        "labelled": {"rows": 6463, "days": 7}, "faults": [], "drifts": [column, quiet],
        "gains": [
            {"by": "", "gain": -0.008 + nearness / 100, "error": 0.0056, "rows": 6463},
            {"by": "colour", "gain": 0.0018, "error": 0.01, "rows": 6463},
        ],
        "evidently": {"heat": {"value": 0.02, "threshold": 0.1, "method": "Wasserstein", "drifted": False}},
    }  # fmt: skip
    return content | change


def look(folder: Path, content: dict[str, Any], *, reports: bool = True) -> Path:
    """A look in a folder of its own, with what lies beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "watch.json").write_text(to_json(content))
    if reports:
        (folder / "evidently.html").write_text("<!doctype html><title>Evidently</title><p>drawn by Evidently")
        (folder / "watch.md").write_text("# A look\n")
        (folder / "timeline.png").write_bytes(b"\x89PNG")
    return folder


def looks(folder: Path) -> Path:
    """Twelve weeks of production: quiet, then a drift, a broken feed, and a retraining that is due."""
    told = {7: ("WARN", 1.2), 8: ("BROKEN", 6.0), 10: ("UNKNOWN", 0.2), 11: ("RETRAIN", 1.9)}
    for week in range(12):
        end = dt.date(2025, 12, 10) + dt.timedelta(days=7 * week)
        outcome, nearness = told.get(week, ("OK", 0.2 + 0.05 * (week % 4)))
        change: dict[str, Any] = {"drifts": []} if outcome == "UNKNOWN" else {}
        look(folder / "production" / f"{end}", watch_of(end, outcome, nearness, **change))
    return folder
