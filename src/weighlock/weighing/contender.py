"""A challenger or champion with the evidence that belongs to it, and what must hold of the two of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from weighlock.errors import EvidenceError, NothingToWeigh
from weighlock.params import FILE as PARAMS
from weighlock.times import minute
from weighlock.weighing.holdout import FILE, Holdout, rescored
from weighlock.weighing.unseen import Which, first_row, is_before

if TYPE_CHECKING:
    from weighlock.revisions import Revision, Tree
    from weighlock.scoring import Scorer
    from weighlock.weighing.predictions import Predictions

Kind = Literal["tree", "file", "folder", "revision", "release"]


@dataclass(frozen=True)
class Digests:
    """Of the two models of a version, `sha256:…` each; None where they are not known."""

    weighed: str | None = None
    served: str | None = None


@dataclass(frozen=True)
class Contender:
    """A challenger or champion.

    Attributes:
        name: as the user named it; `the working tree`.
        predictions: of the holdout's rows; a champion's are on the challenger's rows, in their order.
        why: in words, which model this is, and why this one.
        which: which of a version's two models is compared; None for a file and for a single model.
        scorer: of the model that is compared; None where there are predictions alone.
        digests: of both models of a tree, revision or release.
        unseen: whether its training is known to have left the holdout out; None: it is not known.
        revision: the commit of a revision or release.
        holdout: a challenger's rows, in the order of its predictions; None where they are not to be had.
        source: where its `params.yaml` and its training rows are; None for files and single models.
    """

    name: str
    kind: Kind
    predictions: Predictions
    why: str
    which: Which | None = None
    scorer: Scorer | None = None
    digests: Digests = Digests()
    unseen: bool | None = None
    revision: str | None = None
    holdout: Holdout | None = None
    source: Tree | Revision | None = None

    @property
    def trained_until(self) -> str | None:
        """The newest row that the compared model was trained on; None where nothing says so."""
        return self.predictions.trained_until

    @property
    def models(self) -> set[str]:
        """The digest of every model that it is known to be."""
        return {d for d in (self.digests.weighed, self.digests.served, self.predictions.model) if d}

    @property
    def params_text(self) -> str | None:
        """Its `params.yaml`; None where it is not to be had."""
        try:
            return self.source.text(str(PARAMS)).decode() if self.source else None
        except (EvidenceError, UnicodeDecodeError):
            return None


def score_holdout(scorer: Scorer, challenger: Contender, name: str) -> Predictions:
    """A champion's model, named `name`, on the challenger's rows.

    Raises:
        EvidenceError: the rows are not to be had, or the model takes other features.
    """
    return rescored(scorer, require_holdout(challenger, name).rows, challenger.predictions, name)


def require_holdout(challenger: Contender, name: str) -> Holdout:
    """The challenger's rows, which the champion `name` has to score.

    Raises:
        EvidenceError: they are not to be had.
    """
    if challenger.holdout is None:
        raise EvidenceError(
            f"`{name}` is a model, which has to score the rows of `{challenger.name}`; but these are not the rows of "
            f"`{FILE}`, and there are no others. Give the champion's predictions as a file, or check out the data."
        )
    return challenger.holdout


def require_another(name: str, models: set[str], challenger: Contender, *, nothing_new: bool = False) -> None:
    """Refuse a champion `name` that is the challenger.

    Args:
        models: the champion's digests.
        nothing_new: whether the champion is a version with the challenger's weighed model and holdout.

    Raises:
        NothingToWeigh: they have a model in common.
    """
    if nothing_new:
        raise NothingToWeigh(
            f"nothing new: {challenger.name} has the weighed model and the holdout of `{name}`, as a retraining "
            "without new rows has.",
            nothing_new=True,
        )
    if models & challenger.models:
        raise NothingToWeigh(
            f"`{name}` and {challenger.name} have a model in common: nothing to weigh, it would be compared with "
            "itself. Name another challenger or champion."
        )


def left_out(contender: Contender, challenger: Contender) -> bool | None:
    """Whether a file's or single model's training left the challenger's rows out, as far as it says when it ended.

    Returns:
        True, or None where it is not known.

    Raises:
        EvidenceError: it did not; or a champion's single model does not say.
    """
    first, until = first_row(challenger.predictions), contender.trained_until
    if first is not None and until is not None:
        if is_before(until, first):
            return True
        if challenger.holdout is None or challenger.holdout.ordered:
            raise EvidenceError(
                f"`{contender.name}` was trained up to {until}, and the holdout's first row is of {minute(first)}: it "
                "may have seen what it is to be weighed on. Give one that was trained before, or newer rows."
            )
    if contender.kind == "folder" and contender is not challenger:
        reason = "does not say up to when it was trained" if until is None else "was trained on rows of the same time"
        raise EvidenceError(
            f"`{contender.name}` {reason}, so that it may have seen the holdout. Give its predictions file instead, "
            "made on rows that it never saw, or a git revision, whose data can be looked up."
        )
    return None


def require_order(champion: Contender, challenger: Contender) -> None:
    """Refuse a champion that was trained later than the challenger.

    Raises:
        EvidenceError: gives both dates.
    """
    import pandas as pd

    later, earlier = champion.trained_until, challenger.trained_until
    if later and earlier and pd.Timestamp(later) > pd.Timestamp(earlier):
        raise EvidenceError(
            f"the champion `{champion.name}` was trained up to {later}, later than the challenger, {challenger.name} "
            f"({earlier}): are challenger and champion swapped? Name them the other way round."
        )
