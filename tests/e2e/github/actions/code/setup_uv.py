"""astral-sh/setup-uv with a warm cache: the environment that `make env` would make is the tests' own.

The checkout's `.venv` is a folder whose parts are links to the tests' environment, with a stamp as new as the
checkout, so that `make env` has nothing to do; modules come from the checkout. With STANDIN_COLD it does nothing, and
`make env` installs everything.
"""

import os
import sys
from pathlib import Path

from common import WORKSPACE, put

environment = WORKSPACE / ".venv"
warm = not os.environ.get("STANDIN_COLD")
if warm and (WORKSPACE / "requirements.lock").exists() and not environment.exists():
    environment.mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (environment / name).symlink_to(Path(sys.prefix) / name)
    (environment / ".installed").touch()
if warm:
    put("GITHUB_ENV", PYTHONPATH=str(WORKSPACE / "src"))
put("GITHUB_OUTPUT", cache_hit="true", uv_version=os.environ.get("IN_VERSION", ""))
print(f"uv; .venv of {sys.prefix}")
