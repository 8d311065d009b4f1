"""actions/cache: `restore` and `save`; what a pull request saves is not seen by others, as on GitHub."""

import os
import sys
import tarfile
from pathlib import Path
from urllib.parse import quote

from common import KEPT, WORKSPACE, fail, given, lines, put

KEY, PATHS = given("key"), lines("path")
PLACE = KEPT / "caches"


def file_of(ref: str, key: str) -> Path:
    return PLACE / quote(ref, safe="") / (quote(key, safe="") + ".tar")


def found() -> tuple[Path, str] | None:
    base = os.environ.get("GITHUB_BASE_REF")
    scopes = [os.environ["GITHUB_REF"], *([f"refs/heads/{base}"] if base else []), "refs/heads/main"]
    for scope in dict.fromkeys(scopes):
        if file_of(scope, KEY).exists():
            return file_of(scope, KEY), KEY
    for prefix in lines("restore-keys"):
        for scope in dict.fromkeys(scopes):
            near = sorted((PLACE / quote(scope, safe="")).glob(f"{quote(prefix, safe='')}*.tar"), key=os.path.getmtime)
            if near:
                from urllib.parse import unquote

                return near[-1], unquote(near[-1].name.removesuffix(".tar"))
    return None


def restore() -> None:
    hit = found()
    exact = bool(hit) and hit[1] == KEY
    put("GITHUB_OUTPUT", cache_hit=str(exact).lower(), cache_matched_key=hit[1] if hit else "", cache_primary_key=KEY)
    put("GITHUB_STATE", HIT=str(exact).lower())
    if hit and given("lookup-only") != "true":
        with tarfile.open(hit[0]) as tar:
            tar.extractall(WORKSPACE, filter="tar")
    if not hit and given("fail-on-cache-miss") == "true":
        fail(f"no cache `{KEY}`")
    print(f"cache `{KEY}`: {hit[1] if hit else 'not found'}")


def save() -> None:
    if os.environ.get("STATE_HIT") == "true":
        print(f"cache `{KEY}` is known")
        return
    target = file_of(os.environ["GITHUB_REF"], KEY)
    held = [path for path in PATHS if (WORKSPACE / Path(path).expanduser()).exists()]
    if target.exists() or not held:
        print(f"cache `{KEY}`: not saved; {'it is there' if target.exists() else 'no such path'}")
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(target.with_suffix(".part"), "w") as tar:
        for path in held:
            tar.add(WORKSPACE / Path(path).expanduser(), arcname=path)
    target.with_suffix(".part").rename(target)
    print(f"cache `{KEY}`: saved")


{"restore": restore, "save": save}[sys.argv[1]]()
