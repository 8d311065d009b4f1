"""`weighlock sync`: verify, then start what is new, have nginx go over to it, stop what is old; or leave all as it was.

Killed at any moment, the next run begins from what it sees and comes to the same end. No sync edits git.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from weighlock.deployment.policy import SyncParams
from weighlock.deployment.syncing import front, ready, source
from weighlock.deployment.syncing.front import Front
from weighlock.deployment.syncing.plan import Await, Drain, Seen, Start, Step, Stop, Switch, Wanted, plan
from weighlock.deployment.syncing.report import Outcome, Report, Serves
from weighlock.deployment.syncing.runner import Job, Runner, StepFailedError
from weighlock.deployment.syncing.source import Target
from weighlock.deployment.syncing.state import State, loaded, read_state, write_state
from weighlock.errors import EvidenceError, WeighlockError
from weighlock.releases.fetch import HERE, fetch_recorded
from weighlock.revisions import find_commit, git

CODE, LOCK = "src", "requirements.lock"
LOOK_EVERY = 0.1
ASK_EVERY = 2.0  # seconds between looks at the remote, while a service is waited for


@dataclass(frozen=True)
class Site:
    """The machine's side: how services are run, and which nginx is in front of them.

    Attributes:
        folder: of the state.
        runner: starts and stops services.
        front: nginx.
        files: what that nginx is given, of all rendered files.
        key: an API key for `/v1/model`; None: metrics say which model it is.
    """

    folder: Path
    runner: Runner
    front: Front
    files: Callable[[str, dict[str, str]], dict[str, str]]
    key: str | None = None


@dataclass
class Sync:
    """One run, under the lock.

    Attributes:
        root: the clone.
        name: of the environment.
        site: the machine's side.
        tell: is given each step as it begins.
        renew: goes on in another process with the code of the commit that the clone was brought to; it is given the
            one from which. None: this code goes on.
        came_from: that one, in the other process.
    """

    root: Path
    name: str
    site: Site
    at: str
    offline: bool = False
    dry_run: bool = False
    tell: Callable[[str], None] = lambda _: None
    renew: Callable[[str], None] | None = None
    came_from: str | None = None
    begun: float = field(default_factory=time.monotonic)
    notes: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def run(self) -> Report:
        """Verify the newest commit, and apply it; where it may not be, keep up the one that was applied last.

        Raises:
            EvidenceError: the state's file is torn.
        """
        state = read_state(self.site.folder)
        commit: str | None = None
        try:
            commit = source.newest(self.root, offline=self.offline)
            trusted = self._trusted(state)
            source.require_successor(self.root, commit, trusted)
            source.require_no_own_commits(self.root, commit)
            self._renewed(commit)
            return self._to(source.verified(self.root, self.name, commit, trusted), state)
        except WeighlockError as error:
            if self.came_from:
                source.move_tree(self.root, self.came_from)
            self._keep_up(state)
            return self._report("REFUSED", commit, state, reason=str(error))

    def _renewed(self, commit: str) -> None:
        """Go on with the commit's own code, which knows its keys and renders its files; its signature was seen."""
        here = find_commit("HEAD", self.root) or commit
        if source.differs(self.root, self.came_from or here, commit, LOCK):
            self.notes.append(f"`{LOCK}` has changed: run `make env` in the clone, or new code may miss a library.")
        if source.differs(self.root, here, commit, CODE):
            if self.renew and not self.dry_run:
                source.move_tree(self.root, commit)
                self.renew(here)
            self.notes.append("this was planned by the clone's code; the commit has other.")

    def _trusted(self, state: State) -> str:
        """What was applied last; at first, what the clone was made from."""
        found = state.applied or find_commit("HEAD", self.root)
        if found is None:
            raise EvidenceError(f"`{self.root}` has no commit.")
        return state.applied or self.came_from or found

    def _to(self, target: Target, state: State) -> Report:
        files, steps = self._planned(target, state)
        if self.dry_run:
            self.done = [str(step) for step in steps if not isinstance(step, Await) or Start(step.instance) in steps]
            return self._report("PLANNED", target.commit, state, target)
        self._fetch(target)
        self._note_settings(target, state)
        before = self.came_from or find_commit("HEAD", self.root) or target.commit
        try:
            source.move_tree(self.root, target.commit)
            self.site.runner.prepare(target.files)
            state = self._apply(target, files, steps, state)
        except (StepFailedError, WeighlockError) as error:
            try:
                self._undo(steps, state, before)
            except (StepFailedError, WeighlockError) as worse:
                self.notes.append(f"not everything could be put back: {worse}")
            return self._report("FAILED", target.commit, state, reason=str(error))
        applied = state.model_copy(update={"applied": target.commit})
        changed = applied.applied != state.applied or any(isinstance(step, Start | Switch | Stop) for step in steps)
        write_state(self.site.folder, applied)
        return self._report("SYNCED" if changed else "OK", target.commit, applied, target, before=state.applied)

    def _planned(self, target: Target, state: State) -> tuple[dict[str, str], tuple[Step, ...]]:
        files = self.site.files(self.name, dict(target.files))
        running = self.site.runner.running()
        site = state.loaded.site if state.loaded and not state.switching and self.site.front.master() else None
        if site and not self.site.front.untouched():
            self.notes.append("nginx's files were changed by hand; they are put back.")
            site = None
        seen = Seen(running=running, site=site, used=state.used(running))
        return files, plan(Wanted(target.instances, front.digest_of(files)), seen)

    def _note_settings(self, target: Target, state: State) -> None:
        """What runs is not started anew for another memory limit or number of workers: that would be a gap."""
        if state.applied in {None, target.commit}:
            return
        old = source.target_of(self.root, self.name, str(state.applied))
        for job in target.jobs:
            if job.instance in old.instances and _settings(job, old) != _settings(job, target):
                self.notes.append(
                    f"{job.instance} has other settings now, and keeps its old ones until it is started again: the "
                    "next release has them."
                )

    def _fetch(self, target: Target) -> None:
        for version, release in target.releases.items():
            fetched = fetch_recorded(release, self.root, rebuild=False)
            if fetched.source != HERE:
                self.tell(f"{version} from {fetched.source}; both digests verify")

    def _apply(self, target: Target, files: dict[str, str], steps: tuple[Step, ...], state: State) -> State:
        jobs = {job.instance: job for job in target.jobs}
        rules = source.rules_of(self.root, target.commit)
        for place, step in enumerate(steps):
            self._say(step, starts=steps)
            match step:
                case Start(instance):
                    self.site.runner.start(jobs[instance])
                case Await(instance):
                    self._await(jobs[instance], rules, target.commit)
                case Switch():
                    state = self._switch(target, files, state)
                case Drain():
                    if not self._drained(rules, last=all(isinstance(later, Stop) for later in steps[place + 1 :])):
                        break
                case Stop(instance):
                    self.site.runner.stop(instance)
        return state

    def _await(self, job: Job, rules: SyncParams, commit: str) -> None:
        """Wait until a service is ready, or until there is no sense in it.

        While one waits in vain, someone may have pushed a rollback: whoever syncs next is let through.
        """
        begun = looked = time.monotonic()
        while said := ready.wrong(job, self.site.key):
            now = time.monotonic()
            if not self.site.runner.alive(job.instance):
                raise StepFailedError(self._unready(job, "ended before it was ready", said))
            if now - begun > rules.ready_seconds:
                raise StepFailedError(self._unready(job, f"is not ready after {rules.ready_seconds} s", said))
            if now - looked > ASK_EVERY and not self.offline:
                looked = now
                if source.moved(self.root, commit):
                    raise StepFailedError(self._unready(job, "was not ready yet when the branch moved on", said))
            time.sleep(LOOK_EVERY)

    def _unready(self, job: Job, how: str, said: str) -> str:
        log = self.site.runner.said(job.instance)
        return f"{job.instance} {how}: {said}" + (f"\nIts log ends with:\n{log}" if log else "")

    def _switch(self, target: Target, files: dict[str, str], state: State) -> State:
        new = loaded(front.digest_of(files), target.instances)
        state = state.model_copy(update={"switching": new})
        write_state(self.site.folder, state)
        status = 200 if target.instances else 503
        self.site.front.switch(files, lambda: front.asked(target.machine, status))
        state = state.model_copy(update={"loaded": new, "switching": None})
        write_state(self.site.folder, state)
        return state

    def _drained(self, rules: SyncParams, *, last: bool) -> bool:
        """Wait until nginx has answered what came before; False where what is old has to be left to a later sync."""
        deadline = time.monotonic() + rules.drain_seconds
        while not self.site.front.drained():
            if time.monotonic() > deadline:
                said = f"nginx is still answering what came before, after {rules.drain_seconds} s"
                if not last:
                    raise StepFailedError(f"{said}, and what is old has a port that is wanted.")
                self.notes.append(f"{said}; what is old is stopped by a later sync.")
                return False
            time.sleep(LOOK_EVERY)
        return True

    def _undo(self, steps: tuple[Step, ...], state: State, before: str) -> None:
        """Stop what was started, and bring the clone back; nginx has been put back already."""
        running = self.site.runner.running()
        used = state.loaded.instances if state.loaded else frozenset()  # nginx still sends there, once they answer
        for step in steps:
            if isinstance(step, Start) and step.instance in running - used:
                self.tell(f"stop {step.instance}, which was started for it")
                self.site.runner.stop(step.instance)
        source.move_tree(self.root, before)
        write_state(self.site.folder, read_state(self.site.folder).model_copy(update={"switching": None}))
        if state.applied:
            self.site.runner.prepare(source.target_of(self.root, self.name, state.applied).files)

    def _keep_up(self, state: State) -> None:
        """Start again what has died of what was applied last: a refusal is no reason to stand still."""
        if state.applied is None or self.dry_run:
            return
        try:
            target = source.target_of(self.root, self.name, state.applied)
            files, steps = self._planned(target, state)
            if any(not isinstance(step, Await) for step in steps):
                self._fetch(target)
                self.site.runner.prepare(target.files)
                self._apply(target, files, steps, state)
        except (StepFailedError, WeighlockError) as error:
            self.notes.append(f"what was applied last cannot be kept up: {error}")

    def _say(self, step: Step, *, starts: tuple[Step, ...]) -> None:
        if not isinstance(step, Await) or Start(step.instance) in starts:
            self.done.append(str(step))
            self.tell(str(step))

    def _report(
        self,
        outcome: Outcome,
        commit: str | None,
        state: State,
        target: Target | None = None,
        *,
        reason: str | None = None,
        before: str | None = None,
    ) -> Report:
        serves = [
            Serves(variant=job.variant, version=job.instance.version, port=job.instance.port, digest=job.digest)
            for job in (target.jobs if target else ())
        ]
        if git(self.root, "status", "--porcelain", "--", "deploy", "releases").stdout:
            self.notes.append("the clone has changes in `deploy/` or `releases/`: what git holds counts, not they.")
        return Report(
            environment=self.name, at=self.at, outcome=outcome, commit=commit, before=before or state.applied,
            applied=state.applied, steps=self.done, serves=serves, reason=reason, notes=self.notes,
            seconds=round(time.monotonic() - self.begun, 2),
        )  # fmt: skip


def _settings(job: Job, target: Target) -> list[str]:
    """The unit of a service: the template and what is its own."""
    template = re.sub(r"@v\d+", "@", job.unit)
    return [target.files.get(path, "") for path in (template, f"{job.unit}.d/release.conf")]
