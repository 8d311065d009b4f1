"""Performance, once labels are in: not how high the loss is, but what a retraining would take off it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from weighlock.decisions.watch import LEAST_DAYS, Gain
from weighlock.statistics.difference import difference
from weighlock.statistics.drift_concept import correction_gain
from weighlock.statistics.metrics import Scored, find_metric
from weighlock.statistics.paired import Units

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from weighlock.scoring import Signature
    from weighlock.watching.counts import Bins
    from weighlock.watching.rows import Rows

COVERED = 0.5  # of a day's predictions that have to have a truth
LEAST_ROWS = 100  # for a correction to be learnt
BANDS = 8  # that numbers are put into
# the features of n rows -> their scores
Twin = Callable[["pd.DataFrame"], "NDArray[Any]"]


@dataclass(frozen=True)
class Labelled:
    """The watched model's rows whose truth is known, of the newest days that are mostly labelled.

    Attributes:
        day: (n,) numbers of days.
        features: (n, k).
        scored: the champion's scores and the truth.
        notes: why there are none, or fewer.
    """

    day: NDArray[np.int64]
    features: pd.DataFrame
    scored: Scored
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.day)


def labelled_rows(rows: Rows, signature: Signature, days: int) -> Labelled:
    """The watched model's labelled rows of at most so many days, the newest that have labels for half of their rows."""
    scores = np.column_stack(list(rows.scores.values()))
    own = rows.own & ~np.isnan(scores).any(axis=1)
    known = own & ~np.isnan(rows.truth)
    found, place = np.unique(rows.day[own], return_inverse=True)
    share = np.bincount(place, weights=known[own]) / np.maximum(np.bincount(place), 1) if len(found) else found
    covered = found[share >= COVERED][-days:]
    chosen = known & np.isin(rows.day, covered)
    truth = rows.truth[chosen]
    kept = scores[chosen] if signature.task == "multiclass" else scores[chosen, 0]
    typed = truth if signature.task == "regression" else truth.astype(np.int64)
    notes: tuple[str, ...] = ()
    if len(covered) < LEAST_DAYS:
        notes = (
            (
                f"{int(known.sum()):,} of {int(own.sum()):,} predictions have labels, on {len(covered)} days for half "
                f"of them or more: too few to tell how the model does (it takes {LEAST_DAYS}); `weighlock label` joins "
                "them"
            ),
        )
    return Labelled(
        rows.day[chosen], rows.features[chosen], Scored(signature.task, typed, kept, signature.threshold), notes
    )


def gains_of(
    longest: Labelled,
    longer: Labelled,
    metric: str,
    bins: Mapping[str, Bins],
    twin: Twin | None,
    counts: Callable[[str], bool],
) -> tuple[Gain, ...]:
    """What the same recipe, trained up to these rows, would gain, and what a correction by each feature would.

    Args:
        longest: rows of `watch.regret`, on which the twin is tried.
        longer: rows of twice the window's days, from which corrections are learnt.
        metric: the primary one, by which the twin is compared.
        bins: of features, by whose categories or bins scores are corrected; for binary tasks alone.
        twin: scores rows as the recipe would that was trained up to them; None: not looked at.
        counts: whether the model makes enough of a feature for a correction by it to be tried.
    """
    if len(np.unique(longer.day)) < LEAST_DAYS:
        return ()
    gains = []
    champion = longest.scored
    if twin is not None:
        challenger = Scored(champion.task, champion.truth, twin(longest.features), champion.threshold)
        units = Units.days(longest.day)
        gains.append(Gain("", difference(find_metric(metric, champion.task), challenger, champion, units)))
    if champion.task == "binary" and len(longer) >= LEAST_ROWS and len(np.unique(longer.scored.truth)) > 1:
        gains += [
            Gain(str(name), correction_gain(longer.scored, _groups(longer.features[name], bins[str(name)]), longer.day))
            for name in longer.features.columns
            if str(name) in bins and counts(str(name))
        ]
    return tuple(gains)


def _groups(values: pd.Series, bins: Bins) -> NDArray[np.intp]:
    """Categories as they are; bins of numbers by neighbours, until there are at most eight."""
    places = bins.places(values)
    if bins.centres is None:
        return np.asarray(np.unique(places, return_inverse=True)[1])
    missing = len(bins.centres)
    width = -(-missing // BANDS)
    return np.asarray(np.unique(np.where(places == missing, BANDS, places // width), return_inverse=True)[1])
