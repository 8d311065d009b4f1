"""actions/create-github-app-token: a token of the App, with the rights that are asked for."""

import os

from common import call, fail, put

if not (os.environ.get("IN_APP_ID") or os.environ.get("IN_CLIENT_ID")) or not os.environ.get("IN_PRIVATE_KEY"):
    fail("[@octokit/auth-app] appId and privateKey are required")
asked = {
    name.removeprefix("IN_PERMISSION_").lower().replace("_", "-"): value
    for name, value in os.environ.items()
    if name.startswith("IN_PERMISSION_") and value
}
token = call("POST", "/_standin/app-token", "", asked)["token"]
print(f"::add-mask::{token}")
put("GITHUB_OUTPUT", token=token, app_slug="weighlock-test", installation_id="1")
