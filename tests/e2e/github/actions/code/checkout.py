"""actions/checkout: the event's commit of the bare repository, as deep as asked, with the right to push or without."""

import os
import shutil

from common import WORKSPACE, fail, given, put, run, token

repository = given("repository") or os.environ["GITHUB_REPOSITORY"]
ours = repository == os.environ["GITHUB_REPOSITORY"]
heads = "refs/heads/*" if ours else f"refs/forks/{repository.partition('/')[0]}/*"
ref, commit = given("ref"), ""
if not ref and ours:
    ref, commit = os.environ["GITHUB_REF"], os.environ["GITHUB_SHA"]
ref = ref or "refs/heads/main"
depth = given("fetch-depth", "1")
origin = "file://" + os.environ["STANDIN_ORIGIN"]
place = WORKSPACE / given("path", ".")
if (place / ".git").is_dir() and not given("path"):
    for entry in place.iterdir():
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
place.mkdir(parents=True, exist_ok=True)


def git(*words: str) -> str:
    return run("git", "-C", str(place), "-c", "advice.detachedHead=false", "-c", "protocol.version=2", *words)


git("init", "-q")
git("remote", "add", "origin", origin)
is_commit = len(ref) == 40 and all(letter in "0123456789abcdef" for letter in ref)
if is_commit:
    local, wanted = "", ref
elif ref.startswith("refs/heads/") or not ref.startswith("refs/"):
    name = ref.removeprefix("refs/heads/")
    local, wanted = f"refs/remotes/origin/{name}", heads.replace("*", name)
elif ref.startswith("refs/tags/"):
    local, wanted = ref, ref
else:
    local, wanted = ref.replace("refs/", "refs/remotes/", 1), ref
specs = [f"+{commit or wanted}:{local}"] if local else [wanted]
if depth == "0":
    every = [f"+{heads}:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"]
    git("fetch", "-q", "--no-tags", "origin", *every, *([] if local.startswith("refs/remotes/origin/") else specs))
    if commit and local:
        git("fetch", "-q", "--no-tags", "origin", *specs)
else:
    git("fetch", "-q", "--no-tags", "--depth", depth, "origin", *specs)
if local.startswith("refs/remotes/origin/"):
    git("checkout", "-q", "--force", "-B", local.removeprefix("refs/remotes/origin/"), local)
else:
    git("checkout", "-q", "--force", "--detach", local or ref)
if given("persist-credentials", "true") == "true":
    if not token():
        fail("checkout: no token")
    git("config", "remote.origin.receivepack", f"env STANDIN_TOKEN={token()} git-receive-pack")
else:
    git("config", "remote.origin.pushurl", "file:///checkout-had-persist-credentials-false")
head = git("rev-parse", "HEAD")
put("GITHUB_OUTPUT", ref=ref, commit=head)
print(f"{repository} {ref} {head} depth {depth}")
