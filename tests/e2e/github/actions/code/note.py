"""What an action was asked, kept for the test to read: STANDIN_KEPT/asked/<run>.jsonl."""

import json
import os
import sys

from common import KEPT

asked = {
    name[3:].lower().replace("_", "-"): value for name, value in os.environ.items() if name.startswith("IN_") and value
}
target = KEPT / "asked" / f"{os.environ['GITHUB_RUN_ID']}.jsonl"
target.parent.mkdir(parents=True, exist_ok=True)
with target.open("a") as file:
    file.write(json.dumps({"action": sys.argv[1], **asked}) + "\n")
print(f"{sys.argv[1]}: {asked}")
