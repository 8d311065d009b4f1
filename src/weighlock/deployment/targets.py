"""Where an environment runs: one machine behind nginx, or a Kubernetes cluster; sections of `deploy/<env>.yaml`.

What is written here goes into configurations of nginx, systemd and Kubernetes: each value has a pattern that leaves
none of them anything to misread. docs/render.md explains the keys.
"""

from __future__ import annotations

import ipaddress
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from weighlock.config import Strict

Port = Annotated[int, Field(ge=1, le=65535)]
Path = Annotated[str, Field(pattern=r"^(/[A-Za-z0-9_@+-][A-Za-z0-9_.@+-]*)+$")]
Host = Annotated[
    str, Field(pattern=r"^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
]
User = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_-]{0,30}$")]
Label = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Subdomain = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
Size = Annotated[str, Field(pattern=r"^\d+(Mi|Gi)$")]


class Tls(Strict):
    """A certificate chain and its key, in PEM; nginx reads them as root before it gives up its rights."""

    certificate: Path
    key: Path


class Rate(Strict):
    """How many requests a second one address may send, and how many more at once; what is above gets 429."""

    per_second: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    burst: Annotated[int, Field(ge=0, le=1_000_000)] = 1000


class Machine(Strict):
    """`machine`: nginx and systemd on one host.

    Attributes:
        address, listen: where nginx listens.
        server_names: hosts that it answers for; empty: whatever a client calls it.
        tls: needed where others than this machine are listened to, unless `cleartext`.
        cleartext: a load balancer in front ends TLS, on a network that is trusted.
        trusted_proxies: networks whose `X-Forwarded-For` is believed, for rate limits and the access log.
        rate: None: no limit.
        max_kilobytes: of a request's body; not more than `serve.max_kilobytes` makes sense.
        timeout_seconds: of one answer; more than `serve.timeout_seconds`, lest nginx gives up first.
        access_log: JSON lines; None: /var/log/nginx/weighlock-<environment>.json.
        first_port, ports: a release listens on `first_port` plus its number modulo `ports`, on 127.0.0.1: it keeps its
            port, and so its process, when it becomes stable.
        checkout: the clone that `weighlock sync` keeps up to date, with its `.venv`.
        user: that services run as, made by the rendered sysusers.d file; None: systemd invents one for each start, and
            keys are then read once, at the start.
        keys: what `weighlock keys add` writes.
        log: the folder of the prediction log; None: /var/lib/weighlock/<environment>/log.
        environment_file: with secrets such as WEIGHLOCK_LOG_HASH_KEY.
    """

    address: str = "127.0.0.1"
    listen: Port = 8080
    server_names: list[Host] = []
    tls: Tls | None = None
    cleartext: bool = False
    trusted_proxies: list[str] = []
    rate: Rate | None = Rate()
    max_kilobytes: Annotated[int, Field(ge=1, le=1_048_576)] = 1024
    timeout_seconds: Annotated[int, Field(ge=1, le=3600)] = 15
    access_log: Path | None = None
    first_port: Port = 3100
    ports: Annotated[int, Field(ge=2, le=10_000)] = 100
    checkout: Path = "/opt/weighlock"
    user: User | None = "weighlock"
    keys: Path = "/etc/weighlock/keys.json"
    log: Path | None = None
    environment_file: Path | None = None

    @field_validator("address")
    @classmethod
    def _is_address(cls, address: str) -> str:
        return str(ipaddress.ip_address(address))

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, networks: list[str]) -> list[str]:
        return [str(ipaddress.ip_network(network)) for network in networks]

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if not (self.tls or self.cleartext or ipaddress.ip_address(self.address).is_loopback):
            raise ValueError(
                f"listens on {self.address} without `tls`, so that API keys would travel in clear. Name `tls`, listen "
                "on 127.0.0.1, or set `cleartext: true` where a load balancer in front ends TLS"
            )
        if self.shadow_port > 65_535:
            raise ValueError("`first_port` + `ports` goes beyond port 65535")
        if self.first_port <= self.listen <= self.shadow_port:
            raise ValueError("`listen` should not be one of the ports of the releases")
        return self

    @property
    def shadow_port(self) -> int:
        """Where nginx takes copies for a shadow: the port above those of the releases."""
        return self.first_port + self.ports

    def port_of(self, number: int) -> int:
        """Where release `number` listens."""
        return self.first_port + number % self.ports


class Gateway(Strict):
    """The Gateway that an HTTPRoute belongs to, and one of its listeners (None: any that allows it)."""

    name: Subdomain = "gateway"
    namespace: Label = "gateway"
    section: Subdomain | None = None


class Kubernetes(Strict):
    """`kubernetes`: a cluster with the Gateway API.

    Attributes:
        namespace: of everything that is rendered; it has to exist.
        gateway: where requests come from; the NetworkPolicy lets its namespace in.
        hostnames: that the HTTPRoute answers for; empty: all of the Gateway's.
        monitoring_namespace: Prometheus' own, which the NetworkPolicy lets in, too.
        monitor_labels: by which the Prometheus operator finds the ServiceMonitor.
        service_account: its name; None: as the release and environment are called.
        image_pull_secrets: names of secrets in the namespace.
        keys_secret: with what `weighlock keys add` writes, as `keys.json`.
        environment_secret: its keys become the environment, such as WEIGHLOCK_LOG_HASH_KEY.
        log_claim: a PersistentVolumeClaim, ReadWriteMany, for the prediction log of all replicas; None: an emptyDir,
            with which a replica's log goes when it goes.
        log_size: of that emptyDir.
    """

    namespace: Label = "default"
    gateway: Gateway = Gateway()
    hostnames: list[Host] = []
    monitoring_namespace: Label = "monitoring"
    monitor_labels: dict[Annotated[str, Field(pattern=r"^[a-z0-9A-Z./_-]{1,253}$")], Label] = {}
    service_account: Subdomain | None = None
    image_pull_secrets: list[Subdomain] = []
    keys_secret: Subdomain = "weighlock-keys"  # noqa: S105  (its name)
    environment_secret: Subdomain | None = None
    log_claim: Subdomain | None = None
    log_size: Size = "2Gi"
