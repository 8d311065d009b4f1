"""What the stand-ins share: inputs, outputs and commands of the runner."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

KEPT = Path(os.environ["STANDIN_KEPT"])
WORKSPACE = Path(os.environ["GITHUB_WORKSPACE"])


def given(name: str, default: str = "") -> str:
    """An input; composite actions hand them on as IN_NAME, JavaScript ones as INPUT_NAME."""
    key = name.upper().replace("-", "_")
    for variable in (f"IN_{key}", f"INPUT_{name.upper()}", f"INPUT_{key}"):
        if os.environ.get(variable):
            return os.environ[variable].strip()
    return default


def token() -> str:
    """The input `token`; where that is the default, what the job that runs this may use."""
    own = json.loads(os.environ["STANDIN_TOKENS"]).get(os.environ["GITHUB_JOB"], "")
    common = f"ghs_run{os.environ['GITHUB_RUN_ID']}"
    return own if given("token") == common else given("token")


def lines(name: str) -> list[str]:
    """The lines of an input."""
    return [line.strip() for line in given(name).splitlines() if line.strip()]


def put(file: str, **values: str) -> None:
    """Append to one of the runner's files: GITHUB_OUTPUT, GITHUB_ENV, GITHUB_STATE."""
    with Path(os.environ[file]).open("a") as target:
        target.writelines(
            f"{name.replace('_', '-') if file == 'GITHUB_OUTPUT' else name}={value}\n" for name, value in values.items()
        )


def fail(message: str) -> None:
    """End the step, as an action does."""
    print(f"::error::{message}")
    sys.exit(1)


def run(*words: str) -> str:
    """A command of which the step depends."""
    done = subprocess.run(words, capture_output=True, text=True, cwd=WORKSPACE, check=False)
    if done.returncode:
        fail(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout.strip()


def call(method: str, path: str, token: str, body: object = None) -> dict:
    """A request to the mock."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(os.environ["GITHUB_API_URL"] + path, data, headers, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        fail(f"{method} {path}: {error.code} {error.read().decode()}")
        raise
