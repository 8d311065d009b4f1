from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import weighlock
from weighlock.errors import ModelError
from weighlock.packaging.modules import ENTRIES, needed

SOURCE = Path(weighlock.__file__).parents[1]


def test_nothing_that_trains_reads_tables_or_talks_to_git_goes_along() -> None:
    found = {str(path) for path in needed(SOURCE)}
    assert {"weighlock/serving/startup.py", "weighlock/serving/page.html", "weighlock/serving/protocol.py"} <= found
    packages = {path.split("/")[1] for path in found if path.count("/") > 1}
    assert packages == {"cli", "monitoring", "releases", "scoring", "serving"}


@pytest.mark.processes
def test_what_is_found_is_enough(tmp_path: Path) -> None:
    for path in needed(SOURCE):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(SOURCE / path, tmp_path / path)
    told = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import importlib
for name in {(*ENTRIES[1:], "weighlock.serving.startup", "weighlock.serving.supervisor", "weighlock.serving.find")!r}:
    importlib.import_module(name)
ours = [m.__file__ for n, m in sys.modules.items() if n.partition(".")[0] == "weighlock"]
assert len(ours) > 30 and all(f.startswith({str(tmp_path)!r}) for f in ours), ours
"""
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_source_without_the_service_is_refused(tmp_path: Path) -> None:
    (tmp_path / "weighlock").mkdir()
    (tmp_path / "weighlock/__init__.py").touch()
    with pytest.raises(ModelError, match=r"has no `weighlock\.__main__`"):
        needed(tmp_path)
