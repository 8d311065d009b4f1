"""What a machine should run: its branch's newest commit, once that is seen to go on from the one applied last."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from weighlock.config import parse
from weighlock.deployment.audit import audit_of
from weighlock.deployment.environment import Environment
from weighlock.deployment.findings import Finding
from weighlock.deployment.history import History, history_of
from weighlock.deployment.ledger import read_ledger
from weighlock.deployment.policy import DeployParams, SyncParams
from weighlock.deployment.render import folder_of, services
from weighlock.deployment.syncing.plan import Instance
from weighlock.deployment.syncing.runner import Job
from weighlock.deployment.targets import Machine
from weighlock.errors import ConfigError, EvidenceError, RepositoryError
from weighlock.params import FILE
from weighlock.releases.record import Release
from weighlock.releases.repository import Upstream, ask, upstream_of
from weighlock.revisions import find_commit, git

SHOWN = 3  # findings that are told; `weighlock audit` tells all


@dataclass(frozen=True)
class Target:
    """What a commit wants of a machine.

    Attributes:
        commit: its id.
        environment: what `deploy/<env>.yaml` says there.
        machine: its section `machine`.
        releases: what runs, by version.
        jobs: the services, stable first.
        files: rendered, by their paths below `machine/`.
    """

    commit: str
    environment: Environment
    machine: Machine
    releases: Mapping[str, Release]
    jobs: tuple[Job, ...]
    files: Mapping[str, str]

    @property
    def instances(self) -> frozenset[Instance]:
        """The services by where they listen."""
        return frozenset(job.instance for job in self.jobs)


def newest(root: Path, *, offline: bool) -> str:
    """The newest commit of the branch that the clone follows.

    Raises:
        RepositoryError: it follows none, or the remote does not answer.
    """
    upstream = _upstream(root)
    there = f"refs/remotes/{upstream.name}"
    if not offline:
        ask(root, "fetch", "--quiet", upstream.remote, f"+{upstream.ref}:{there}")
    found = find_commit(there, root)
    if found is None:
        raise RepositoryError(f"`{upstream.name}` is nowhere here. Was it ever fetched, or was the branch removed?")
    return found


def moved(root: Path, commit: str) -> bool:
    """Whether the remote's branch is at another commit by now; False where it does not answer."""
    upstream = _upstream(root)
    told = git(root, "ls-remote", upstream.remote, upstream.ref)
    return told.returncode == 0 and told.stdout.decode().split()[:1] not in ([], [commit])


def _upstream(root: Path) -> Upstream:
    branch = git(root, "symbolic-ref", "--quiet", "--short", "HEAD").stdout.decode().strip()
    upstream = upstream_of(branch, root) if branch else None
    if upstream is None:
        raise RepositoryError(
            f"`{root}` follows no branch of a remote, so there is nothing to sync with. Run `git switch main` and `git "
            "branch --set-upstream-to=origin/main`."
        )
    return upstream


def require_successor(root: Path, commit: str, trusted: str) -> None:
    """Refuse a commit that does not go on from the one that was applied last, or is not signed where it has to be.

    By the rules of the commit that was applied last: none can excuse itself from its own signature.

    Raises:
        EvidenceError: it does not.
    """
    if git(root, "merge-base", "--is-ancestor", trusted, commit).returncode:
        raise EvidenceError(
            f"{commit[:9]} does not go on from {trusted[:9]}, which was applied last: the branch was forced to another "
            "history. Nothing is changed. Find out who did that and why; `weighlock audit --trusted "
            f"{trusted[:9]}` says what was lost. Push a history that goes on from it."
        )
    rules = rules_of(root, trusted)
    if commit != trusted and rules.signatures == "required":
        _require_signature(root, commit, trusted, rules)


def verified(root: Path, name: str, commit: str, trusted: str) -> Target:
    """What a commit wants, once its history is audited.

    Raises:
        EvidenceError: the audit finds something wrong.
        ConfigError: it has no such environment, or none that has a machine.
    """
    found = audit_of(read_ledger(root, commit), _policy_of(root, commit), trusted)
    if found.findings:
        raise EvidenceError(
            f"the audit of {commit[:9]} finds {len(found.findings)}:\n{_told(found.findings)}\nNothing is changed. "
            "`weighlock audit` tells all."
        )
    return _target(name, found.history)


def target_of(root: Path, name: str, commit: str) -> Target:
    """What a commit wants that was verified before.

    Raises:
        ConfigError, EvidenceError: as `verified`, of the environment and its records.
    """
    return _target(name, history_of(read_ledger(root, commit)))


