"""dvc.yaml against the code: what a stage reads is its dependency, so that nothing goes stale unnoticed."""

from __future__ import annotations

import ast
import importlib
from functools import cache
from pathlib import Path

import pytest
import yaml

from weighlock.cli.stage import STAGES
from weighlock.errors import WeighlockError
from weighlock.plots import NAMES

PIPELINE = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))
SRC = Path("src")
# Not dependencies: they say how a stage is called or what its errors are called, not what it makes.
NEUTRAL = {"weighlock", "weighlock.errors", "weighlock.cli", "weighlock.libraries"}
# Importing a package runs its __init__, which for these holds a docstring alone.
DISTRIBUTION = {"sklearn": "scikit-learn"}
UNTOUCHING = {"pydantic", "yaml", "rich"}  # they read configuration and print; no value passes through them changed


def file_of(module: str) -> Path | None:
    path = SRC / module.replace(".", "/")
    if path.with_suffix(".py").exists():
        return path.with_suffix(".py")
    return path / "__init__.py" if (path / "__init__.py").exists() else None


@cache
def imports_of(module: str) -> frozenset[str]:
    """Every module that a module's code names in an import, anywhere but under TYPE_CHECKING."""
    file = file_of(module)
    assert file is not None
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(file.read_text(encoding="utf-8")))
    if module == "weighlock.learners":  # it finds these by name
        found.update(f"weighlock.learners.{name}" for name in importlib.import_module(module).BUILT_IN)
    return frozenset(found)


def own_closure(stage: str) -> tuple[set[str], set[str]]:
    ours, libraries = set(), set()
    waiting = [f"weighlock.stages.{stage}"]
    while waiting:
        name = waiting.pop()
        if name in ours:
            continue
        ours.add(name)
        for imported in imports_of(name):
            if imported.split(".")[0] in {"weighlock", "flights"}:
                if file_of(imported) is not None:
                    waiting.append(imported)
            else:
                libraries.add(imported.split(".")[0])
    return ours, libraries


def test_the_stages_are_those_of_the_command_in_order() -> None:
    assert tuple(PIPELINE["stages"]) == STAGES
    for name, stage in PIPELINE["stages"].items():
        assert stage["cmd"] == f"weighlock stage {name}"


@pytest.mark.parametrize("stage", STAGES)
def test_every_module_that_a_stage_may_run_is_its_dependency(stage: str) -> None:
    dependencies = [Path(d) for d in PIPELINE["stages"][stage]["deps"] if d.startswith("src/")]
    ours, _ = own_closure(stage)

    for module in sorted(ours - NEUTRAL):
        file = file_of(module)
        assert file is not None
        if not ast.unparse(
            ast.Module([n for n in ast.parse(file.read_text()).body if not isinstance(n, ast.Expr)], [])
        ):
            continue  # a docstring alone
        covered = any(file == d or d in file.parents for d in dependencies)
        assert covered, f"{stage} may run {file}, which dvc.yaml does not name as its dependency"
    for dependency in dependencies:
        used = any(file_of(m) == dependency or dependency in (file_of(m) or Path()).parents for m in ours)
        assert used, f"{stage} names {dependency} as its dependency, but cannot run it"


@pytest.mark.parametrize("stage", STAGES)
def test_every_library_that_touches_models_is_recorded(stage: str) -> None:
    named = importlib.import_module(f"weighlock.stages.{stage}").LIBRARIES
    params = [p for p in PIPELINE["stages"][stage]["params"] if isinstance(p, dict)]
    in_dvc = next(p["libraries.yaml"] for p in params if "libraries.yaml" in p)
    _, libraries = own_closure(stage)
    installed = {DISTRIBUTION.get(name, name) for name in libraries} & set(
        yaml.safe_load(Path("libraries.yaml").read_text(encoding="utf-8"))
    )

    assert sorted(named) == sorted(in_dvc)
    assert installed <= set(named), f"{stage} may use {installed - set(named)}"


def test_what_is_read_is_made_before_it() -> None:
    made: set[str] = set()
    for stage in PIPELINE["stages"].values():
        for dependency in stage["deps"]:
            if dependency.startswith(("data/", "models/", "reports/")):
                assert dependency in made
        for kind in ("outs", "metrics"):
            made.update(o if isinstance(o, str) else next(iter(o)) for o in stage.get(kind, []))


def test_training_does_not_depend_on_the_holdout() -> None:
    assert not any("holdout" in d for d in PIPELINE["stages"]["train"]["deps"])


def test_metrics_and_plots_stay_in_git() -> None:
    for stage in PIPELINE["stages"].values():
        for metric in stage.get("metrics", []):
            assert next(iter(metric.values()))["cache"] is False
    outs = {k: v for s in PIPELINE["stages"].values() for o in s["outs"] if isinstance(o, dict) for k, v in o.items()}
    assert outs["reports/plots"]["cache"] is False


def test_the_plots_are_those_of_the_task() -> None:
    drawn = {next(iter(next(iter(p.values()))["y"])) for p in PIPELINE["plots"]}

    assert drawn == {f"reports/plots/{name}.csv" for name in NAMES["binary"]}


def test_exit_codes_of_errors_are_those_of_the_design() -> None:
    classes = [WeighlockError, *WeighlockError.__subclasses__()]

    assert {c.exit_code for c in classes} <= {2, 3, 4, 5}
    assert len({c.__name__ for c in classes}) == len(classes)
