"""The command line: parse, call, print. Each command's module is loaded only when it is called."""

from __future__ import annotations

import argparse
import importlib
import sys

from weighlock import __version__
from weighlock.errors import WeighlockError

# command -> what it does; its module is weighlock.cli.<command>, with `arguments(parser)` and `run(args)`.
COMMANDS = {
    "stage": "run one stage of the pipeline, as `dvc repro` does",
    "summary": "show what the last run made, in the terminal",
    "compare": "say whether two results are identical, equivalent or different",
    "gate": "weigh the challenger against the champion: PASS, FAIL or INCONCLUSIVE",
    "github": "tell GitHub: a comment, a status, a pull request, an issue, a dispatch",
    "reproduce": "run the pipeline of a branch, and say whether its `dvc.lock` is what comes out",
    "proposal": "weigh a pull request with main's code: fetch, weigh, post",
    "judge": "say whether a candidate goes on, waits or goes back: ADVANCE, HOLD or ROLLBACK",
    "accept": "let an INCONCLUSIVE through, with a reason that a reviewer reads",
    "release": "record a challenger that passed as the next version, in one commit",
    "card": "render a release's model card from its evidence",
    "fetch": "get a release's model back, wherever it still is, or rebuild it",
    "promote": "bring a release into an environment, with one commit",
    "advance": "bring an environment's candidate to its next step, with one commit",
    "rollback": "take a candidate away, or go back to the release before, with one commit",
    "status": "show what git wants to run, and whether that is what answers",
    "history": "show who changed an environment, when and why",
    "audit": "verify in git's history that records are untouched and promotions were allowed",
    "verify": "see that models and images are the records' own, and signed by this repository",
    "site": "build static pages of what runs where, since when and why",
    "track": "log the result to MLflow, once",
    "init": "turn your own CSV or Parquet into a working setup",
    "log": "compact and print the prediction log, and erase a person from it",
    "retrain": "move the window to the newest complete data, train, weigh, and write the pull request",
    "replay": "live a time that is over again, under policies, with what was known then",
    "label": "join outcomes that arrive later to the predictions of the log",
    "watch": "look at production: OK, WARN, RETRAIN, BROKEN or UNKNOWN",
    "looks": "keep what the watch has seen, from run to run",
    "score": "score whole Parquet or CSV files with a model",
    "render": "write environments as files for nginx, systemd and Kubernetes",
    "sync": "make this machine run what git wants, without a failed request",
    "keys": "make, list and revoke the keys that open the service",
    "serve": "answer requests with a model, over HTTP",
    "smoke": "ask a running service whether it serves the right model, rightly",
    "bento": "pack a model with the service that answers for it",
    "image": "make a container image of a model, with the list of what is in it",
    "doctor": "check a fork for what the workflows need, and say how to mend it",
    "libraries": "check or write the versions that touch models",
}
INTERRUPTED = "Interrupted. What was published before is untouched; run the same command again to go on."


def main(argv: list[str] | None = None) -> int:
    """Run the command that `argv` names and return its exit code.

    A `WeighlockError` becomes its message and its exit code; anything unforeseen keeps its traceback.
    """
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(
        prog="weighlock",
        description="Nothing passes unweighed.",
        epilog="`weighlock COMMAND --help` says more.",
    )
    parser.add_argument("--version", action="version", version=f"weighlock {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, purpose in COMMANDS.items():
        command = commands.add_parser(name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}.")
        if argv[:1] == [name]:  # only the command that is called is loaded
            module = importlib.import_module(f"weighlock.cli.{name}")
            module.arguments(command)
            command.set_defaults(run=module.run)
    args = parser.parse_args(argv)
    try:
        return int(args.run(args) or 0)
    except WeighlockError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(INTERRUPTED, file=sys.stderr)
        return WeighlockError.exit_code
