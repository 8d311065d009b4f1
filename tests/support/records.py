"""Release records, whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weighlock.releases.record import Release


def make_release(version: str = "v1", **change: Any) -> Release:
    """A whole record; `change` replaces sections."""
    from weighlock.releases.record import Artifact, Data, Judged, Release

    def artifact(digit: str) -> Artifact:
        return Artifact(
            digest=f"sha256:{digit * 64}", signature=f"sha256:{'e' * 64}", trained_until="2013-08-04T03:59Z",
            files={"models/served/model.onnx": digit * 32},
        )  # fmt: skip

    release = Release(
        version=version,
        name="flights",
        at="2026-01-31T05:15:00Z",
        by="Ada <ada@example.org>",
        commit="c" * 40,
        lock=f"sha256:{'1' * 64}",
        params=f"sha256:{'2' * 64}",
        data=Data(start="2013-01-01", end="2013-08-31", outputs={"data/valid.parquet": "3" * 32}),
        weighed=artifact("a"),
        served=artifact("b"),
        metrics={"log_loss": 0.5, "roc_auc": 0.7},
        verdict=Judged(outcome="PASS", bootstrap=True, evidence=f"sha256:{'4' * 64}", champion=None),
        evidence={f"releases/evidence/{version}/gate.json": f"sha256:{'5' * 64}"},
        bento=None,
        image=f"registry.example.org/flights@sha256:{version[1:].zfill(64)}",
    )
    return release.model_copy(update=change)
