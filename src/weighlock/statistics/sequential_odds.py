"""Two streams of yes and no, compared stretch by stretch: an always-valid confidence sequence of their odds ratio.

What both streams said between two looks is a stratum: how often each was asked, and how often each said yes. Given a
stratum's total of yeses, how many are the candidate's hangs on the odds ratio alone (Fisher's noncentral hypergeometric
distribution): a rate that differs from hour to hour, as with an outage behind both, cancels. The product of these
conditional likelihoods over the strata, mixed over the odds ratios that speak against a hypothesis and divided by the
hypothesis' own, is a test martingale (Robbins, 1970; with conditioning on totals as in Turner & Grünwald, 2023).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from weighlock.statistics.sequential import enough, log_sum

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weighlock.statistics.sequential import Floats

    Counts = NDArray[np.int64]

STEP = 0.05
_SIDE = 160
LOG_ODDS = np.arange(-_SIDE, _SIDE + 1) * STEP  # (321,) from -8 to 8
_AWAY = 60  # grid steps from a hypothesis to the farthest alternative that is bet on: a log odds ratio of 3
_SPREAD = 0.8  # of a half normal of log odds ratios: what is bet on is mostly 1.2 to 4 times
_CELLS = 4_000_000
LEAST = 5  # requests of each arm in a stratum: fewer tell next to nothing once their yeses are known


@dataclass(frozen=True)
class Strata:
    """What two streams said, stretch by stretch, in order.

    Attributes:
        candidate: (s,) how often the candidate was asked.
        candidate_yes: (s,) how often it said yes.
        stable, stable_yes: (s,) the same of the stable one.
    """

    candidate: Counts
    candidate_yes: Counts
    stable: Counts
    stable_yes: Counts

    def totals(self) -> tuple[int, int, int, int]:
        """All stretches as one, in the order of the attributes."""
        return tuple(int(c.sum()) for c in (self.candidate, self.candidate_yes, self.stable, self.stable_yes))  # type: ignore[return-value]

    def merged(self, least: int = LEAST) -> Strata:
        """The same in stretches long enough that each arm was asked `least` times; a last one that is not is left out.

        Where a stretch ends hangs on how often was asked, never on the answers, so that nothing is chosen by them.
        """
        ends: list[int] = []
        asked = [0, 0]
        for place, (new, old) in enumerate(zip(self.candidate.tolist(), self.stable.tolist(), strict=True)):
            asked = [asked[0] + new, asked[1] + old]
            if min(asked) >= least:
                ends.append(place + 1)
                asked = [0, 0]
        starts = np.array([0, *ends[:-1]], dtype=np.int64)

        def added(counts: Counts) -> Counts:
            return np.add.reduceat(counts[: ends[-1]], starts) if ends else counts[:0]

        return Strata(*(added(c) for c in (self.candidate, self.candidate_yes, self.stable, self.stable_yes)))


def log_likelihoods(strata: Strata) -> Floats:
    """(s, 321): of each stratum given its total of yeses, at each of `LOG_ODDS`.

    Raises:
        ValueError: a count is negative, or more said yes than were asked.
    """
    from scipy.special import gammaln

    n1, k1, n0, k0 = strata.candidate, strata.candidate_yes, strata.stable, strata.stable_yes
    if any((k < 0).any() or (k > n).any() for n, k in ((n1, k1), (n0, k0))):
        raise ValueError("a stratum has fewer requests than yeses, or a negative count")
    total = k1 + k0
    first = np.maximum(0, total - n0)
    width = np.minimum(n1, total) - first + 1
    found = np.zeros((len(n1), len(LOG_ODDS)))

    def choices(n: Counts, k: Counts) -> Floats:
        return np.asarray(gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0))

    for rows in _chunks(width):
        columns = np.arange(int(width[rows].max()))
        # beyond the support counts are clipped, so that nothing is undefined, and weigh nothing
        inside = columns < width[rows, None]
        k = np.where(inside, first[rows, None] + columns, first[rows, None])
        weight = choices(n1[rows, None], k) + choices(n0[rows, None], total[rows, None] - k)
        weight = np.where(inside, weight, -np.inf)
        own = (choices(n1[rows], k1[rows]) + choices(n0[rows], k0[rows]))[:, None] + k1[rows, None] * LOG_ODDS
        step = max(1, _CELLS // weight.size)
        for start in range(0, len(LOG_ODDS), step):
            odds = LOG_ODDS[start : start + step]
            sums = log_sum(weight[:, :, None] + k[:, :, None] * odds, axis=1)
            found[rows, start : start + step] = own[:, start : start + step] - sums
    return found


def log_evidence(likelihoods: Floats, border: float = 0.0) -> Floats:
    """(…,) log e-value that the odds ratio is above exp(border), against all that it is not.

    Args:
        likelihoods: (…, 321) sums over strata of `log_likelihoods`.
        border: a log odds ratio from -8 to 5; between two grid points the upper one is tested.
    """
    place = int(np.searchsorted(LOG_ODDS, border - 1e-9))
    if place + _AWAY >= len(LOG_ODDS):
        raise ValueError(f"a log odds ratio of {border} is beyond the grid")
    against = likelihoods[..., place + 1 : place + 1 + _AWAY] + _prior()
    return log_sum(against) - likelihoods[..., place]


def log_evidence_below(likelihoods: Floats, border: float = 0.0) -> Floats:
    """(…,) the same that it is below exp(border)."""
    return log_evidence(likelihoods[..., ::-1], -border)


def odds_bounds(likelihoods: Floats, alpha: float) -> tuple[float, float]:
    """The lower and upper bound of the log odds ratio, each one-sided at `alpha`; -inf and inf where there is none.

    Args:
        likelihoods: (321,) the sum over all strata.
        alpha: how often a bound may ever be wrong.
    """
    return _lower(likelihoods, alpha), -_lower(likelihoods[::-1], alpha)


def _lower(likelihoods: Floats, alpha: float) -> float:
    windows = np.lib.stride_tricks.sliding_window_view(likelihoods[1:], _AWAY)
    rejected = log_sum(windows + _prior()) - likelihoods[: len(windows)] >= enough(alpha)
    count = len(rejected) if rejected.all() else int(np.argmin(rejected))
    return float(LOG_ODDS[count - 1]) if count else -np.inf


def _prior() -> Floats:
    distance = np.arange(1, _AWAY + 1) * STEP
    weight = np.exp(-0.5 * (distance / _SPREAD) ** 2)
    return np.asarray(np.log(weight / weight.sum()))


def _chunks(width: Counts) -> Iterator[Counts]:
    """Strata of similar support, few enough at once for the memory."""
    order = np.argsort(width, kind="stable")
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and (end + 1 - start) * width[order[end]] * len(LOG_ODDS) <= _CELLS:
            end += 1
        yield order[start:end]
        start = end
