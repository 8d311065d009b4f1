"""What a release keeps of the gate's verdict: all that its evidence is of, and nobody's row."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from weighlock.errors import EvidenceError
from weighlock.files import to_json
from weighlock.releases import evidence
from weighlock.releases.acceptance import evidence_digest


def test_rows_that_turned_do_not_go_into_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "COPIED", {})
    verdict = {"outcome": "PASS", "flips": [{"key": "k1", "features": {"name": "Ada"}}], "checks": []}
    verdict["evidence"] = evidence_digest(verdict)
    path = tmp_path / "gate.json"
    path.write_text(to_json(verdict))

    kept = evidence.gather(tmp_path, path, {})["gate.json"]

    assert b"Ada" not in kept
    assert json.loads(kept)["evidence"] == evidence_digest(json.loads(kept))
    path.write_text("[]")
    with pytest.raises(EvidenceError, match="is no verdict"):
        evidence.gather(tmp_path, path, {})
