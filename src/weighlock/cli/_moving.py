"""What `promote`, `advance` and `rollback` share: their arguments, and what they print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from weighlock.deployment.desk import Done, How


def how_arguments(parser: argparse.ArgumentParser, *, reason: str = "why, for the commit") -> None:
    """Add the arguments that say how a move is made."""
    parser.add_argument("--reason", help=reason)
    parser.add_argument("--dry-run", action="store_true", help="show what it would change")
    parser.add_argument("--push", action="store_true", help="push the commit to the branch that this one follows")
    parser.add_argument("--offline", action="store_true", help="do not ask the remote whether it has moved")
    parser.set_defaults(root=Path.cwd())


def how_of(args: argparse.Namespace) -> How:
    """Those arguments."""
    from weighlock.deployment.desk import How

    return How(reason=args.reason, dry_run=args.dry_run, push=args.push, offline=args.offline, tell=tell)


def tell(done: Done) -> None:
    """Print what came of a move, and write it to `$GITHUB_OUTPUT`."""
    from weighlock.outcome import announce

    print("\n".join(lines(done)), flush=True)
    if done.commit:
        announce(commit=done.commit, subject=done.subject)


def lines(done: Done) -> list[str]:
    """What came of a move, for a terminal."""
    from weighlock.deployment.wording import described

    if done.completed:
        return [
            f"{(done.commit or '')[:9]}  {done.subject}",
            "An earlier run of this command made that commit and was killed; it is complete now. Nothing else changed.",
            *_where(done),
        ]
    if done.move is None or done.move.idle:
        return [
            f"{done.subject}; nothing to do.",
            *_notes(done),
            *([f"Pushed to {done.pushed}."] if done.pushed else []),
        ]
    head = f"{done.commit[:9]}  {done.subject}" if done.commit else f"Would commit: {done.subject}"
    move = done.move
    rendered = f"and {len(done.rendered)} rendered file{'s' * (len(done.rendered) != 1)}:" if done.rendered else ""
    return [
        head,
        f"  {described(move.before)} → {described(move.after)}",
        *_notes(done),
        "",
        done.diff,
        *([rendered] if rendered else []),
        *(f"  {path}" for path in done.rendered),
        *_where(done),
    ]


def _where(done: Done) -> list[str]:
    if done.pushed:
        return ["", f"Pushed to {done.pushed}."]
    return ["", "It is in this clone alone: `git push` it, or open a pull request."] if done.commit else []


def _notes(done: Done) -> list[str]:
    return [f"  note: {note}" for note in done.notes]
