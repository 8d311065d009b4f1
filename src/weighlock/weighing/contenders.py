"""Who is weighed: the challenger and the champion, as a user names them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from weighlock.errors import EvidenceError, WeighlockError
from weighlock.files import file_digest
from weighlock.layout import MODEL, PREDICTIONS, SERVED, SIGNATURE, WEIGHED
from weighlock.releases.record import is_version, path_of
from weighlock.revisions import Tree, find_commit
from weighlock.scoring import RESULT_THREADS, Scorer, read_signature
from weighlock.weighing.contender import Contender, Digests, left_out, require_another, require_order, score_holdout
from weighlock.weighing.holdout import Holdout, read_holdout
from weighlock.weighing.predictions import Predictions, matched, read_predictions
from weighlock.weighing.versions import of_release, of_revision

FILES = {".parquet", ".csv"}


def find_challenger(name: str | None, root: Path) -> Contender:
    """The challenger: the working tree's model, or the prediction file or model folder of that name.

    Args:
        name: None for the working tree.
        root: where `params.yaml` is.

    Raises:
        ConfigError: a folder's or the tree's model needs `params.yaml` and `schema.yaml`, and they do not fit.
        EvidenceError: something is missing, torn, of another model or holdout than the rest, or was trained on the
            holdout.
        DataError: a value in the predictions or rows is not what it should be.
    """
    if name is None:
        return _tree(root)
    path = Path(name)
    if _is_file(path):
        predictions = read_predictions(path)
        found = Contender(name, "file", predictions, "its predictions", holdout=_holdout_of(predictions, root))
    elif _is_model(path):
        scorer, holdout = Scorer.load(path, threads=RESULT_THREADS), read_holdout(root)
        predictions = holdout.predictions(scorer, name)
        found = Contender(name, "folder", predictions, "the model of that folder", scorer=scorer, holdout=holdout)
        _refuse_served(found, root)
    else:
        raise EvidenceError(
            f"`{name}` is neither a prediction file nor a folder with `{MODEL}` and `{SIGNATURE}`. Leave the "
            "challenger out to weigh the working tree's model."
        )
    return replace(found, unseen=left_out(found, found))


def find_champion(name: str, challenger: Contender, root: Path) -> Contender:
    """The champion: a prediction file, a model folder, a release (`v7`) or a git revision, on the challenger's rows.

    Of a release or revision it is the served model where its training ended before the holdout starts, else its
    weighed twin where that one has not seen the holdout (`unseen.choose`).

    Raises:
        EvidenceError: there is no such champion, its evidence is missing, torn or of another model, it has seen the
            holdout, it cannot score the challenger's rows, or it was trained later than the challenger.
        NothingToWeigh: it is the challenger.
        DataError: a value in its predictions is not what it should be.
    """
    path = Path(name)
    if _is_file(path):
        found = Contender(name, "file", read_predictions(path), "its predictions")
    elif _is_model(path):
        scorer = Scorer.load(path, threads=RESULT_THREADS)
        require_another(name, {scorer.signature.digest}, challenger)
        predictions = score_holdout(scorer, challenger, name)
        found = Contender(name, "folder", predictions, "the model of that folder", scorer=scorer)
    elif is_version(name) and (root / path_of(name)).is_file():
        found = of_release(name, challenger, root)
    elif commit := find_commit(name, root):
        found = of_revision(name, commit, challenger, root)
    else:
        raise EvidenceError(
            f"`{name}` is no prediction file, no folder with `{MODEL}` and `{SIGNATURE}`, no release in `releases/` "
            "and no git revision of this repository. Mend the name, or say `none` for a first release."
        )
    found = replace(found, predictions=matched(challenger.predictions, found.predictions))
    if found.unseen is None:
        found = replace(found, unseen=left_out(found, challenger))
    require_order(found, challenger)
    return found


def _tree(root: Path) -> Contender:
    holdout = read_holdout(root)
    predictions = read_predictions(root / PREDICTIONS)
    weighed = Scorer.load(root / WEIGHED, threads=RESULT_THREADS)
    served = read_signature(root / SERVED / SIGNATURE)
    holdout.check(predictions)
    if predictions.model != weighed.signature.digest:
        raise EvidenceError(f"`{PREDICTIONS}` is of another model than `{WEIGHED}/{MODEL}`. Run `dvc repro` first.")
    model = root / SERVED / MODEL
    if not model.is_file() or file_digest(model) != served.digest:
        raise EvidenceError(f"`{model}` is missing or not what its signature describes. Run `dvc repro` first.")
    return Contender(
        "the working tree", "tree", predictions, "the weighed model, whose training left the holdout out",
        which="weighed", scorer=weighed, digests=Digests(weighed.signature.digest, served.digest), unseen=True,
        holdout=holdout, source=Tree(root),
    )  # fmt: skip


def _is_file(path: Path) -> bool:
    """A missing one too, so that it is told as missing and not as a revision that is not there."""
    return path.is_file() or path.suffix in FILES


def _is_model(folder: Path) -> bool:
    return (folder / MODEL).is_file() or (folder / SIGNATURE).is_file()


def _holdout_of(predictions: Predictions, root: Path) -> Holdout | None:
    """The tree's rows, where the predictions are of them."""
    try:
        holdout = read_holdout(root)
        holdout.check(predictions)
    except WeighlockError:
        return None
    return holdout


def _refuse_served(challenger: Contender, root: Path) -> None:
    """The tree's served model has seen every row, also where no time tells so."""
    try:
        weighed, served = (read_signature(root / folder / SIGNATURE).digest for folder in (WEIGHED, SERVED))
    except EvidenceError:
        return  # no tree with a result: a model from elsewhere
    if challenger.predictions.model == served != weighed:
        raise EvidenceError(
            f"`{challenger.name}` is the tree's served model, which was trained on the holdout too. Weigh its twin in "
            f"`{WEIGHED}`: leave the challenger out."
        )
