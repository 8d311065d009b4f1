"""Weigh a model of anyone's, in a process of its own: `python -m weighlock.proposals.bench OUT LOCK`.

The present folder is a tree of main's, in which the two model folders are a branch's. Nothing here holds a token, and
what this process can take of the machine is limited by the one that starts it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighlock import files
from weighlock.decisions.verdict import Condition
from weighlock.errors import EvidenceError, NothingToWeigh, WeighlockError

if TYPE_CHECKING:
    from weighlock.weighing.contender import Contender
    from weighlock.weighing.scale import Scale

RESULT = "bench.json"
NAME = "the branch's model"


def main(out: Path, lock: Condition, root: Path) -> dict[str, Any]:
    """Score, weigh, and test the gate itself; what came of it, besides the gate's own files in `out`.

    Raises:
        WeighlockError: there is nothing sound to weigh.
    """
    from weighlock.stages import evaluate
    from weighlock.weighing.champion import NONE, stable_release
    from weighlock.weighing.contenders import find_challenger, find_champion
    from weighlock.weighing.scale import scale_of
    from weighlock.weighing.weigh import weigh, write

    evaluate.run()
    challenger = replace(find_challenger(None, root), name=NAME)
    require_claim(challenger)
    name = stable_release(root)
    try:
        champion = None if name in {None, NONE} else find_champion(str(name), challenger, root)
    except NothingToWeigh as error:
        return {"outcome": "NOTHING NEW", "said": str(error)}
    scale = scale_of(challenger, champion, root)
    if wrong := self_test(scale):
        return {"outcome": "BROKEN", "said": wrong}
    weighed = weigh(scale, lock)
    write(weighed, scale, out)
    return {
        "outcome": weighed.verdict.outcome,
        "bootstrap": weighed.verdict.bootstrap,
        "accepted": weighed.context.accepted,
        "evidence": weighed.context.evidence,
        "champion": name,
        "reasons": list(weighed.verdict.reasons),
    }


def require_claim(challenger: Contender) -> None:
    """The signature has to claim that training ended before main's holdout starts, where rows are split by time.

    That is a claim of whoever made it: `release.yml` trains again on main, by main's code.

    Raises:
        EvidenceError: it claims otherwise, or nothing.
    """
    from weighlock.times import minute
    from weighlock.weighing.unseen import first_row, is_before

    holdout, first = challenger.holdout, first_row(challenger.predictions)
    if holdout is None or not holdout.ordered or first is None:
        return
    until = challenger.trained_until
    if until is None or not is_before(until, first):
        raise EvidenceError(
            f"the model's signature says that it was trained {f'up to {until}' if until else 'up to no known time'}, "
            f"but main's holdout starts at {minute(first)}: it may have seen what it is to be weighed on."
        )


def self_test(scale: Scale) -> str:
    """What the gate says of planted models that it may not say; empty where it is sound.

    On rows that are too few for any verdict nothing can be planted, which is no fault of the gate's.
    """
    from weighlock.weighing.contender import require_another
    from weighlock.weighing.self_test import self_test as planted

    judge, challenger = scale.judge, scale.challenger
    try:
        require_another("itself", challenger.models, replace(challenger))
    except NothingToWeigh:
        pass
    else:
        return "a model was let be compared with itself."
    tests = planted(
        challenger.predictions,
        judge.policy,
        judge.units,
        lambda new, old: judge.verdict(judge.judge(new, old), conditions=()),
    )
    wrong = [t for t in tests if not t.ok and t.outcome is not None]
    return "; ".join(f"{t.name}: {t.outcome}, may get {' or '.join(t.allowed)}" for t in wrong)


if __name__ == "__main__":
    target, condition = Path(sys.argv[1]), json.loads(sys.argv[2])
    try:
        found = main(target, Condition(**condition), Path.cwd())
    except WeighlockError as error:
        found = {"outcome": "REFUSED", "said": str(error)}
    files.write_text(target / RESULT, files.to_json(found))
