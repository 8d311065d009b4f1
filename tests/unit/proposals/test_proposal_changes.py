"""Whose code may judge a branch: read from git, and whatever no line calls harmless is its owners'."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.proposals.branches import DVC, PARAMS, TRAIN, alone, begun, branch, commit, sh, with_params

from weighlock.errors import EvidenceError
from weighlock.proposals.changes import changes_of

pytestmark = pytest.mark.processes  # git, over and over


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    alone(monkeypatch)
    return begun(tmp_path)


@pytest.mark.parametrize(
    ("files", "kind", "model"),
    [
        ({"docs/a.md": "x", "README.md": "y"}, "nothing", False),
        ({"src/weighlock/serving/x.py": "1", "deploy/staging.yaml": "a: 1"}, "nothing", False),
        (with_params("open: false", "open: true"), "nothing", False),
        ({"params.yaml": PARAMS + "# a comment\n"}, "nothing", False),
        (TRAIN, "weighable", True),
        ({**TRAIN, "dvc.lock": "x", "reports/metrics.json": "{}", "docs/a.md": "x"}, "weighable", True),
        ({**TRAIN, "releases/accepted/1.yaml": "x"}, "weighable", True),
        (with_params("2024-03-31", "2024-04-30"), "weighable", True),
        (with_params("open: false", "open: true") | {"dvc.lock": "x"}, "weighable", True),
        (with_params("2024-03-31", "2024-02-28"), "own", True),  # back in time: which rows decide is a choice
        (with_params("2024-01-01", "2023-01-01"), "own", True),
        (with_params("margin: 0.2", "margin: 0.9"), "own", False),
        ({"schema.yaml": "x"}, "own", True),
        ({"mine.csv": "b"}, "own", True),
        ({"dvc.yaml": DVC + "# x\n"}, "own", True),
        ({"src/weighlock/learners/a/b.md": "x"}, "own", True),
        ({"src/weighlock/weighing/weigh.py": "x"}, "own", False),
        ({"libraries.yaml": "x"}, "own", True),
        ({".dvc/config": "x"}, "own", True),
        ({"data/raw/x.csv.dvc": "x"}, "own", True),
        ({**TRAIN, "src/weighlock/cli/stage.py": "x"}, "own", True),
        ({**TRAIN, ".github/workflows/reproduce.yml": "x"}, "own", True),
        ({**TRAIN, "deploy/production.yaml": "x"}, "own", True),
        ({**TRAIN, "conftest.py": "x"}, "own", True),
        ({**TRAIN, "Makefile": "x"}, "own", True),
        ({"mine.csv": None}, "own", True),
        ({"params.yaml": None}, "own", True),
    ],
)
def test_what_a_branch_changes_says_who_judges_it(
    repository: Path, files: dict[str, str | None], kind: str, model: bool
) -> None:
    found = changes_of(repository, "main", branch(repository, files))
    assert (found.kind, found.model) == (kind, model)


def test_the_reasons_are_the_paths_and_keys(repository: Path) -> None:
    head = branch(repository, with_params("margin: 0.2", "margin: 0.9") | {"schema.yaml": "x", "docs/a.md": "x"})
    assert changes_of(repository, "main", head).reasons == ("schema.yaml", "gate.primary.margin")


@pytest.mark.parametrize(
    ("later", "kind"),
    [
        ({"README.md": "newer"}, "weighable"),
        ({"dvc.lock": "another model"}, "behind"),
        (with_params("margin: 0.2", "margin: 0.1"), "behind"),
        (with_params("seed: 7", "seed: 8"), "behind"),
        (with_params("open: false", "open: true"), "weighable"),
        ({"src/weighlock/decisions/gate.py": "x"}, "behind"),
    ],
)
def test_a_branch_that_began_from_an_older_model_is_behind(
    repository: Path, later: dict[str, str | None], kind: str
) -> None:
    head = branch(repository, TRAIN)
    commit(repository, later)
    found = changes_of(repository, "main", head)
    assert found.kind == kind
    assert found.model


def test_a_move_is_two_paths(repository: Path) -> None:
    sh(repository, "checkout", "-q", "-b", "branch")
    (repository / "docs").mkdir()
    sh(repository, "mv", "mine.csv", "docs/mine.csv")
    sh(repository, "commit", "-qm", "x")
    assert changes_of(repository, "main", "branch").kind == "own"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &a [1, 2]\nb: [*a, *a]\n", "anchors"),
        ("a: [", "not valid YAML"),
        ("- a\n", "keys and values"),
        ("a: " + "x" * 300_000, "bytes"),
        ("{" * 5000, "not valid YAML"),
    ],
)
def test_strange_parameters_are_refused(repository: Path, text: str, said: str) -> None:
    head = branch(repository, {"params.yaml": text})
    with pytest.raises(EvidenceError, match=said):
        changes_of(repository, "main", head)


def test_what_is_not_here_is_named(repository: Path) -> None:
    with pytest.raises(EvidenceError, match="not in this clone"):
        changes_of(repository, "main", "f" * 40)
    with pytest.raises(EvidenceError, match="not in this clone"):
        changes_of(repository, "main", "--output=/tmp/x")
    sh(repository, "checkout", "-q", "--orphan", "stranger")
    commit(repository, {"x": "y"})
    with pytest.raises(EvidenceError, match="no common history"):
        changes_of(repository, "main", "stranger")
