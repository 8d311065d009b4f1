"""What unit tests share: small random tables with everything in them, and models that are trained once."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from support.records import make_release

if TYPE_CHECKING:  # what collects for several workers has no need of it, and they wait for that
    import pandas as pd

    from weighlock.learners.recipe import Model
    from weighlock.releases.record import Release
    from weighlock.schema import Schema
    from weighlock.scoring import Signature

settings.register_profile("unit", deadline=None, derandomize=True, max_examples=25)
settings.load_profile("unit")

CLASSES = {"binary": ["no", "yes"], "multiclass": ["low", "middle", "high"], "regression": None}
FEATURES = {
    "size": {"type": "number"},
    "weight": {"type": "number", "nullable": True},
    "count": {"type": "integer", "nullable": True, "min": 0, "max": 4},
    "new": {"type": "boolean", "nullable": True},
    "kind": {"type": "category", "nullable": True},
    "port": {"type": "category", "values": ["north", "south"]},
}
# one thread: two cores that are shared make the start of a thread pool dearer than the training
QUICK = {
    "linear": {},
    "lightgbm": {"n_estimators": 5, "num_leaves": 6, "min_child_samples": 5, "n_jobs": 1},
    "random_forest": {"n_estimators": 5, "max_depth": 5, "n_jobs": 1},
}


@dataclass(frozen=True)
class Trained:
    """A small model with its export and the rows that made it."""

    model: Model
    content: bytes
    signature: Signature
    rows: pd.DataFrame
    schema: Schema


def make_schema(task: str, features: list[str] | None = None, **change: Any) -> Schema:
    """A schema of some of FEATURES."""
    from weighlock.config import parse
    from weighlock.schema import Schema

    chosen = {name: FEATURES[name] for name in features or FEATURES}
    base = {"task": task, "target": "target", "key": "id", "features": chosen}
    return parse(base | ({"classes": CLASSES[task]} if CLASSES[task] else {}) | change, Schema, "schema.yaml")


def make_rows(task: str, rows: int = 240, seed: int = 0) -> pd.DataFrame:
    """Rows as `conform` makes them: the target hangs on all features; all but `size` and `port` have nulls."""
    return drawn(task, rows, seed).copy()


@cache
def drawn(task: str, rows: int, seed: int) -> pd.DataFrame:
    """What `make_rows` gives copies of."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"id": [f"k{i}" for i in range(rows)]})
    frame["size"] = random.normal(size=rows)
    frame["weight"] = random.normal(50, 9, size=rows)
    frame["count"] = random.integers(0, 5, size=rows).astype(float)
    frame["new"] = (random.random(rows) < 0.4).astype(float)
    frame["kind"] = random.choice(["a", "b", "c", "d"], size=rows, p=[0.4, 0.3, 0.2, 0.1]).astype(object)
    frame["port"] = random.choice(["north", "south"], size=rows).astype(object)
    value = frame["size"] + frame["weight"] / 20 + (frame["kind"] == "a") + random.normal(size=rows) * 0.5
    for name in ("weight", "count", "new", "kind"):
        frame[name] = frame[name].where(random.random(rows) > 0.15, None if name == "kind" else np.nan)
    if task == "binary":
        frame["target"] = (value > 3).astype("int8")
    elif task == "multiclass":
        frame["target"] = np.array(CLASSES[task], dtype=object)[np.digitize(value, [2.3, 3.6])]
    else:
        frame["target"] = value
    return frame


@cache
def train(task: str, learner: str) -> Trained:
    """A model of `make_rows(task)`; trained once, whoever asks."""
    from weighlock.learners.export import export
    from weighlock.learners.recipe import Recipe

    rows, schema = make_rows(task), make_schema(task)
    model = Recipe(learner, QUICK[learner], seed=7, max_categories=3).fit(rows, schema)
    content, signature = export(model)
    return Trained(model, content, signature, rows, schema)


def pytest_collection_finish() -> None:
    """What is imported stays, and tests are short: to look for garbage over and over costs seconds."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(scope="session")
def schema_of() -> Callable[..., Schema]:
    """`make_schema(task, features=None, **change)`."""
    return make_schema


@pytest.fixture(scope="session")
def rows_of() -> Callable[..., pd.DataFrame]:
    """`make_rows(task, rows=240, seed=0)`."""
    return make_rows


@pytest.fixture(scope="session")
def trained() -> Callable[[str, str], Trained]:
    """`train(task, learner)`."""
    return train


@pytest.fixture(scope="session")
def quick() -> dict[str, dict[str, Any]]:
    """Settings by learner that train in milliseconds."""
    return QUICK


@pytest.fixture(scope="session")
def release_of() -> Callable[..., Release]:
    """`make_release`."""
    return make_release
