"""What can be trained: learners by name or dotted path, their search, calibration and ONNX export."""

from __future__ import annotations

import inspect
from typing import Any

from weighlock.dotted import resolve
from weighlock.errors import ConfigError
from weighlock.learners.base import Learner

BUILT_IN = ("linear", "lightgbm", "random_forest")


def find_learner(name: str) -> Learner:
    """The learner of a name, or at `package.module:name`: a `Learner`, or a class with scikit-learn's interface.

    Raises:
        ConfigError: there is none.
    """
    if name in BUILT_IN:
        learner = resolve(f"weighlock.learners.{name}:LEARNER", "train.learners")
    elif ":" in name:
        learner = resolve(name, "train.learners")
    else:
        raise ConfigError(
            f"`train.learners.{name}` is no learner; there are {', '.join(BUILT_IN)}, or any `package.module:name`."
        )
    if isinstance(learner, Learner):
        return learner
    if inspect.isclass(learner) and hasattr(learner, "fit") and hasattr(learner, "get_params"):
        return _of_class(learner)
    raise ConfigError(f"`train.learners.{name}` is neither a Learner nor a class with `fit` and `get_params`.")


def _of_class(estimator: Any) -> Learner:
    def build(task: str, settings: dict[str, Any], seed: int) -> Any:  # noqa: ARG001
        known = estimator().get_params()
        return estimator(**{**({"random_state": seed} if "random_state" in known else {}), **settings})

    return Learner(encoding="one-hot", build=build)
