"""Random forests (Breiman, 2001)."""

from __future__ import annotations

from typing import Any

from weighlock.learners.base import Learner


def _build(task: str, settings: dict[str, Any], seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    kind = RandomForestRegressor if task == "regression" else RandomForestClassifier
    return kind(**{"n_jobs": -1, "random_state": seed, **settings})


LEARNER = Learner(encoding="ordinal", build=_build)
