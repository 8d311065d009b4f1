"""`weighlock gate`: a statistical verdict on the challenger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from weighlock.weighing.contender import Contender

EXIT_CODES = {"PASS": 0, "FAIL": 3, "INCONCLUSIVE": 4}
OUT = Path("reports/gate")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument(
        "--challenger", metavar="PRED", help="a prediction file or a model folder (default: the working tree's model)"
    )
    parser.add_argument(
        "--champion",
        metavar="PRED|REF|none",
        help="a prediction file, model folder, release or git revision; `none` before the first release "
        "(default: what is stable in deploy/production.yaml)",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", default=OUT, help=f"where to write (default: {OUT})")
    parser.add_argument(
        "--self-test", action="store_true", help="plant models that are worse, equal and better, and judge those"
    )


def run(args: argparse.Namespace) -> int:
    """Weigh, write the report, print the verdict; 0 PASS, 3 FAIL, 4 INCONCLUSIVE, 2 where nothing can be weighed."""
    from weighlock.decisions.terminal import lines
    from weighlock.errors import NothingToWeigh
    from weighlock.outcome import announce
    from weighlock.weighing.champion import NONE, stable_release
    from weighlock.weighing.contenders import find_challenger, find_champion
    from weighlock.weighing.weigh import REPORT, scale_of, weigh, write

    root = Path.cwd()
    challenger = find_challenger(args.challenger, root)
    if args.self_test:
        return _self_test(challenger, root)
    name = stable_release(root) if args.champion is None else args.champion
    try:
        champion = None if name in {None, NONE} else find_champion(name, challenger, root)
    except NothingToWeigh as error:
        if not error.nothing_new:
            raise
        announce(outcome="NOTHING NEW")
        print(error)
        return 0
    scale = scale_of(challenger, champion, root)
    weighed = weigh(scale)
    write(weighed, scale, args.out)
    announce(outcome=weighed.verdict.outcome, evidence=weighed.context.evidence)
    print("\n".join(lines(weighed.verdict, weighed.context, str(args.out / REPORT))))
    return 0 if weighed.context.accepted is not None else EXIT_CODES[weighed.verdict.outcome]


def _self_test(challenger: Contender, root: Path) -> int:
    """Judge planted models; 3 where one gets a verdict that it may not get."""
    from weighlock.outcome import announce
    from weighlock.weighing.self_test import self_test
    from weighlock.weighing.weigh import scale_of

    judge = scale_of(challenger, challenger, root).judge
    tests = self_test(
        challenger.predictions,
        judge.policy,
        judge.units,
        lambda new, old: judge.verdict(judge.judge(new, old), conditions=()),
    )
    for test in tests:
        word = "ok" if test.ok else "WRONG"
        allowed = " or ".join(test.allowed)
        gain = "" if test.gain is None or test.error is None else f"  gain {test.gain:+.4f} ± {test.error:.4f}"
        print(f"{word:<6} {test.name:<28} {test.outcome or 'not planted':<13} may get {allowed}{gain}")
        if test.reason:
            print(f"       {test.reason}")
    passed = all(test.ok for test in tests)
    announce(outcome="PASS" if passed else "FAIL")
    return 0 if passed else EXIT_CODES["FAIL"]
