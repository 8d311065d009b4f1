"""A `docker` for tests of workflows: it builds no image, but what `run` starts is the bento's own model, really served.

What it knows is in STANDIN_KEPT/images. An image's digest is that of its model, its labels and the build's number.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import sys
import tarfile
import time
from pathlib import Path
from urllib.parse import quote

KEPT = Path(os.environ["STANDIN_KEPT"]) / "images"
BENTO = "home/bentoml/bento"


def option(words: list[str], name: str) -> list[str]:
    """The values of an option."""
    return [words[place + 1] for place, word in enumerate(words) if word == name]


def of(tag: str) -> Path:
    """An image's folder."""
    return KEPT / quote(tag, safe="")


def build(words: list[str]) -> None:
    """Keep the bento and the labels."""
    place = of(option(words, "--tag")[0])
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(Path(words[-1]) / "bento", place / "bento")
    number = len(list(KEPT.iterdir()))
    config = {"config": {"Labels": dict(label.split("=", 1) for label in option(words, "--label")), "Number": number}}
    (place / "config.json").write_text(json.dumps(config))


def save(words: list[str]) -> None:
    """An image's file, with the bento as its one layer."""
    place, layer = of(words[-1]), io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tar.add(place / "bento", arcname=BENTO)
    manifest = [{"Config": "c.json", "Layers": ["l.tar"]}]
    files = {"c.json": (place / "config.json").read_bytes(), "l.tar": layer.getvalue()}
    with tarfile.open(option(words, "-o")[0], "w") as tar:
        for name, content in {**files, "manifest.json": json.dumps(manifest).encode()}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


def run(words: list[str]) -> None:
    """Become the service; what is mounted is where it is."""
    mounted = {volume.split(":")[1]: volume.split(":")[0] for volume in option(words, "--volume")}
    place = next(i for i, word in enumerate(words) if of(word).is_dir())
    os.environ["WEIGHLOCK_KEYS"] = mounted[os.environ.get("WEIGHLOCK_KEYS", "/run/keys.json")]
    os.environ["WEIGHLOCK_LOG_DIR"] = mounted["/log"]
    (KEPT.parent / option(words, "--name")[0]).write_text(str(os.getpid()))
    model = str(of(words[place]) / "bento/src/model")
    os.execvp("weighlock", ["weighlock", "serve", "--model", model, *words[place + 1 :]])  # noqa: S606


def rm(words: list[str]) -> None:
    """End a container, workers and all."""
    file = KEPT.parent / words[-1]
    pid = int(file.read_text())
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}/stat").exists() and time.monotonic() < deadline:
        if Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] == "Z":
            break
        time.sleep(0.05)


def digest(tag: str) -> str:
    """What a registry would call it."""
    return f"sha256:{hashlib.sha256((of(tag) / 'config.json').read_bytes()).hexdigest()}"


def push(words: list[str]) -> None:
    """Give it to the registry."""
    tag = words[-1]
    (of(tag) / "pushed").write_text(f"{tag.rpartition(':')[0]}@{digest(tag)}")


def image(words: list[str]) -> None:
    """Say where it was pushed to."""
    pushed = of(words[-1]) / "pushed"
    print(json.dumps([pushed.read_text()] if pushed.exists() else []))


def info(_: list[str]) -> None:
    """Be there."""


if __name__ == "__main__":
    KEPT.mkdir(parents=True, exist_ok=True)
    {"info": info, "build": build, "save": save, "run": run, "rm": rm, "push": push, "image": image}[sys.argv[1]](
        sys.argv[2:]
    )
