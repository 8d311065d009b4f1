"""docs/adopt.md, command by command, as someone who adopts this would: with the penguins and a remote of one's own."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest
from conftest import ROOT, Clone, Project

PAGE = ROOT / "docs/adopt.md"
THERE = {"make env", ". .venv/bin/activate"}  # the tests' own environment stands for it
CODES = {"weighlock watch production": 4}  # UNKNOWN: the log has a day


def commands() -> list[tuple[str, bool]]:
    """The page's commands in their order, and whether only GitHub can do them."""
    found, said, inside = [], "", False
    for line in PAGE.read_text().splitlines():
        if line.startswith("```"):
            inside, said = not inside, said if not inside else ""
        elif inside and line.startswith("$ "):
            found.append((line[2:], "**On GitHub**" in said))
        elif not inside:
            said = "" if line.startswith("## ") else f"{said}\n{line}"
    return found


def test_the_page_has_ten_steps_and_marks_what_only_github_can_do() -> None:
    assert re.findall(r"^## (\d+)\.", PAGE.read_text(), re.MULTILINE) == [str(n) for n in range(1, 11)]
    there = [command for command, on_github in commands() if on_github]
    assert len(there) >= 8
    assert all(re.match(r"gh |cd |GITHUB_TOKEN=", command) for command in there)
    assert not [command for command, on_github in commands() if command.startswith("gh ") and not on_github]
    files = [word for command in there for word in command.split() if word.startswith(".github/")]
    assert files
    assert all((ROOT / file).is_file() for file in files)
    enabled = {command.split()[-1] for command in there if command.startswith("gh workflow enable")}
    assert all((ROOT / ".github/workflows" / name).is_file() for name in enabled)


@pytest.fixture(scope="module")
def fork(clone: Clone, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A clone on main, with a remote of its own and nothing of the tests' git settings."""
    project = clone("adopt")
    origin = tmp_path_factory.mktemp("adopted") / "origin.git"
    project.run("git", "init", "-q", "--bare", str(origin))
    project.run("git", "remote", "set-url", "origin", str(origin))
    project.run("git", "checkout", "-q", "-B", "main")
    environment = project.path / ".venv"
    environment.mkdir()
    for name in ("bin", "lib"):
        (environment / name).symlink_to(Path(sys.prefix) / name)
    home = tmp_path_factory.mktemp("nobody")
    env = {**project.env, "HOME": str(home), "PATH": f"{environment / 'bin'}:{os.environ['PATH']}"}
    return Project(project.path, env)


def test_every_command_does_what_the_page_says(fork: Project) -> None:
    said = {}
    for command, on_github in commands():
        if on_github or command in THERE:
            continue
        done = fork.run("bash", "-euo", "pipefail", "-c", command, code=CODES.get(command, 0))
        said[command] = done.stdout + done.stderr

    assert "species" in said["weighlock init data/mine/penguins.csv --target species --force"]
    assert said["weighlock gate"].startswith("PASS (bootstrap)")
    assert "production    v1 is stable" in said["weighlock status"]
    assert "0 findings" in said["weighlock audit"]
    assert "@your-name" in said["weighlock doctor --offline || true"]
    assert "UNKNOWN" in said["weighlock watch production"]
    pushed = fork.run("git", "ls-remote", "origin").stdout
    assert "refs/heads/main" in pushed
    assert "refs/tags/species@v1.0.0" in pushed
    found = json.loads(fork.run("weighlock", "doctor", "--offline", "--json", code=2).stdout)["findings"]
    state = {finding["name"]: finding["state"] for finding in found}
    assert (state["CODEOWNERS"], state["DVC remote"], state["git identity"]) == ("found", "found", "found")
    changed = fork.run("git", "status", "--porcelain").stdout.splitlines()
    assert [line for line in changed if "scores.parquet" not in line] == []
