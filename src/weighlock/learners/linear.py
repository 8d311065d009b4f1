"""Logistic regression; ridge regression where the target is a number."""

from __future__ import annotations

from typing import Any

from weighlock.learners.base import Learner


def _build(task: str, settings: dict[str, Any], seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge

    if task == "regression":
        settings = dict(settings)
        strength = settings.pop("C", 1.0)  # the same knob for both: small is strong shrinkage
        return Ridge(alpha=1 / strength, random_state=seed, **settings)
    return LogisticRegression(**{"max_iter": 500, "random_state": seed, **settings})


LEARNER = Learner(encoding="one-hot", build=_build, takes_sparse=True)
