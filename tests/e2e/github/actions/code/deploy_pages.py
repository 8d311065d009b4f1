"""actions/deploy-pages: what was uploaded as `github-pages` becomes the site, in STANDIN_KEPT/pages."""

import os
import shutil
from pathlib import Path

from common import KEPT, fail, given

held = KEPT / "artifacts" / os.environ["GITHUB_RUN_ID"] / given("artifact_name", "github-pages")
if not held.is_dir():
    fail(f"no artifact `{held.name}`: upload it with actions/upload-pages-artifact")
shutil.rmtree(KEPT / "pages", ignore_errors=True)
shutil.copytree(held, KEPT / "pages")
with Path(os.environ["GITHUB_OUTPUT"]).open("a") as file:
    file.write(f"page_url={os.environ['GITHUB_SERVER_URL']}/pages/\n")
print(f"published {KEPT / 'pages'}")
