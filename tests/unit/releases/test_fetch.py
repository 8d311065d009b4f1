"""Getting a model back: from where it still is, never without looking whether it is the one."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

from support.results import md5, models, sh
from weighlock.cli import main
from weighlock.errors import EvidenceError
from weighlock.releases import fetch, rebuild
from weighlock.releases.fetch import HERE, fetch_release
from weighlock.releases.github import from_github
from weighlock.releases.rebuild import rebuilt
from weighlock.releases.record import Release
from weighlock.releases.sources import NotThereError, from_cache, from_remote

pytestmark = pytest.mark.processes

SERVED = {path: content for path, content in models(b"weighed", b"served").items() if "/served/" in path}
TAG = "parts@v1.0.0"


@pytest.fixture(scope="module")
def made(
    template: Path, recorded: Callable[..., Release], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Release]:
    root = tmp_path_factory.mktemp("released") / "repository"
    shutil.copytree(template, root)
    release = recorded(root)
    shutil.rmtree(root / "models")
    return root, release


@pytest.fixture
def released(made: tuple[Path, Release], tmp_path: Path) -> tuple[Path, Release]:
    """A repository with v1, whose DVC cache is its own and empty."""
    shutil.copytree(made[0], tmp_path / "repository")
    return tmp_path / "repository", made[1]


def cached(root: Path, files: dict[str, bytes] = SERVED, at: str = ".dvc/cache") -> None:
    for content in files.values():
        name = md5(content)
        path = root / at / "files/md5" / name[:2] / name[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def only(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Ask these sources alone."""
    monkeypatch.setattr(fetch, "SOURCES", {n: s for n, s in fetch.SOURCES.items() if n in names})


