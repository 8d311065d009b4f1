"""What the repository on GitHub lacks: rights, secrets, rules, Pages, the App, the clock. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from weighlock.doctor.facts import Local, Maybe, Remote, Ruleset, Unasked
from weighlock.doctor.finding import Finding

GITHUB, RULES, NAMES, CLOCK = "GitHub", "branch rules", "secrets and variables", "clock"
APP_ID, APP_KEY = "WEIGHLOCK_APP_ID", "WEIGHLOCK_APP_KEY"
APP_COST = (
    "pull requests of retrainings are opened with `GITHUB_TOKEN` then, for which GitHub starts no checks: somebody has "
    "to close and reopen each"
)
PAGES_ON = "WEIGHLOCK_PAGES"
GIVEN = frozenset({"GITHUB_TOKEN"})  # by GitHub itself
T = TypeVar("T")


@dataclass(frozen=True)
class Use:
    """What a secret or variable is for.

    Attributes:
        why: what goes wrong without it.
        usual: what holds without it, where that is fine.
        of: whether this clone uses what it is for; then it is needed. None: nobody needs it, it helps.
    """

    why: str
    usual: str = ""
    of: Callable[[Local], bool] | None = None


def _on_s3(local: Local) -> bool:
    return any(place is not None and "s3://" in place.address for place in (local.remote, local.log))


_S3 = Use("DVC's remote or the prediction log is on S3, out of the workflows' reach", of=_on_s3)
_GHCR = "ghcr.io, with the job's own token"
USES = {
    APP_ID: Use(APP_COST),
    APP_KEY: Use(APP_COST),
    "AWS_ACCESS_KEY_ID": _S3,
    "AWS_SECRET_ACCESS_KEY": _S3,
    "DATABASE_URL": Use(
        "data or outcomes come from a database, out of the workflows' reach", of=lambda local: local.database
    ),
    "WEIGHLOCK_LOG_HASH_KEY": Use(
        "columns are logged as hashes, and neither joined to outcomes nor forgotten without the key",
        of=lambda local: local.hashes,
    ),
    PAGES_ON: Use("`watch.yml` publishes no status page; say `on` once Pages is set up"),
    "WEIGHLOCK_JUDGE_URLS": Use("`rollout.yml` has no service to ask how a candidate does"),
    "WEIGHLOCK_REGISTRY": Use("images go nowhere", usual=_GHCR),
    "WEIGHLOCK_REGISTRY_USER": Use("images go nowhere", usual=_GHCR),
    "WEIGHLOCK_REGISTRY_TOKEN": Use("images go nowhere", usual=_GHCR),
}


def check_github(local: Local, remote: Remote) -> list[Finding]:
    """The repository's own settings."""
    slug = local.slug or "OWNER/NAME"
    app = _has_app(remote)
    return [
        _held(
            "repository", remote.archived, lambda archived: not archived, needed=True,
            detail=lambda archived: "archived: it is read-only" if archived else slug,
            why="nothing runs in an archived repository", fix=f"gh repo unarchive {slug}",
        ),
        _held(
            "Actions", remote.actions, bool, needed=True, detail=lambda on: "on" if on else "off (as in a fresh fork)",
            why="no check, release, watch or retraining runs",
            fix=f"gh api --method PUT repos/{slug}/actions/permissions -F enabled=true -f allowed_actions=all",
        ),
        _held(
            "issues", remote.issues, bool, needed=True, detail=lambda on: "on" if on else "off (as in a fresh fork)",
            why="`watch.yml` tells of drift and faults in an issue", fix=f"gh repo edit {slug} --enable-issues",
        ),
        _held(
            "GITHUB_TOKEN reads only", remote.writes, lambda writes: not writes, needed=False,
            detail=lambda writes: "writes by default" if writes else "",
            why="a workflow that forgets `permissions:` could write everything",
            fix=f"gh api --method PUT repos/{slug}/actions/permissions/workflow -f default_workflow_permissions=read",
        ),
        _held(
            "Actions may open pull requests", remote.opens_requests, bool, needed=app is False,
            why="`retrain.yml` and `release.yml` open pull requests; an App of your own may without it",
            fix=f"gh api --method PUT repos/{slug}/actions/permissions/workflow "
            "-F can_approve_pull_request_reviews=true",
        ),
        _held(
            "merged branches go", remote.deletes_merged, bool, needed=False,
            why="a retraining's branch that was edited and then squashed looks as if it waited: no other one begins",
            fix=f"gh repo edit {slug} --delete-branch-on-merge",
        ),
        _held(
            "squashed merges keep words", remote.keeps_words, bool, needed=True,
            why="a promotion's own words say who took which step, and why: without, the audit finds it passed over",
            fix=f"gh api --method PATCH repos/{slug} -f squash_merge_commit_message=COMMIT_MESSAGES "
            "-f squash_merge_commit_title=PR_TITLE",
        ),
        _held(
            "Pages", remote.pages, lambda built: built == "workflow", needed=False,
            detail=lambda built: {None: "off", "workflow": "built by the workflow"}.get(built, f"built by {built}"),
            why="`watch.yml` publishes the status page and the watch's reports there",
            fix=f"gh api --method {'PUT' if remote.pages == 'legacy' else 'POST'} repos/{slug}/pages "
            "-f build_type=workflow",
        ),
        _held(
            "owners on GitHub", remote.owner_errors, lambda errors: not errors, needed=True,
            detail=lambda errors: "; ".join(errors) if errors else "",
            why="a rule whose owner does not exist asks nobody for a review",
            fix=f"gh api repos/{slug}/codeowners/errors   # then edit .github/CODEOWNERS",
        ),
    ]  # fmt: skip


