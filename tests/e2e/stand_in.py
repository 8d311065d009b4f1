"""What a sync starts in tests of its own faults: answers as `weighlock serve` does, but at once and of no model.

`STAND_INS` names a JSON file: version -> what `/v1/model` says and, as `fault`, what is wrong: never (it is never
ready), dies (at once).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--release")
    parser.add_argument("--port", type=int)
    args, _ = parser.parse_known_args()
    told = json.loads(Path(os.environ["STAND_INS"]).read_text())[args.release]
    fault = told.pop("fault", None)
    if fault == "dies":
        print("the model cannot be read", flush=True)
        sys.exit(2)

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._say(503 if fault == "never" else 200, told)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._say(200, {"model": told, "predictions": []})

        def _say(self, status: int, content: Any) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", args.port), Answers)
    server.daemon_threads = True
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server.serve_forever()


if __name__ == "__main__":
    main()