def test_from_the_cache_whole_and_once(released: tuple[Path, Release], capsys: pytest.CaptureFixture[str],
                                       monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    root, _ = released
    cached(root)
    monkeypatch.chdir(root)

    assert main(["fetch", "v1"]) == 0
    assert capsys.readouterr().out == "models/releases/v1: v1 from DVC's cache; both digests verify\n"
    found = {f"models/served/{path.name}": path.read_bytes() for path in (root / "models/releases/v1").iterdir()}
    assert found == SERVED
    assert not list(root.glob(".staging*"))

    shutil.rmtree(root / ".dvc/cache")
    assert main(["fetch", "v1"]) == 0
    assert "is here already" in capsys.readouterr().out


def test_what_was_changed_by_hand_is_replaced(released: tuple[Path, Release]) -> None:
    root, _ = released
    cached(root)
    fetch_release("v1", root)
    (root / "models/releases/v1/model.onnx").write_bytes(b"x")

    fetched = fetch_release("v1", root)

    assert fetched.source == "DVC's cache"
    assert fetched.failed[0][0] == "`models/releases/v1`"
    assert "`model.onnx` is" in fetched.failed[0][1]
    assert (fetched.folder / "model.onnx").read_bytes() == b"served"


def test_a_source_that_holds_something_else_is_named_and_passed_over(
    released: tuple[Path, Release], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, _ = released
    cached(root)
    name = md5(b"served")
    (root / ".dvc/cache/files/md5" / name[:2] / name[2:]).write_bytes(b"torn")
    monkeypatch.setitem(fetch.SOURCES, "DVC's remote", lambda release, root: SERVED)

    fetched = fetch_release("v1", root)

    assert fetched.source == "DVC's remote"
    assert fetched.failed == (("DVC's cache", f"`model.onnx` is {md5(b'torn')}, but the record says {name} (MD5)"),)


def test_the_sha_256_are_looked_at_too(released: tuple[Path, Release]) -> None:
    """MD5 finds a file; it does not vouch for one."""
    _, release = released
    forged = release.served.model_copy(update={"digest": f"sha256:{'0' * 64}"})
    with pytest.raises(NotThereError, match=r"`model\.onnx` is sha256:\w+, but the record says sha256:000"):
        fetch.verify(release.model_copy(update={"served": forged}), SERVED)
    with pytest.raises(NotThereError, match=r"`golden\.json` is missing"):
        fetch.verify(release, {k: v for k, v in SERVED.items() if "golden" not in k})


def test_nowhere_to_be_found(released: tuple[Path, Release], monkeypatch: pytest.MonkeyPatch) -> None:
    root, _ = released
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)

    with pytest.raises(EvidenceError) as told:
        fetch_release("v1", root, rebuild=False)

    message = str(told.value)
    assert "is nowhere to be had" in message
    assert "  - DVC's cache: `models/served/model.onnx`" in message
    assert "  - DVC's remote: DVC has no default remote" in message
    assert "  - the GitHub release's assets: `origin` is not on GitHub" in message
    assert "Leave `--no-rebuild` out" in message
    assert not (root / "models").exists()
    with pytest.raises(EvidenceError, match="There is no release `v2`"):
        fetch_release("v2", root)


def test_from_a_remote(released: tuple[Path, Release], tmp_path: Path) -> None:
    root, release = released
    remote = tmp_path / "remote"
    cached(tmp_path, SERVED, "remote")
    (root / ".dvc/config").write_text(
        f"[core]\n    analytics = false\n    remote = far\n['remote \"far\"']\n    url = {remote}\n"
    )

    assert from_remote(release, root) == SERVED

    shutil.rmtree(remote / "files/md5" / md5(b"served")[:2])
    with pytest.raises(NotThereError, match=rf"`models/served/model\.onnx` \({md5(b'served')}\) is not in it"):
        from_remote(release, root)


@dataclass
class GitHub:
    """A stand-in for api.github.com that redirects assets to a store of another address, as the real one does."""

    assets: dict[str, bytes]
    status: int = 200
    body: bytes | None = None
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    api: str = ""
    store: str = ""


@pytest.fixture
def github() -> Iterator[GitHub]:
    hub = GitHub({path.rpartition("/")[2]: content for path, content in SERVED.items()})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hub.asked.append((unquote(self.path), self.headers.get("Authorization")))
            name = self.path.rpartition("/")[2]
            if "/releases/tags/" in self.path:
                assets = [{"name": n, "url": f"{hub.api}/repos/o/r/releases/assets/{n}"} for n in hub.assets]
                self.answer(hub.status, hub.body or json.dumps({"assets": assets}).encode())
            elif "/assets/" in self.path:
                self.send_response(302)
                self.send_header("Location", f"{hub.store}/store/{name}")
                self.end_headers()
            else:
                self.answer(200, hub.assets[name])

        def answer(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            pass

    servers = [HTTPServer(("127.0.0.1", 0), Handler) for _ in range(2)]
    threads = [threading.Thread(target=server.serve_forever, args=(0.01,)) for server in servers]
    hub.api, hub.store = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    for thread in threads:
        thread.start()
    yield hub
    for server, thread in zip(servers, threads, strict=True):
        server.shutdown()
        thread.join()
        server.server_close()


def test_from_a_github_release(released: tuple[Path, Release], github: GitHub) -> None:
    root, release = released
    environ = {"GITHUB_API_URL": github.api, "GITHUB_REPOSITORY": "o/r", "GITHUB_TOKEN": "secret"}

    assert from_github(release, root, environ) == SERVED

    assert github.asked[0] == (f"/repos/o/r/releases/tags/{TAG}", "Bearer secret")
    assert {who for path, who in github.asked if path.startswith("/store/")} == {None}  # the store gets no token
    assert ("/repos/o/r/releases/assets/model.onnx", "Bearer secret") in github.asked


def test_where_on_github_is_told_by_origin(released: tuple[Path, Release], github: GitHub) -> None:
    root, release = released
    for address in ("git@github.example.org:o/r.git", "https://x:y@github.example.org/o/r", "ssh://git@h/o/r.git"):
        sh(root, "config", "remote.origin.url", address)
        from_github(release, root, {"GITHUB_API_URL": github.api, "GH_TOKEN": "t"})
        assert github.asked.pop(0) == (f"/repos/o/r/releases/tags/{TAG}", "Bearer t")
        github.asked.clear()


NAMES = ("model.onnx", "signature.json", "golden.json", "profile.parquet")
ELSEWHERE = json.dumps({"assets": [{"name": name, "url": "http://evil.example/x"} for name in NAMES]}).encode()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"status": 404}, r"answers 404 Not Found; `GITHUB_TOKEN` is not set"),
        ({"status": 500}, "answers 500"),
        ({"body": b"<html>"}, "answers something else than a release"),
        ({"body": b'{"assets": [{"name": "golden.json"}]}'}, "answers something else than a release"),
        ({"assets": {"golden.json": b"{}"}}, r"has no asset `model\.onnx`; it has golden\.json"),
        ({"body": ELSEWHERE}, "is not on 127"),
        ({"api": "file:///etc"}, "is no address of GitHub's"),
    ],
)
def test_what_github_may_answer(
    released: tuple[Path, Release], github: GitHub, change: dict[str, object], said: str
) -> None:
    root, release = released
    for key, value in change.items():
        setattr(github, key, value)

    with pytest.raises(NotThereError, match=said):
        from_github(release, root, {"GITHUB_API_URL": github.api, "GITHUB_REPOSITORY": "o/r"})