def check_rules(local: Local, remote: Remote) -> list[Finding]:
    """The branch rules that the repository holds as code, against those that are active."""
    return [_ruleset(rules, local.slug or "OWNER/NAME", remote) for rules in local.rulesets]


def check_names(local: Local, remote: Remote) -> list[Finding]:
    """The secrets and variables that workflows name."""
    uses = [
        *((name, "secret", remote.secrets) for name in _union(w.secrets for w in local.workflows) if name not in GIVEN),
        *((name, "variable", remote.variables) for name in _union(w.variables for w in local.workflows)),
    ]
    return [_name(name, kind, there, local) for name, kind, there in uses if _concerns(name, local)]


def check_clock(local: Local, remote: Remote) -> list[Finding]:
    """Workflows that the clock starts: GitHub turns them off in forks, and where nothing happens for 60 days."""
    slug = local.slug or "OWNER/NAME"

    def state(name: str) -> Maybe[str]:
        return remote.states if isinstance(remote.states, Unasked) else remote.states.get(name, "not on GitHub yet")

    return [
        _held(
            workflow.name, state(workflow.name), lambda found: found == "active", needed=True, area=CLOCK,
            detail=str, why=_CLOCKS.get(workflow.name, "it does not run by itself"),
            fix=f"gh workflow enable {workflow.name} --repo {slug}",
        )
        for workflow in local.workflows
        if workflow.cron
    ]  # fmt: skip


_CLOCKS = {
    "watch.yml": "nobody looks at production",
    "retrain.yml": "no retraining is begun by itself",
    "rollout.yml": "candidates are neither advanced nor taken back",
}


def _has_app(remote: Remote) -> bool | None:
    if isinstance(remote.secrets, Unasked) or isinstance(remote.variables, Unasked):
        return None
    return APP_KEY in remote.secrets and APP_ID in remote.variables


def _ruleset(wanted: Ruleset, slug: str, remote: Remote) -> Finding:
    why = "commits could reach the branch past review and checks"
    fix = f"gh api --method POST repos/{slug}/rulesets --input {wanted.file}"
    if isinstance(remote.rulesets, Unasked):
        return Finding(RULES, wanted.name, "unknown", needed=True, detail=remote.rulesets.reason, why=why, fix=fix)
    if wanted.name not in remote.rulesets:
        return Finding(RULES, wanted.name, "missing", needed=True, detail="not active", why=why, fix=fix)
    fix = f"gh api --method PUT repos/{slug}/rulesets/{remote.rulesets[wanted.name]} --input {wanted.file}"
    if isinstance(remote.rules, Unasked) or isinstance(remote.checks, Unasked):
        return Finding(RULES, wanted.name, "unknown", needed=True, detail="its rules cannot be seen", why=why, fix=fix)
    lacking = sorted(wanted.rules - remote.rules) + [f"the check `{c}`" for c in sorted(wanted.checks - remote.checks)]
    if lacking:
        detail = f"active, without {', '.join(lacking)}"
        return Finding(RULES, wanted.name, "missing", needed=True, detail=detail, why=why, fix=fix)
    return Finding(RULES, wanted.name, "found", needed=True, detail="active", why=why)


def _concerns(name: str, local: Local) -> bool:
    use = USES.get(name)
    return use is None or use.of is None or use.of(local)


def _name(name: str, kind: str, there: Maybe[frozenset[str]], local: Local) -> Finding:
    users = ", ".join(w.name for w in local.workflows if name in (w.secrets if kind == "secret" else w.variables))
    use = USES.get(name, Use(f"{users} goes without it"))
    if use.usual and not isinstance(there, Unasked) and name not in there:
        return Finding(NAMES, name, "found", needed=False, detail=f"not set: {use.usual}", why=use.why)
    value = "< private-key.pem" if name == APP_KEY else f"--body {'on' if name == PAGES_ON else 'VALUE'}"
    return _held(
        name, there, lambda names: name in names, needed=use.of is not None, area=NAMES,
        detail=lambda _: f"{kind} of {users}", why=use.why,
        fix=f"gh {kind} set {name} --repo {local.slug or 'OWNER/NAME'} {value}",
    )  # fmt: skip


def _held(
    name: str,
    fact: Maybe[T],
    holds: Callable[[T], bool],
    *,
    needed: bool,
    why: str,
    fix: str,
    detail: Callable[[T], str] = lambda _: "",
    area: str = GITHUB,
) -> Finding:
    if isinstance(fact, Unasked):
        return Finding(area, name, "unknown", needed, fact.reason, why, fix)
    there = holds(fact)
    return Finding(area, name, "found" if there else "missing", needed, detail(fact), why, "" if there else fix)


def _union(sets: Iterable[frozenset[str]]) -> list[str]:
    return sorted({name for names in sets for name in names})
