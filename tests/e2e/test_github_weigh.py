"""Pull requests under act: `reproduce.yml` on the branch, then `weigh.yml` on main, as GitHub chains them."""

from __future__ import annotations

from github import events
from github.repository import Repository
from github.runner import Run
from github.state import Pull

GATE = "weighlock/gate"


def edit(repository: Repository, old: str, new: str, file: str = "params.yaml") -> None:
    path = repository.project.path / file
    text = path.read_text()
    assert old in text, old
    path.write_text(text.replace(old, new))


def propose(repository: Repository, branch: str, title: str = "A change") -> Pull:
    repository.commit(branch, "feat: a change")
    return repository.open_pull(branch, title)


def weighed(repository: Repository, pull: Pull, action: str = "opened") -> tuple[Run, Run]:
    """Both runs, the second as GitHub starts it."""
    first = repository.act("reproduce.yml", events.pull_request(repository.github, pull, action))
    return first, repository.act("weigh.yml", events.workflow_run(repository.github, first))


def state_of(repository: Repository, pull: Pull) -> str:
    status = repository.github.status(pull.head_sha, GATE)
    return status.state if status else "none"


def test_a_better_challenger_passes_and_is_commented_on(hosted_model: Repository) -> None:
    hosted_model.start("better")
    edit(hosted_model, "fixed: {n_estimators: 20}", "fixed: {n_estimators: 30}")
    hosted_model.project.run("dvc", "repro", "-q")
    pull = propose(hosted_model, "better", "More trees @everyone `$(touch /tmp/pwned)` ${{ secrets.X }}")
    first, second = weighed(hosted_model, pull)
    print(first.seconds, second.seconds, first.log[-6000:], second.log[-6000:])
    comments = hosted_model.github.comments_on(pull.number)
    print(comments)
    assert state_of(hosted_model, pull) == "success"
