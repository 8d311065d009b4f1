"""Where an environment runs: one machine behind nginx, or a Kubernetes cluster; sections of `deploy/<env>.yaml`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from weighlock.config import Strict

Port = Annotated[int, Field(ge=1, le=65535)]


class Machine(Strict):
    """`machine`: nginx and systemd on one host."""

    listen: Port = 8080
    address: str = "127.0.0.1"


class Kubernetes(Strict):
    """`kubernetes`: a cluster with the Gateway API."""

    namespace: str = "default"
