"""actions/upload-artifact: files to a folder of the run, with the least common ancestor as root."""

import glob
import os
import shutil
from pathlib import Path

from common import KEPT, WORKSPACE, fail, given, lines, put

name = given("name", "artifact")
hidden = given("include-hidden-files") == "true"
files: list[Path] = []
roots: list[Path] = []
for pattern in lines("path"):
    if pattern.startswith("!"):
        out = {Path(one) for one in glob.glob(str(WORKSPACE / pattern[1:]), recursive=True, include_hidden=True)}  # noqa: PTH207
        files = [file for file in files if file not in out and not out & set(file.parents)]
        continue
    literal = not glob.has_magic(pattern)
    matches = [Path(one) for one in glob.glob(str(WORKSPACE / pattern), recursive=True, include_hidden=hidden)]  # noqa: PTH207
    fixed = Path(pattern.partition("*")[0])
    roots.append(WORKSPACE / (fixed if literal or pattern.partition("*")[0].endswith("/") else fixed.parent))
    for match in matches:
        files += [one for one in match.rglob("*") if one.is_file()] if match.is_dir() else [match]
if not hidden:
    files = [file for file in files if not any(part.startswith(".") for part in file.relative_to(WORKSPACE).parts)]
files = sorted(set(files))
if not files:
    message = f"No files were found with the provided path: {given('path')}"
    if given("if-no-files-found", "warn") == "error":
        fail(message)
    print(f"::warning::{message}")
else:
    common = Path(os.path.commonpath(roots)) if len(roots) > 1 else roots[0]
    common = common.parent if common.is_file() else common
    target = KEPT / "artifacts" / os.environ["GITHUB_RUN_ID"] / name
    if target.exists():
        if given("overwrite") != "true":
            fail(f"(409) Conflict: an artifact with this name already exists: {name}")
        shutil.rmtree(target)
    for file in files:
        place = target / file.relative_to(common)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
    put("GITHUB_OUTPUT", artifact_id="1", artifact_url=f"{os.environ['GITHUB_SERVER_URL']}/artifacts/1")
    print(f"artifact `{name}`: {len(files)} files")
