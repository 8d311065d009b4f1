"""actions/setup-python: a Python of that version on the PATH; the tests' own where the machine has no such."""

import os
import shutil
import sys
from pathlib import Path

from common import given, put

wanted = given("python-version", "3.11")
ours = f"{sys.version_info.major}.{sys.version_info.minor}"
found = shutil.which(f"python{wanted}") if wanted != ours else None
place = Path(os.environ["RUNNER_TEMP"]) / f"python-{wanted}"
place.mkdir(parents=True, exist_ok=True)
base = found or str(Path(sys.base_prefix) / "bin" / f"python{ours}")
for name in ("python", "python3"):
    if not (place / name).exists():
        (place / name).symlink_to(base)
with Path(os.environ["GITHUB_PATH"]).open("a") as file:
    file.write(f"{place}\n")
put("GITHUB_OUTPUT", python_version=wanted, python_path=str(place / "python"), cache_hit="true")
print(f"Python {wanted}: {base}")
