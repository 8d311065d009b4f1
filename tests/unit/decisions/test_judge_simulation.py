"""The benchmark's rollouts, in small: all looks at once say what the judge says at each."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.judge_simulation import World, judged, look_at, simulate

from weighlock.decisions.judge import judge
from weighlock.deployment.judge_policy import ErrorRate, JudgeParams

RULES = JudgeParams(error_rate=ErrorRate(margin=0.05)).rules()


@pytest.mark.parametrize("times", [1.0, 6.0])
def test_all_looks_at_once_are_the_judge_s_own(times: float) -> None:
    rollout = simulate(np.random.default_rng(2), World(requests=4000, weight=0.3, times=times))

    said = judged(rollout, RULES)

    for look in (4, 40, 79):
        for check in judge(look_at(rollout, look), RULES).checks:
            fine, worse = (bool(part[check.name][look]) for part in (said.fine, said.worse))
            result = "open" if check.result == "not run" else check.result
            assert result == ("fine" if fine else "worse" if worse else "open"), (look, check)
            assert check.better == bool(said.better[check.name][look])
    assert said.worse["error_rate"].any() == (times > 1)
