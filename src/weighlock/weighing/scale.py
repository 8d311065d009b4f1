"""Who is weighed against whom, and by what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from weighlock.errors import ConfigError
from weighlock.params import FILE as PARAMS
from weighlock.params import read_params
from weighlock.weighing.judgement import Judge, units_of
from weighlock.weighing.policy import GateParams, read_policy

if TYPE_CHECKING:
    from weighlock.weighing.contender import Contender


@dataclass(frozen=True)
class Scale:
    """Who is weighed against whom, and by what.

    Attributes:
        challenger: what may become the champion.
        champion: None where there is none: `bootstrap`.
        judge: the policy, and what stands or falls together.
        root: the repository's.
    """

    challenger: Contender
    champion: Contender | None
    judge: Judge
    root: Path

    @property
    def policy(self) -> GateParams:
        """`params.yaml: gate`."""
        return self.judge.policy

    @property
    def tree(self) -> Path | None:
        """The repository, where it is the working tree that is weighed."""
        return self.root if self.challenger.kind == "tree" else None


def scale_of(challenger: Contender, champion: Contender | None, root: Path) -> Scale:
    """Set the policy of the repository at `root` to these two.

    Raises:
        ConfigError: the policy is wrong, or there are no floors where they alone would decide.
    """
    policy = read_policy(challenger.predictions.task, root / PARAMS)
    if champion is None and not policy.floors:
        raise ConfigError(
            "`gate.floors` is empty, and there is no champion: nothing would say whether the challenger is any good. "
            "Set a floor, such as `log_loss: baseline`."
        )
    units = units_of(challenger.predictions, policy, read_params(root / PARAMS).data.timezone)
    groups = policy.fairness.groups if policy.fairness else []
    if challenger.kind == "file":
        groups = [name for name in groups if name in challenger.predictions.slices]
    return Scale(challenger, champion, Judge(policy, units, tuple(groups)), root)
