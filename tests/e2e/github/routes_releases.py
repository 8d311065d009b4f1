"""Releases and their assets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from github.routes import Refused, Request, asset_json, commit_of, git, release_json, route
from github.state import Asset, Release

if TYPE_CHECKING:
    from github.server import GitHub


def _release(github: GitHub, request: Request) -> Release:
    found = [one for one in github.releases if one.id == int(request.values["release_id"])]
    if not found:
        raise Refused(404, "Not Found")
    return found[0]


@route("repos/list-releases")
def releases_list(github: GitHub, request: Request) -> tuple[int, Any]:
    return 200, [release_json(github, one) for one in reversed(github.releases)]


@route("repos/get-release")
def releases_get(github: GitHub, request: Request) -> tuple[int, Any]:
    return 200, release_json(github, _release(github, request))


@route("repos/get-release-by-tag")
def releases_by_tag(github: GitHub, request: Request) -> tuple[int, Any]:
    found = [one for one in github.releases if one.tag == request.values["tag"] and not one.draft]
    if not found:
        raise Refused(404, "Not Found")
    return 200, release_json(github, found[0])


@route("repos/create-release")
def releases_create(github: GitHub, request: Request) -> tuple[int, Any]:
    body = request.body
    if any(one.tag == body["tag_name"] and not one.draft for one in github.releases):
        raise Refused(422, "Validation Failed: tag_name already_exists")
    target = body.get("target_commitish", "main")
    release = Release(
        next(github.ids), body["tag_name"], body.get("name") or body["tag_name"], body.get("body") or "", target,
        bool(body.get("draft")), bool(body.get("prerelease")), request.token.author,
    )  # fmt: skip
    if not release.draft:
        _tag(github, release)
    github.releases.append(release)
    return 201, release_json(github, release)


def _tag(github: GitHub, release: Release) -> None:
    """GitHub makes the tag of a release where there is none."""
    if not git(github, "rev-parse", "--verify", "--quiet", f"refs/tags/{release.tag}"):
        git(github, "update-ref", f"refs/tags/{release.tag}", commit_of(github, release.target))


@route("repos/update-release")
def releases_update(github: GitHub, request: Request) -> tuple[int, Any]:
    release, body = _release(github, request), request.body
    release.tag = body.get("tag_name", release.tag)
    release.name, release.body = body.get("name", release.name), body.get("body", release.body)
    release.draft, release.prerelease = body.get("draft", release.draft), body.get("prerelease", release.prerelease)
    release.target = body.get("target_commitish", release.target)
    if not release.draft:
        _tag(github, release)
    return 200, release_json(github, release)


@route("repos/delete-release")
def releases_delete(github: GitHub, request: Request) -> tuple[int, Any]:
    github.releases.remove(_release(github, request))
    return 204, None


@route("repos/list-release-assets")
def assets_list(github: GitHub, request: Request) -> tuple[int, Any]:
    return 200, [asset_json(github, one) for one in _release(github, request).assets]


@route("repos/upload-release-asset")
def assets_upload(github: GitHub, request: Request) -> tuple[int, Any]:
    release, name = _release(github, request), request.query["name"]
    if any(one.name == name for one in release.assets):
        raise Refused(422, "Validation Failed: already_exists")
    asset = Asset(next(github.ids), name, request.body, request.headers.get("Content-Type", ""))
    release.assets.append(asset)
    return 201, asset_json(github, asset)


def _asset(github: GitHub, request: Request) -> tuple[Release, Asset]:
    for release in github.releases:
        for asset in release.assets:
            if asset.id == int(request.values["asset_id"]):
                return release, asset
    raise Refused(404, "Not Found")


@route("repos/get-release-asset")
def assets_get(github: GitHub, request: Request) -> tuple[int, Any]:
    asset = _asset(github, request)[1]
    return 200, asset.content if "octet-stream" in request.headers.get("Accept", "") else asset_json(github, asset)


@route("repos/delete-release-asset")
def assets_delete(github: GitHub, request: Request) -> tuple[int, Any]:
    release, asset = _asset(github, request)
    release.assets.remove(asset)
    return 204, None
