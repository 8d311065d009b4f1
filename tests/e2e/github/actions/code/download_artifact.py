"""actions/download-artifact: from this run or another one, for which a token must be allowed to read runs."""

import fnmatch
import os
import shutil

from common import KEPT, WORKSPACE, call, fail, given, put

run_id = given("run-id", os.environ["GITHUB_RUN_ID"])
if run_id != os.environ["GITHUB_RUN_ID"]:
    if not given("github-token"):
        fail("artifacts of another run need `github-token`")
    call("GET", f"/repos/{os.environ['GITHUB_REPOSITORY']}/actions/runs/{run_id}/artifacts", given("github-token"))
held = KEPT / "artifacts" / run_id
name, pattern = given("name"), given("pattern", "*")
target = WORKSPACE / given("path", ".")
if name:
    if not (held / name).is_dir():
        fail(f"Unable to download artifact(s): Artifact not found for name: {name}")
    shutil.copytree(held / name, target, dirs_exist_ok=True, symlinks=True)
else:
    for one in sorted(held.iterdir()) if held.is_dir() else ():
        if fnmatch.fnmatch(one.name, pattern):
            inside = target if given("merge-multiple") == "true" else target / one.name
            shutil.copytree(one, inside, dirs_exist_ok=True, symlinks=True)
put("GITHUB_OUTPUT", download_path=str(target))
print(f"artifact `{name or pattern}` of run {run_id}")
