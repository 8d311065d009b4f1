"""The GitHub release of a record: made once, its assets whole, whatever was there before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.unit.github.stub import REPOSITORY, Stub, serving

from weighlock.errors import GitHubError
from weighlock.github.api import Client
from weighlock.github.assets import publish
from weighlock.github.proposal import propose
from weighlock.releases.record import Release

FILES = {"model.onnx": b"a model", "card.md": b"# a card\n"}


@dataclass
class Shelf(Stub):
    """With releases and their assets."""

    tags: tuple[str, ...] = ("flights@v1.0.0",)
    releases: list[dict[str, Any]] = field(default_factory=list)
    assets: list[dict[str, Any]] = field(default_factory=list)
    host: str = ""

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        parts = path.removeprefix(f"/repos/{REPOSITORY}/").split("/")
        match method, parts:
            case "GET", ["releases", "tags", _]:
                return (200, self.releases[0]) if self.releases else (404, {"message": "Not Found"})
            case "GET", ["git", "ref", "tags", tag]:
                return (200, {}) if tag.replace("%40", "@") in self.tags else (404, {"message": "Not Found"})
            case "POST", ["releases"]:
                upload = f"{self.host}/repos/{REPOSITORY}/releases/1/assets{{?name,label}}"
                self.releases.append({**body, "id": 1, "html_url": "https://x/1", "upload_url": upload})
                return 201, self.releases[0]
            case "GET", ["releases", "1", "assets"]:
                return 200, self.assets
            case "POST", ["releases", "1", "assets"]:
                self.put(query["name"], body)
                return 201, {}
            case "DELETE", ["releases", "assets", number]:
                self.assets = [one for one in self.assets if one["id"] != int(number)]
                return 204, None
        return super().answer(method, path, query, body)

    def put(self, name: str, content: bytes, state: str = "uploaded") -> None:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        number = len(self.assets) + 10
        self.assets.append({"id": number, "name": name, "size": len(content), "state": state, "digest": digest})


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def client(shelf: Shelf) -> Iterator[Client]:
    with serving(shelf) as found:
        shelf.host = found.api
        yield found


def test_it_is_made_with_everything_and_asked_again_nothing_is_done(
    shelf: Shelf, client: Client, release_of: Callable[..., Release]
) -> None:
    first = publish(client, release_of("v1"), "@everyone", FILES)

    assert (first.made, first.uploaded, first.there) == (True, ("model.onnx", "card.md"), ())
    assert shelf.releases[0]["tag_name"] == "flights@v1.0.0"
    assert "@everyone" not in shelf.releases[0]["body"]
    second = publish(client, release_of("v1"), "@everyone", FILES)
    assert (second.made, second.uploaded, second.there) == (False, (), ("model.onnx", "card.md"))


def test_what_a_killed_run_left_is_completed(shelf: Shelf, client: Client, release_of: Callable[..., Release]) -> None:
    publish(client, release_of("v1"), "", {})
    shelf.put("model.onnx", b"a mo", state="starter")

    found = publish(client, release_of("v1"), "", FILES)

    assert found.uploaded == ("model.onnx", "card.md")
    assert {one["name"]: one["state"] for one in shelf.assets} == {"model.onnx": "uploaded", "card.md": "uploaded"}


def test_another_file_of_that_name_is_not_replaced(
    shelf: Shelf, client: Client, release_of: Callable[..., Release]
) -> None:
    publish(client, release_of("v1"), "", {})
    shelf.put("model.onnx", b"another")

    with pytest.raises(GitHubError, match=r"`model\.onnx` of https://x/1 is another file"):
        publish(client, release_of("v1"), "", FILES)


def test_no_tag_is_made_up(shelf: Shelf, client: Client, release_of: Callable[..., Release]) -> None:
    shelf.tags = ()
    with pytest.raises(GitHubError, match=r"the tag `flights@v1\.0\.0` is not on GitHub"):
        publish(client, release_of("v1"), "", FILES)


def test_an_upload_goes_to_github_alone_and_says_what_to_do(
    shelf: Shelf, client: Client, release_of: Callable[..., Release]
) -> None:
    publish(client, release_of("v1"), "", {})
    with pytest.raises(GitHubError, match="would rename"):
        publish(client, release_of("v1"), "", {"a b": b""})
    shelf.releases[0]["upload_url"] = "http://evil.example/assets"
    with pytest.raises(GitHubError, match=r"`evil.example`, which is no host"):
        publish(client, release_of("v1"), "", FILES)


def test_the_proposal_says_which_model_and_what_to_do(release_of: Callable[..., Release]) -> None:
    release = release_of("v1", image=f"ghcr.io/a/b@sha256:{'f' * 64}")
    found = propose(release, "https://github.com/owner/name/releases/1")
    assert (found.title, found.branch) == ("Release flights v1", "release/v1")
    assert release.served.digest in found.body
    assert f"`{release.image}`" in found.body
    assert "Merging it is the approval" in found.body
