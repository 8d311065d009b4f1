"""What a branch's `dvc.lock` claims, held against what main's code makes of the branch's parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighlock.decisions.verdict import Condition
from weighlock.tracking.result import flatten

if TYPE_CHECKING:
    from collections.abc import Mapping

OF_THIS_TREE = (
    "`dvc.lock` is of this tree."  # the very words of `conditions.lock`: one evidence, wherever it is weighed
)
BY_MAIN = ("ingest", "validate", "split")  # the stages that main runs itself before it weighs
PARAMS = "params.yaml"


def lock_condition(
    branch: Mapping[str, Any], main: Mapping[str, Any], params: Mapping[str, Any], models: Mapping[str, str]
) -> Condition:
    """Whether the branch's `dvc.lock` is of this tree, as far as main can tell.

    Data, code and parameters must be the ones that main's own stages have; both models must be those of the artifact.

    Args:
        branch: the stages of the branch's `dvc.lock`.
        main: of main's, after its rows were made.
        params: of the branch's `params.yaml`, flattened.
        models: by path, the MD5 of the models that are weighed.
    """
    for name in main:
        if name not in branch:
            return _fails(f"it lacks the stage `{name}`")
        if wrong := _differs(name, branch[name], main, params):
            return _fails(f"{wrong} of `{name}` is another")
    claimed = {out["path"]: out.get("md5") for stage in branch.values() for out in stage.get("outs") or []}
    if others := [f"`{path}`" for path, md5 in models.items() if claimed.get(path) != md5]:
        reason = f"{OF_THIS_TREE} But {', '.join(others)} came out with other bytes in the branch's own run."
        return Condition("lock", holds=True, reason=reason)
    return Condition("lock", holds=True, reason=OF_THIS_TREE)


def _differs(name: str, stage: Mapping[str, Any], main: Mapping[str, Any], params: Mapping[str, Any]) -> str | None:
    """What a stage is recorded with that main's is not."""
    known = main[name]
    if stage.get("cmd") != known.get("cmd"):
        return "the command"
    wanted = _given(known, main) | (_made(known) if name in BY_MAIN else {})
    found = _hashes(stage, "deps") | _hashes(stage, "outs")
    if odd := [path for path, md5 in wanted.items() if found.get(path) != md5]:
        return f"`{odd[0]}`"
    for file, recorded in (stage.get("params") or {}).items():
        if file != PARAMS:
            if recorded != (known.get("params") or {}).get(file):
                return f"`{file}`"
        elif wrong := _wrong_param(recorded or {}, params):
            return f"`{wrong}`"
    return None


def _given(stage: Mapping[str, Any], main: Mapping[str, Any]) -> dict[str, Any]:
    """What a stage reads, but for what only the branch's own run makes."""
    later = {path for name, other in main.items() if name not in BY_MAIN for path in _hashes(other, "outs")}
    return {path: md5 for path, md5 in _hashes(stage, "deps").items() if path not in later}


def _made(stage: Mapping[str, Any]) -> dict[str, Any]:
    return {path: md5 for path, md5 in _hashes(stage, "outs").items() if not path.endswith(".html")}


def _hashes(stage: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {entry["path"]: entry.get("md5") for entry in stage.get(kind) or []}


def _wrong_param(recorded: Mapping[str, Any], params: Mapping[str, Any]) -> str | None:
    """A parameter that is recorded otherwise than it is."""
    for key, value in recorded.items():
        said = flatten({key: value})
        is_ = {name: v for name, v in params.items() if name == key or name.startswith(f"{key}.")}
        if said.keys() != is_.keys():
            return key
        if odd := next((name for name in said if not _same(said[name], is_[name])), None):
            return odd
    return None


def _same(a: Any, b: Any) -> bool:
    """1e-05, as DVC writes it, is text to a reader of YAML 1.1."""
    if a == b:
        return True
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same, a, b))
    try:
        return not isinstance(a, bool) and not isinstance(b, bool) and float(a) == float(b)
    except (TypeError, ValueError):
        return False


def _fails(reason: str) -> Condition:
    return Condition(
        "lock", holds=False, reason=f"The branch's `dvc.lock` is not of its tree: {reason}. Run `dvc repro`, commit it."
    )
