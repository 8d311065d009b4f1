"""What a branch changes, read from git alone: nothing of it is checked out or run.

It says whose code may judge. A list of what is harmless, not of what is dangerous: what no line names is the owners'.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal

from weighlock.errors import EvidenceError
from weighlock.revisions import Revision, find_commit, git
from weighlock.tracking.result import flatten

if TYPE_CHECKING:
    from pathlib import Path

Kind = Literal["nothing", "weighable", "own", "behind"]
PARAMS, PIPELINE, LOCK = "params.yaml", "dvc.yaml", "dvc.lock"
ACCEPTED = "releases/accepted/*.yaml"
# beside a model's change these change no score, and decide nothing
HARMLESS = (ACCEPTED, "docs/*", "tests/*", "benchmarks/*", "*.md", "dvc_plots/*")
MADE = (LOCK, "reports/*")  # by the branch's own run: main makes its own
MODEL_SECTIONS = ("data", "validate", "split", "train", "evaluate", "refit")
# the sections that main's own code follows wherever they lead: whatever they say, its rows and its policy stay
FREE_SECTIONS = ("train", "refit")
WINDOW_END = "data.window.end"
# what says how models are weighed, and what a row is
POLICY_PATHS = (
    "schema.yaml", "src/weighlock/weighing/*", "src/weighlock/decisions/*", "src/weighlock/statistics/*",
    "src/weighlock/proposals/*",
)  # fmt: skip
MODEL_PATHS = (PIPELINE, LOCK, "schema.yaml", "libraries.yaml", ".dvc/*", ".dvcignore", "*.dvc")
LARGEST = 256 * 1024  # bytes of a configuration file
_REFERENCE = re.compile(r"\$\{([\w.]+)\}")


@dataclass(frozen=True)
class Changes:
    """What a branch changes against the commit that it began from.

    Attributes:
        kind: `nothing` of the model and of how it is weighed; `weighable` by main's code, policy and rows; `own`: by
            the branch's own alone; `behind`: main's model or policy has changed since.
        base, head: full commit ids.
        model: whether the model may be another.
        paths: all that changed.
        keys: of `params.yaml`, those that changed.
        reasons: the paths and keys that make it `own`, or `behind`.
    """

    kind: Kind
    base: str
    head: str
    model: bool
    paths: tuple[str, ...]
    keys: tuple[str, ...]
    reasons: tuple[str, ...] = ()


def changes_of(root: Path, main: str, head: str) -> Changes:
    """What the commit `head` changes, seen from the commit `main`.

    Raises:
        EvidenceError: a commit is not here, they have no common ancestor, or a configuration file is not readable.
    """
    tip, top = _commit(main, root), _commit(head, root)
    found = git(root, "merge-base", tip, top)
    base = found.stdout.decode().strip()
    if found.returncode or not base:
        raise EvidenceError(f"`{head}` and `{main}` have no common history here. Run `git fetch --unshallow`.")
    paths, keys = _paths(root, base, top), _keys(root, base, top)
    inputs = _inputs(root, base)
    model_paths = [p for p in paths if _is_model(p, inputs)]
    model_keys = [k for k in keys if k.partition(".")[0] in MODEL_SECTIONS]
    policy = [p for p in paths if _any(p, POLICY_PATHS)] + [k for k in keys if k.partition(".")[0] == "gate"]
    model = bool(model_paths or model_keys)

    def changes(kind: Kind, reasons: list[str] | None = None) -> Changes:
        return Changes(kind, base, top, model, paths, keys, tuple(dict.fromkeys(reasons or ())))

    if not model:
        return changes("own", policy) if policy else changes("nothing")
    own = [*policy, *[k for k in model_keys if not _is_free(k, root, base, top)]]
    strange = [p for p in paths if p != PARAMS and not _any(p, MADE)]
    own += [p for p in strange if _is_model(p, inputs) or not _any(p, HARMLESS)]
    if own:
        return changes("own", own)
    if behind := [p for p in _paths(root, base, tip) if _is_model(p, inputs) or _any(p, POLICY_PATHS)]:
        return changes("behind", behind)
    moved = [k for k in _keys(root, base, tip) if k.partition(".")[0] in {*MODEL_SECTIONS, "gate"}]
    return changes("behind", moved) if moved else changes("weighable")


def _commit(name: str, root: Path) -> str:
    if (found := find_commit(name, root)) is None:
        raise EvidenceError(f"the commit `{name}` is not in this clone. Run `git fetch origin {name}`.")
    return found


def _paths(root: Path, old: str, new: str) -> tuple[str, ...]:
    """What differs between two commits; a move is two paths."""
    done = git(root, "diff", "--name-only", "--no-renames", "--no-ext-diff", "-z", old, new, "--")
    if done.returncode:
        raise EvidenceError(f"`git diff` of {old[:7]} and {new[:7]} fails. Run `git fetch --unshallow`.")
    return tuple(p for p in done.stdout.decode("utf-8", errors="replace").split("\0") if p)


def _keys(root: Path, old: str, new: str) -> tuple[str, ...]:
    before, after = (flatten(read_yaml_at(root, commit, PARAMS)) for commit in (old, new))
    missing = object()
    both = {**after, **before}
    return tuple(k for k in both if _differ(before.get(k, missing), after.get(k, missing)))


def _differ(a: Any, b: Any) -> bool:
    return type(a) is not type(b) or a != b  # 1, 1.0 and true are three values


def read_yaml_at(root: Path, commit: str, path: str) -> dict[str, Any]:
    """A configuration file of a commit as plain values; empty where there is none.

    Raises:
        EvidenceError: it is too large, refers to itself, or is not YAML with keys and values.
    """
    import yaml

    try:
        content = Revision(commit, root).text(path)
    except EvidenceError:
        return {}
    source = f"`{path}` of {commit[:7]}"
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the other one takes minutes for a page of brackets
    if len(content) > LARGEST:
        raise EvidenceError(f"{source} has {len(content):,} bytes; {LARGEST:,} are allowed. Shorten it.")
    try:
        # a few lines that refer to one another can unfold to more than any machine holds
        if any(isinstance(token, yaml.AliasToken | yaml.AnchorToken) for token in yaml.scan(content, loader)):
            raise EvidenceError(f"{source} holds YAML anchors, which are not read here. Write the values out.")
        found = yaml.load(content, loader)  # noqa: S506  (a safe one)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise EvidenceError(f"{source} is not valid YAML ({type(error).__name__}). Mend it.") from None
    if not isinstance(found, dict):
        raise EvidenceError(f"{source} should hold keys and values.")
    return found


def _inputs(root: Path, commit: str) -> tuple[str, ...]:
    """The paths that the pipeline of a commit reads or makes."""
    params = flatten(read_yaml_at(root, commit, PARAMS))
    stages = read_yaml_at(root, commit, PIPELINE).get("stages") or {}
    entries = [e for stage in stages.values() for kind in ("deps", "outs", "metrics") for e in stage.get(kind) or []]
    named = [str(next(iter(e)) if isinstance(e, dict) else e) for e in entries]
    paths = {_REFERENCE.sub(lambda m: str(params.get(m[1], "")), name) for name in named}
    return tuple(sorted(p.rstrip("/") for p in paths if p))


def _is_model(path: str, inputs: tuple[str, ...]) -> bool:
    """Whether the model may be another where this path is."""
    return _any(path, MODEL_PATHS) or any(path == p or path.startswith(f"{p}/") for p in inputs)


def _any(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def _is_free(key: str, root: Path, base: str, head: str) -> bool:
    """Whether main's code can follow a parameter: a recipe's, or a window that ends later."""
    if key.partition(".")[0] in FREE_SECTIONS:
        return True
    return key == WINDOW_END and _end(root, head) > _end(root, base)


def _end(root: Path, commit: str) -> dt.date:
    value = flatten(read_yaml_at(root, commit, PARAMS)).get(WINDOW_END)
    try:
        return value if type(value) is dt.date else dt.date.fromisoformat(str(value))
    except ValueError:
        return dt.date.min
