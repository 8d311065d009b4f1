"""Asks a running service whether it is healthy, serves the right model, and scores the golden rows as it should."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weighlock.errors import EvidenceError
from weighlock.files import read_json
from weighlock.layout import GOLDEN, SIGNATURE

TOLERANCE = 1e-5
ROWS = 20  # of a request
SECONDS = 10


@dataclass(frozen=True)
class Check:
    """What was asked, whether it held, and what was found."""

    name: str
    held: bool
    found: str


def smoke(url: str, folder: Path, key: str | None) -> Iterator[Check]:
    """Check a service against the model in a folder; checks come as they are made, and end where going on is idle.

    Args:
        url: of the service, such as http://127.0.0.1:3000.
        folder: with the `signature.json` and `golden.json` that the service should have.
        key: an API key; None: the service is open.

    Raises:
        EvidenceError: the folder holds no golden rows, or nothing answers at the URL.
    """
    wanted = read_json(folder / SIGNATURE, "dvc repro")["digest"]
    golden = read_json(folder / GOLDEN, "dvc repro")
    base = url.rstrip("/")
    for path in ("/healthz", "/readyz"):
        status, _ = ask(base + path, key)
        yield Check(path, status == 200, f"status {status}")
    status, model = ask(f"{base}/v1/model", key)
    found = model.get("digest")
    yield Check("model", found == wanted, f"{found}" if status == 200 else f"status {status}: {_said(model)}")
    if found != wanted:
        return
    worst = 0.0
    for start in range(0, len(golden["rows"]), ROWS):
        rows, scores = (golden[part][start : start + ROWS] for part in ("rows", "scores"))
        status, answer = ask(f"{base}/v1/predict", key, {"rows": rows})
        if status != 200:
            yield Check("golden rows", held=False, found=f"status {status}: {_said(answer)}")
            return
        worst = max(worst, *(_apart(p, s) for p, s in zip(answer["predictions"], scores, strict=True)))
    yield Check("golden rows", worst <= TOLERANCE, f"{len(golden['rows'])}, largest difference {worst:.1e}")


def _apart(prediction: dict[str, Any], wanted: Any) -> float:
    """The largest difference of a prediction's scores; of a regression's value, as a share where it is above 1."""
    if "scores" in prediction:
        return max(abs(float(a) - float(b)) for a, b in zip(prediction["scores"].values(), wanted, strict=True))
    if "value" in prediction:
        return abs(float(prediction["value"]) - float(wanted)) / max(1.0, abs(float(wanted)))
    return abs(float(prediction["score"]) - float(wanted))


def ask(url: str, key: str | None, content: Any = None) -> tuple[int, Any]:
    """Status and JSON body of a service's answer; with `content`, of a POST.

    Raises:
        EvidenceError: nothing answers.
    """
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    data = None if content is None else json.dumps(content).encode()
    if not url.startswith(("http://", "https://")):
        raise EvidenceError(f"`{url}` is no URL of a service, such as http://127.0.0.1:3000.")
    try:
        request = urllib.request.Request(url, data, headers)  # noqa: S310  (checked above)
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            return answer.status, _content(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, _content(error.read())
    except (OSError, ValueError) as error:
        raise EvidenceError(f"Nothing answers at `{url}`: {getattr(error, 'reason', error)}.") from error


def _content(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return {}


def _said(problem: Any) -> str:
    return str(problem.get("detail", "no reason given"))
