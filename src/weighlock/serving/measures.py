"""What the service measures: the names of its series, and how its parts count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighlock.serving.metrics import Family, Labels, Metrics
from weighlock.serving.problems import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from weighlock.scoring import Signature
    from weighlock.serving.settings import Identity

ENDPOINTS = ("predict", "feedback", "model", "healthz", "readyz", "metrics", "docs", "openapi", "other")
STATUSES = tuple(sorted({200, *(kind.status for kind in KINDS.values())}))
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LAG = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
BATCH = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1024.0)
PROBABILITY = tuple(round(i * 0.05, 2) for i in range(1, 20))


class Measures:
    """The service's series, by what they measure."""

    def __init__(self, signature: Signature, model: Identity, golden: Sequence[float], folder: Path | None) -> None:
        """Lay the series out.

        Args:
            signature: whose classes and features are labels.
            model: which model; its version is a label of all that hangs on it.
            golden: scores of the golden rows: regression has its buckets between them.
            folder: where all workers of a service count; None: there is one.
        """
        version: Labels = (("model_version", model.version),)
        self.edges = PROBABILITY if signature.task != "regression" else quantiles(golden)
        self.labels = signature.classes or ()
        answers = tuple((("endpoint", e), ("status", str(s))) for e in ENDPOINTS for s in STATUSES)
        timed = tuple((("endpoint", e),) for e in ("predict", "feedback"))
        flags = tuple(
            (*version, ("flag", flag), ("field", f.name))
            for f in signature.features
            for flag in ("range", "unseen")
            if (flag == "unseen") == (f.type == "category")
        )
        labelled = tuple((*version, ("label", name)) for name in self.labels)
        about = (("name", model.name), ("version", model.version), ("digest", model.digest))
        self.metrics = Metrics(
            [
                Family("weighlock_requests_total", "counter", "Requests by endpoint and status.", answers, sparse=True),
                Family("weighlock_request_seconds", "histogram", "Time to answer.", timed, SECONDS),
                Family("weighlock_in_progress", "gauge", "Requests that are being scored."),
                Family("weighlock_rows_total", "counter", "Rows answered.", (version,)),
                Family("weighlock_batch_rows", "histogram", "Rows scored at once.", (version,), BATCH),
                Family("weighlock_score", "histogram", "Scores; of multiclass, the label's.", (version,), self.edges),
                Family("weighlock_labels_total", "counter", "Rows by the label they got.", labelled),
                Family("weighlock_flags_total", "counter", "Values out of range or unseen.", flags),
                Family("weighlock_feedback_total", "counter", "Truths received.", (version,)),
                Family("weighlock_log_failures_total", "counter", "Requests whose rows could not be logged."),
                Family("weighlock_event_loop_lag_seconds", "histogram", "How late a worker wakes up.", ((),), LAG),
                Family("weighlock_workers", "gauge", "Workers that are alive."),
                Family("weighlock_model_info", "gauge", "The model that answers.", (about,), constant=1.0),
            ],
            folder,
        )
        place = self.metrics.place
        self.requests = {(e, s): place("weighlock_requests_total", endpoint=e, status=str(s))
                         for e in ENDPOINTS for s in STATUSES}  # fmt: skip
        self.seconds = {e: place("weighlock_request_seconds", endpoint=e) for e in ("predict", "feedback")}
        self.in_progress = place("weighlock_in_progress")
        self.rows = place("weighlock_rows_total", **dict(version))
        self.batch = place("weighlock_batch_rows", **dict(version))
        self.score = place("weighlock_score", **dict(version))
        self.label = {name: place("weighlock_labels_total", **dict(version), label=name) for name in self.labels}
        self.flag = {f"{dict(s)['flag']}:{dict(s)['field']}": place("weighlock_flags_total", **dict(s)) for s in flags}
        self.feedback = place("weighlock_feedback_total", **dict(version))
        self.log_failures = place("weighlock_log_failures_total")
        self.lag = place("weighlock_event_loop_lag_seconds")
        self.metrics.set(place("weighlock_workers"), 1.0)

    def answered(self, endpoint: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self.metrics.add(self.requests[endpoint, status])
        if endpoint in self.seconds:
            self.metrics.observe(self.seconds[endpoint], SECONDS, seconds)

    def scored(self, scores: Sequence[float], labels: Sequence[str]) -> None:
        """Count rows, their scores (for multiclass, that of the label) and their labels."""
        metrics = self.metrics
        metrics.add(self.rows, float(len(scores)))
        metrics.observe_all(self.score, self.edges, scores)
        for label, place in self.label.items():
            metrics.add(place, float(labels.count(label)))

    def flagged(self, flags: Sequence[str]) -> None:
        """Count a row's flags."""
        for flag in flags:
            self.metrics.add(self.flag[flag])


def quantiles(scores: Sequence[float]) -> tuple[float, ...]:
    """Up to nine values between which the scores are spread evenly."""
    ordered = sorted(scores)
    return tuple(sorted({ordered[len(ordered) * i // 10] for i in range(1, 10)})) if ordered else ()
