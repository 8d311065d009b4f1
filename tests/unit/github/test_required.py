"""The job that stands for all: what GitHub says of the needed jobs, and what that comes to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.cli import main
from weighlock.errors import EvidenceError
from weighlock.github.required import RESULTS, judged


def needs(**results: str) -> str:
    """As GitHub writes it."""
    return json.dumps({name: {"result": result, "outputs": {}} for name, result in results.items()})


@pytest.mark.parametrize("result", ["failure", "cancelled", "skipped"])
def test_one_job_that_did_not_pass_is_enough(result: str) -> None:
    found = judged(needs(check="success", test=result, e2e="success"))
    assert not found.ok
    assert found.missed == (("test", result),)
    assert found.passed == ("check", "e2e")


def test_a_job_may_be_skipped_where_it_stands_on_the_list_but_may_not_fail() -> None:
    assert judged(needs(check="success", e2e="skipped"), ["e2e"]).ok
    assert judged(needs(check="success", e2e="skipped"), ["e2e"]).skipped == ("e2e",)
    assert not judged(needs(check="success", e2e="failure"), ["e2e"]).ok
    assert not judged(needs(check="skipped", e2e="skipped"), ["e2e"]).ok


@given(st.dictionaries(st.text(min_size=1), st.sampled_from(RESULTS), min_size=1), st.data())
def test_it_passes_exactly_where_each_job_passed_or_was_skipped_by_leave(
    results: dict[str, str], data: st.DataObject
) -> None:
    leave = data.draw(st.sets(st.sampled_from(sorted(results))))
    found = judged(json.dumps({name: {"result": result} for name, result in results.items()}), leave)
    assert found.ok == all(r == "success" or (r == "skipped" and name in leave) for name, r in results.items())
    assert sorted([*found.passed, *found.skipped, *(name for name, _ in found.missed)]) == sorted(results)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", "no", '{"check": "success"}', '{"check": {}}', '{"check": {"result": "neutral"}}']
)
def test_what_says_nothing_of_the_jobs_is_refused(text: str) -> None:
    with pytest.raises(EvidenceError, match="NEEDS"):
        judged(text)


def test_a_name_on_the_list_that_no_job_has_is_a_typing_error() -> None:
    with pytest.raises(EvidenceError, match=r"e2d.*check, e2e"):
        judged(needs(check="success", e2e="skipped"), ["e2d"])


def test_the_command_says_which_job_and_needs_no_token(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    monkeypatch.setenv("NEEDS", needs(check="success", test="cancelled", e2e="skipped"))
    assert main(["github", "required", "--may-skip", "e2e"]) == 3
    said = capsys.readouterr().out
    assert "::error::test: cancelled" in said
    assert "e2e: skipped, which it may be" in said
    monkeypatch.setenv("NEEDS", needs(check="success"))
    assert main(["github", "required"]) == 0


def test_it_runs_on_a_python_that_has_nothing_installed() -> None:
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", (f"import sys; sys.path.insert(0, {str(root / 'src')!r}); "
         "from weighlock.cli import main; sys.exit(main(['github', 'required']))")],
        env={"PATH": os.environ["PATH"], "NEEDS": needs(check="success")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