def test_github_that_does_not_answer(released: tuple[Path, Release]) -> None:
    root, release = released
    with pytest.raises(NotThereError, match=r"127\.0\.0\.1:9 does not answer"):
        from_github(release, root, {"GITHUB_API_URL": "http://127.0.0.1:9", "GITHUB_REPOSITORY": "o/r"})


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-ins for make, dvc and weighlock, which write down how they were called; `dvc repro` makes the model."""
    folder = tmp_path / "bin"
    folder.mkdir()
    made = tmp_path / "made"
    for path, content in SERVED.items():
        (made / path).parent.mkdir(parents=True, exist_ok=True)
        (made / path).write_bytes(content)
    for name in ("make", "dvc", "weighlock"):
        script = folder / name
        work = f"cp -r {made}/models . && cat .dvc/config.local >> {folder}/said" if name == "dvc" else "true"
        script.write_text(
            f'#!/bin/sh\necho "{name} $* in $(git rev-parse HEAD) with $PYTHONPATH" >> {folder}/said\n{work}\n'
        )
        script.chmod(0o755)
    git = shutil.which("git")
    assert git
    monkeypatch.setenv("PATH", f"{folder}:{Path(git).parent}:/bin")
    return folder


def test_a_rebuild_runs_the_commits_pipeline_in_a_folder_that_goes_away(
    released: tuple[Path, Release], tools: Path
) -> None:
    root, release = released

    assert rebuilt(release, root) == SERVED

    said = (tools / "said").read_text()
    for command in ("make env PYTHON=", "dvc repro ", f"weighlock compare . {release.commit} "):
        assert any(line.startswith(command) and release.commit in line for line in said.splitlines()), said
    assert f"dir = {root}/.dvc/cache\n" in said
    assert "tree/src" in said
    assert len(sh(root, "worktree", "list").splitlines()) == 1
    assert sh(root, "status", "--porcelain", "--untracked-files=no") == ""


@pytest.mark.parametrize(
    ("name", "script", "said"),
    [
        ("make", "echo no network; exit 2", r"`make env PYTHON=.*` ended with 2: no network"),
        ("dvc", "echo ERROR: failed to reproduce >&2; exit 255", r"`dvc repro` ended with 255: ERROR: failed"),
        ("weighlock", "echo different; exit 3", r"`weighlock compare \. \w{40}` ended with 3: different"),
        ("dvc", "true", r"makes no `models/served/model\.onnx`"),
        ("make", None, "`make` is not installed here"),
    ],
)
def test_a_rebuild_that_fails_says_where(
    released: tuple[Path, Release], tools: Path, name: str, script: str | None, said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    root, release = released
    if script is None:
        (tools / name).unlink()
        (tools / "git").symlink_to(shutil.which("git") or "git")
        monkeypatch.setenv("PATH", str(tools))
    else:
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")

    with pytest.raises(NotThereError, match=said):
        rebuilt(release, root)

    assert len(sh(root, "worktree", "list").splitlines()) == 1


def test_a_commit_that_is_nowhere(released: tuple[Path, Release]) -> None:
    root, release = released
    with pytest.raises(NotThereError, match=f"the commit {'d' * 40} is neither in this clone nor at `origin`"):
        rebuilt(release.model_copy(update={"commit": "d" * 40}), root)


def test_a_commit_that_only_origin_has(released: tuple[Path, Release], tools: Path, tmp_path: Path) -> None:
    root, release = released
    sh(root, "config", "uploadpack.allowAnySHA1InWant", "true")
    subprocess.run(
        ["git", "clone", "-q", "--depth", "1", f"file://{root}", str(tmp_path / "shallow")],
        check=True,
        capture_output=True,
    )

    assert rebuilt(release, tmp_path / "shallow") == SERVED


def test_a_rebuild_is_the_last_that_is_asked(released: tuple[Path, Release], monkeypatch: pytest.MonkeyPatch) -> None:
    root, _ = released
    only(monkeypatch, "DVC's cache")
    monkeypatch.setattr(fetch, "rebuilt", lambda release, root: SERVED)

    fetched = fetch_release("v1", root)

    assert (fetched.source, [name for name, _ in fetched.failed]) == ("a rebuild", ["DVC's cache"])
    assert fetch_release("v1", root).source == HERE


def test_dvc_is_not_everywhere(released: tuple[Path, Release], monkeypatch: pytest.MonkeyPatch) -> None:
    root, release = released
    monkeypatch.setitem(__import__("sys").modules, "dvc.config", None)
    for source in (from_cache, from_remote):
        with pytest.raises(NotThereError, match="DVC is not installed here"):
            source(release, root)
    assert rebuild.LAST == 3
