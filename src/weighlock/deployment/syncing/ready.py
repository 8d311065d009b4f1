"""Is a service ready, and the model that git names? Asked of the service itself."""

from __future__ import annotations

import re
import urllib.request
from typing import Any

from weighlock.deployment.syncing.runner import Job
from weighlock.errors import EvidenceError
from weighlock.serving.smoke import ask

_INFO = re.compile(r'^weighlock_model_info\{([^}]*)\} 1(\.0)?$', re.MULTILINE)  # fmt: skip
_LABEL = re.compile(r'(\w+)="([^"]*)"')


def wrong(job: Job, key: str | None) -> str:
    """What is not as it should be, in words; empty where the service is ready and says that it is this very model.

    Without an API key, the service's metrics say which model it is: they are open to this machine alone.
    """
    url = f"http://127.0.0.1:{job.instance.port}"
    try:
        status, _ = ask(f"{url}/readyz", None)
        if status != 200:
            return f"/readyz gives {status}"
        status, told = ask(f"{url}/v1/model", key)
        if status in {401, 403}:
            told = _metrics(url)
        elif status != 200:
            return f"/v1/model gives {status}"
    except (EvidenceError, OSError) as error:
        return str(error)
    return _other(job, told if isinstance(told, dict) else {})


def _other(job: Job, told: dict[str, Any]) -> str:
    wanted = {"name": job.name, "version": job.instance.version, "digest": job.digest}
    if "signature_digest" in told:
        wanted["signature_digest"] = job.signature
    for key, value in wanted.items():
        if told.get(key) != value:
            return f"its `{key}` is {told.get(key)}, and should be {value}"
    return ""


def _metrics(url: str) -> dict[str, str]:
    with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:  # noqa: S310  (this machine's)
        match = _INFO.search(answer.read().decode())
    return dict(_LABEL.findall(match[1])) if match else {}
