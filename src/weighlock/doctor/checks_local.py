"""What the clone and this machine lack: identity, remotes, owners, tools. Pure."""

from __future__ import annotations

import datetime as dt
import re

from weighlock.doctor.facts import Local, Maybe, Place, Unasked
from weighlock.doctor.finding import Finding, State
from weighlock.github.idle import LIMIT, idle

CLONE, DATA, MACHINE = "clone", "data", "this machine"
_CREATE = "gh repo create NAME --private --source . --remote origin --push"
_OWNER = re.compile(r"@[A-Za-z0-9][A-Za-z0-9-]*(/[A-Za-z0-9._-]+)?|[^@\s]+@[^@\s]+\.[^@\s]+")
TEMPLATE = "@weighlock/"  # whose team the template names; nobody else's fork has it
# tool -> needed, what for, how it is installed
TOOLS = {
    "git": (True, "everything", "apt-get install git"),
    "dvc": (True, "the pipeline and its data", "make env"),
    "gh": (False, "the commands that mend GitHub's settings", "apt-get install gh && gh auth login"),
    "nginx": (False, "`weighlock sync` on a machine that serves", "apt-get install nginx"),
    "podman": (False, "`weighlock image` on this machine, where there is no docker", "apt-get install podman"),
    "promtool": (False, "the tests of alert rules", "apt-get install prometheus"),
}


def check_clone(local: Local, now: dt.datetime) -> list[Finding]:
    """Who commits, where to, and whether history is whole."""
    rest = idle(local.last_commit, now)
    return [
        Finding(
            CLONE, "git identity", _state(local.committer is not None), needed=True,
            detail=local.committer or "git does not know who commits",
            why="releases, promotions and retrainings are commits, and each has an author",
            fix='git config user.name "Your Name" && git config user.email you@example.org',
        ),
        _origin(local),
        Finding(
            CLONE, "history", _state(not local.shallow), needed=True,
            detail="cut off" if local.shallow else "whole",
            why="the audit and the gate read every commit",
            fix="git fetch --unshallow",
        ),
        Finding(
            CLONE, "activity", _state(not rest.near), needed=False,
            detail=f"the last commit was {rest.days} days ago",
            why=f"GitHub stops cron jobs after {LIMIT} days without activity: nothing is watched or retrained then",
            fix='git commit --allow-empty --message "chore: keep the clock running" && git push',
        ),
        _owners(local),
    ]  # fmt: skip


def check_data(local: Local) -> list[Finding]:
    """DVC's remote and the prediction log."""
    return [
        *_place(
            "DVC remote", local.remote,
            why="workflows and colleagues get data and models from it; without it each run trains from the source",
            fix="dvc remote add --default storage s3://BUCKET/dvc && git add .dvc/config",
            mend="dvc remote modify --local storage …   # address and credentials; then: dvc status --cloud",
        ),
        *_place(
            "prediction log", local.log,
            why="`watch.yml` has nothing to look at: no drift, no fault and no loss would be noticed",
            fix="edit params.yaml: monitoring.log_url: s3://BUCKET/log",
            mend="weighlock log compact   # on the machine that serves, with credentials for it",
        ),
        Finding(
            DATA, "outcomes", _state(local.outcomes is not None), needed=False,
            detail=local.outcomes or "`monitoring.outcomes` is not set",
            why="unless the service is told them (`POST /v1/feedback`), nobody knows how right predictions were",
            fix="edit params.yaml: monitoring.outcomes: {files: s3://BUCKET/outcomes/*.parquet}",
        ),
    ]  # fmt: skip


def check_machine(local: Local) -> list[Finding]:
    """Tools; docker stands in for podman."""
    there = dict(local.tools)
    there["podman"] = there.get("podman", False) or there.get("docker", False)
    return [
        Finding(MACHINE, name, _state(there.get(name, False)), needed, why=f"used for {what}", fix=fix)
        for name, (needed, what, fix) in TOOLS.items()
    ]


def _origin(local: Local) -> Finding:
    detail = local.slug or local.origin or "no remote `origin`"
    if local.origin and not local.slug:
        detail += " is not on GitHub"
    fix = "git remote set-url origin git@github.com:OWNER/NAME.git" if local.origin else _CREATE
    return Finding(
        CLONE, "origin", _state(local.slug is not None), needed=True, detail=detail,
        why="pull requests, checks and the clock run on GitHub; the commands alone work without it",
        fix=fix,
    )  # fmt: skip


def _owners(local: Local) -> Finding:
    why = "changes of the policy, the schema and what runs would need nobody's review"
    fix = "edit .github/CODEOWNERS: put your own @user or @organisation/team"
    if local.owners is None:
        return Finding(CLONE, "CODEOWNERS", "missing", needed=True, detail="no such file", why=why, fix=fix)
    own = local.slug is not None and local.slug.lower().startswith(TEMPLATE[1:])
    odd = [o for o in local.owners if not _OWNER.fullmatch(o) or (o.startswith(TEMPLATE) and not own)]
    if odd or not local.owners:
        detail = f"names {', '.join(odd)}, who does not review here" if odd else "names nobody"
        return Finding(CLONE, "CODEOWNERS", "missing", needed=True, detail=detail, why=why, fix=fix)
    return Finding(CLONE, "CODEOWNERS", "found", needed=True, detail=", ".join(local.owners), why=why)


def _place(name: str, place: Place | None, *, why: str, fix: str, mend: str) -> list[Finding]:
    """A store: one can do without it, but not with one that is configured and does not answer."""
    if place is None:
        return [Finding(DATA, name, "missing", needed=False, detail="not configured", why=why, fix=fix)]
    reached = _asked(name, place.reached, detail=place.address, said=place.said, why=why, fix=mend)
    if reached.state != "found":
        return [reached]
    takes = "nothing can be brought there: no data of a retraining or release, no compacted days"
    said = "" if place.writable is True else place.said
    return [reached, _asked(f"{name}, writable", place.writable, said=said, why=takes, fix=mend)]


def _asked(name: str, answer: Maybe[bool], *, why: str, fix: str, detail: str = "", said: str = "") -> Finding:
    if isinstance(answer, Unasked):
        shown = ": ".join(part for part in (detail, answer.reason) if part)
        return Finding(DATA, name, "unknown", needed=True, detail=shown, why=why, fix=fix)
    shown = ": ".join(part for part in (detail, said) if part)
    return Finding(DATA, name, _state(answer), needed=True, detail=shown, why=why, fix="" if answer else fix)


def _state(there: bool) -> State:  # noqa: FBT001  (a fact, not a switch)
    return "found" if there else "missing"
