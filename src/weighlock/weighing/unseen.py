"""Which of a released version's two models has not seen the holdout: the served one, its weighed twin, or neither."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from weighlock.config import parse
from weighlock.errors import ConfigError, EvidenceError
from weighlock.layout import PART_FILES, ROW_ID
from weighlock.params import SplitParams
from weighlock.times import minute
from weighlock.weighing.holdout import FILE

if TYPE_CHECKING:
    import pandas as pd

    from weighlock.revisions import Revision
    from weighlock.scoring import Signature
    from weighlock.weighing.holdout import Holdout
    from weighlock.weighing.predictions import Predictions

Which = Literal["weighed", "served"]
TRAINED_ON = {"weighed": ("train", "validation"), "served": ("train", "validation", "holdout")}


@dataclass(frozen=True)
class Choice:
    """The model that may be compared, and why it is this one."""

    which: Which
    why: str


def first_row(predictions: Predictions) -> pd.Timestamp | None:
    """The instant of the oldest row; None where rows have no time."""
    return predictions.frame["time"].min() if "time" in predictions.frame else None


def is_before(trained_until: str, first: pd.Timestamp) -> bool:
    """Whether a training ended before the holdout's first row.

    `trained_until` is cut to the minute, so the row's instant is too: within one minute nobody knows which came first.
    """
    import pandas as pd

    return bool(pd.Timestamp(trained_until).floor("min") < first.floor("min"))


def choose(
    name: str,
    served: Signature | None,
    weighed: Signature,
    revision: Revision,
    holdout: Holdout,
    first: pd.Timestamp | None,
) -> Choice:
    """The served model where its training ended before the holdout starts; else its weighed twin if it left them out.

    A twin has left them out where its training ended before the holdout starts; where its own holdout was this very
    file; where both trees split by the same hash (a row that is in this holdout was in that one, or was not there); or
    where its training rows, read from DVC, share no key and no group with the holdout.

    Args:
        name: the champion's, for messages.
        served: the served model's signature; None where it is the challenger's weighed model, so that it would be
            compared with itself.
        weighed: the weighed model's signature.
        revision: where both are from.
        holdout: the challenger's.
        first: the instant of its oldest row; None where rows have no time.

    Raises:
        EvidenceError: both have seen it, or nothing shows that they have not.
    """
    if served is not None and _ended_before(served, first):
        return Choice("served", f"the served model: {_until(served)}, before the holdout's first row{_at(first)}")
    ended = _until(served) if served is not None else "the same recipe on the same rows"
    not_served = (
        "the weighed twin, for the served model may have seen the holdout"
        if served is not None
        else "the weighed twin, for the served model is the very one that is weighed now"
    )
    if _ended_before(weighed, first):
        return Choice("weighed", f"{not_served}: {ended}, the twin {_until(weighed)}, and {_rows(first)}")
    if revision.digests.get(FILE) == holdout.md5:
        return Choice("weighed", f"{not_served}; this holdout is the twin's own")
    if not holdout.ordered:
        if same_hash(revision, holdout):
            by = holdout.params.split.by
            return Choice("weighed", f"{not_served}; both split by the same {by}, which kept these rows from the twin")
        if _disjoint(revision, holdout):
            return Choice("weighed", f"{not_served}; the twin's training rows share no key and no group with it")
    dates = f"its served model: {ended}; its weighed twin: {_until(weighed)}; {_rows(first)}"
    how = (
        "Use newer rows (`data.window`) or a shorter `split.holdout`"
        if holdout.ordered
        else "Split both by the same hash or group, or fetch its rows (`dvc fetch`) to show that they are others"
    )
    raise EvidenceError(
        f"`{name}` cannot be weighed on this holdout, which both of its models may have seen: {dates}. {how}, or give "
        "its predictions as a file, made by a model that never saw these rows."
    )


def same_hash(revision: Revision, holdout: Holdout) -> bool:
    """Whether both trees split by a hash of the same names into the same shares."""
    import yaml

    if holdout.params.split.by == "time":
        return False
    try:
        params, schema = (yaml.safe_load(revision.text(file)) for file in ("params.yaml", "schema.yaml"))
        split = parse(params["split"], SplitParams, "split")
        names = (schema.get("key"), schema.get("group"))
    except (EvidenceError, ConfigError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        return False  # what cannot be read shows nothing
    return split == holdout.params.split and names == (holdout.schema.key, holdout.schema.group)


def _disjoint(revision: Revision, holdout: Holdout) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = [holdout.schema.key or ROW_ID, *([holdout.schema.group] if holdout.schema.group else [])]
    try:
        for part in TRAINED_ON["weighed"]:
            content = io.BytesIO(revision.data(PART_FILES[part]))
            rows: Any = pq.read_table(content, columns=columns).to_pandas()
            if any(rows[c].astype(str).isin(set(holdout.rows[c].astype(str))).any() for c in columns):
                return False
    except (EvidenceError, pa.ArrowException, KeyError):
        return False  # as above
    return True


def _ended_before(signature: Signature, first: pd.Timestamp | None) -> bool:
    return first is not None and signature.trained_until is not None and is_before(signature.trained_until, first)


def _until(signature: Signature) -> str:
    until = signature.trained_until
    return f"trained up to {until}" if until else "trained up to a time that its signature does not say"


def _at(first: pd.Timestamp | None) -> str:
    return f" ({minute(first)})" if first is not None else ""


def _rows(first: pd.Timestamp | None) -> str:
    return "the holdout's rows have no time" if first is None else f"the holdout's first row is of {minute(first)}"
