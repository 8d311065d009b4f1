"""Whether an owner's approval is certain: GitHub's rules and CODEOWNERS, or the answer is no."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from weighlock.github.owners import owners_of, unguarded

TEXT = """\
# a comment
*            @all
/docs/       @writers
docs/*       @nobody-below
params.yaml  @policy  # whoever
/src/**/gate.py @gate
*.lock
/build/logs/ you@example.org
apps/        @apps
"""


@pytest.mark.parametrize(
    ("path", "owners"),
    [
        ("README.md", ("@all",)),
        ("docs/a/b.md", ("@writers",)),
        ("docs/a.md", ("@nobody-below",)),
        ("params.yaml", ("@policy",)),
        ("deep/params.yaml", ("@policy",)),
        ("src/weighlock/decisions/gate.py", ("@gate",)),
        ("src/gate.py", ("@gate",)),
        ("dvc.lock", ()),
        ("build/logs/x/y", ("you@example.org",)),
        ("x/build/logs/y", ("@all",)),
        ("x/apps/y", ("@apps",)),
    ],
)
def test_the_last_line_that_fits_says_who_owns_a_path(path: str, owners: tuple[str, ...]) -> None:
    assert owners_of(path, TEXT) == owners


class _Rules:
    """As much of a client as is asked."""

    def __init__(self, rules: list[dict[str, Any]], errors: list[Any] | None = None) -> None:
        self.rules, self.errors = rules, errors or []

    def pages(self, path: str) -> list[dict[str, Any]]:
        assert path == "rules/branches/main"
        return self.rules

    def find(self, path: str, ref: str) -> dict[str, Any]:
        assert (path, ref) == ("codeowners/errors", "main")
        return {"errors": self.errors}


def rule(**parameters: bool) -> dict[str, Any]:
    return {"type": "pull_request", "parameters": parameters}


SURE = rule(require_code_owner_review=True, dismiss_stale_reviews_on_push=True)


@pytest.mark.parametrize(
    ("client", "path", "said"),
    [
        (_Rules([]), "params.yaml", "no branch rule"),
        (_Rules([{"type": "deletion"}]), "params.yaml", "no branch rule"),
        (_Rules([rule(require_code_owner_review=False)]), "params.yaml", "no branch rule"),
        (_Rules([rule(require_code_owner_review=True)]), "params.yaml", "after another push"),
        (_Rules([SURE]), "dvc.lock", "names no owner of `dvc.lock`"),
        (_Rules([SURE], [{"kind": "Unknown owner"}]), "params.yaml", "errors: Unknown owner"),
        (_Rules([{"type": "deletion"}, SURE]), "params.yaml", None),
        (_Rules([rule(require_code_owner_review=True, require_last_push_approval=True)]), "params.yaml", None),
    ],
)
def test_a_path_is_guarded_only_where_everything_says_so(
    tmp_path: Path, client: Any, path: str, said: str | None
) -> None:
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github/CODEOWNERS").write_text(TEXT)
    found = unguarded(client, "main", [path], tmp_path)
    assert (found is None) if said is None else (found is not None and said in found)


def test_without_codeowners_nothing_is_guarded(tmp_path: Path) -> None:
    client: Any = _Rules([SURE])
    assert "names no owner" in str(unguarded(client, "main", ["params.yaml"], tmp_path))