def _target(name: str, history: History) -> Target:
    environment = history.state(name)
    machine = environment.machine
    if machine is None:
        raise ConfigError(
            f"`deploy/{name}.yaml` has no `machine`: nothing is synced here. In a cluster, Argo CD or Flux watches "
            f"`{folder_of(name)}` (docs/render.md)."
        )
    releases = history.releases(environment)
    prefix = f"{folder_of(name)}/machine/"
    files = {p.removeprefix(prefix): t for p, t in history.rendered(name, environment).items() if p.startswith(prefix)}
    jobs = tuple(
        Job(
            variant=service.variant,
            instance=Instance(service.version, service.port),
            unit=service.unit,
            workers=environment.replicas,
            name=releases[service.version].name,
            digest=releases[service.version].served.digest,
            signature=releases[service.version].served.signature,
        )
        for service in services(name, environment, releases)
    )
    return Target(history.ledger.head.id, environment, machine, releases, jobs, files)


def move_tree(root: Path, commit: str) -> None:
    """Bring the clone's branch, index and working tree to a commit; changed files that it does not touch stay.

    Raises:
        RepositoryError: a file that was changed here stands in its way.
    """
    if find_commit("HEAD", root) != commit:
        done = git(root, "-c", "core.hooksPath=/dev/null", "reset", "--quiet", "--keep", commit)
        if done.returncode:
            raise RepositoryError(
                f"the clone cannot go to {commit[:9]}: {done.stderr.decode(errors='replace').strip()}. Nobody works in "
                "it: put aside what was changed there (`git stash --include-untracked`)."
            )


def require_no_own_commits(root: Path, commit: str) -> None:
    """Refuse a clone with commits that the branch lacks: they would be lost.

    Raises:
        RepositoryError: it has some.
    """
    if git(root, "merge-base", "--is-ancestor", "HEAD", commit).returncode:
        raise RepositoryError(
            f"the clone has commits that {commit[:9]} lacks (`git log {commit[:9]}..HEAD`). Nobody works in it: push "
            "them from another clone, then `git reset --keep @{upstream}` here."
        )


def differs(root: Path, before: str, after: str, *paths: str) -> bool:
    """Whether two commits hold different files at these paths."""
    return git(root, "diff", "--quiet", "--no-ext-diff", before, after, "--", *paths).returncode != 0


def rules_of(root: Path, commit: str) -> SyncParams:
    """A commit's `deploy.sync`; nothing else of it is read, as other code may have written the rest."""
    return parse(_deploy_of(root, commit).get("sync") or {}, SyncParams, f"{FILE} of {commit[:9]}: deploy.sync")


def _policy_of(root: Path, commit: str) -> DeployParams:
    return parse(_deploy_of(root, commit), DeployParams, f"{FILE} of {commit[:9]}: deploy")


def _deploy_of(root: Path, commit: str) -> dict[str, Any]:
    shown = git(root, "show", f"{commit}:./{FILE}")
    try:
        content = yaml.safe_load(shown.stdout)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"`{FILE}` of {commit[:9]} is not valid YAML: {error}") from error
    return (content.get("deploy") or {}) if isinstance(content, dict) else {}


def _require_signature(root: Path, commit: str, trusted: str, rules: SyncParams) -> None:
    with tempfile.TemporaryDirectory() as folder:
        words = ["-c", "gpg.minTrustLevel=fully"]
        if rules.allowed_signers:
            path = Path(folder) / "allowed_signers"
            _signers(root, trusted, rules.allowed_signers, path)
            words += ["-c", f"gpg.ssh.allowedSignersFile={path}"]
        done = git(root, *words, "verify-commit", commit)
    if done.returncode:
        said = " ".join(done.stderr.decode(errors="replace").split()) or "it is not signed"
        raise EvidenceError(
            f"`params.yaml: deploy.sync.signatures` is `required`, and the signature of {commit[:9]} does not hold: "
            f"{said}. Nothing is changed. Sign the commit (`git commit -S`) with a key that was allowed before."
        )


def _signers(root: Path, trusted: str, where: str, to: Path) -> None:
    """The keys that may sign: of a file on this machine, or of the trusted commit; a commit cannot allow its own."""
    if Path(where).is_absolute():
        try:
            shutil.copyfile(where, to)
        except OSError as error:
            raise ConfigError(f"`deploy.sync.allowed_signers`: `{where}` cannot be read: {error.strerror}.") from error
        return
    shown = git(root, "show", f"{trusted}:./{where}")
    if shown.returncode:
        raise ConfigError(
            f"`deploy.sync.allowed_signers`: {trusted[:9]}, which was applied last, holds no `{where}`. Commit it "
            "before you ask for signatures, or name a file on this machine by its whole path."
        )
    to.write_bytes(shown.stdout)


def _told(findings: tuple[Finding, ...]) -> str:
    lines = [f"  - {finding.entry.id[:9]} {finding.what} {finding.todo}" for finding in findings[:SHOWN]]
    more = len(findings) - SHOWN
    return "\n".join([*lines, *([f"  - and {more} more"] if more > 0 else [])])
