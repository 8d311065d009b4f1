"""The server that nginx is for an environment: where it listens, what it lets in, how it passes requests on."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from weighlock.deployment.environment import ENTITY
from weighlock.deployment.rendering.nginx_directives import Directive, Names, block, header, line
from weighlock.deployment.rendering.plan import Plan
from weighlock.deployment.targets import Machine

TLS_LIFE = "max-age=31536000"


def server(plan: Plan, machine: Machine, names: Names, locations: Sequence[Directive]) -> Directive:
    """The server, with these locations."""
    return block(
        "server",
        holds=[
            *_listen(machine),
            line("server_tokens", "off"),
            line("access_log", machine.access_log or f"/var/log/nginx/weighlock-{plan.name}.json", names("json")),
            *_real_address(machine),
            *_limits(machine, names),
            *_headers(machine),
            *proxying(machine, names.variable("request")),
            *locations,
        ],
    )


def _listen(machine: Machine) -> list[Directive]:
    host = f"[{machine.address}]" if ipaddress.ip_address(machine.address).version == 6 else machine.address
    address = f"{host}:{machine.listen}"
    named = [line("server_name", *(machine.server_names or ["_"]))]
    if machine.tls is None:
        return [line("listen", address), *named]
    return [
        line("listen", address, "ssl"),
        *named,
        line("ssl_certificate", machine.tls.certificate),
        line("ssl_certificate_key", machine.tls.key),
        line("ssl_protocols", "TLSv1.2", "TLSv1.3"),
        line("ssl_prefer_server_ciphers", "off"),
        line("ssl_session_cache", "shared:weighlock:10m"),
        line("ssl_session_timeout", "1d"),
        line("ssl_session_tickets", "off"),
    ]


def _real_address(machine: Machine) -> list[Directive]:
    if not machine.trusted_proxies:
        return []
    return [
        *(line("set_real_ip_from", network) for network in machine.trusted_proxies),
        line("real_ip_header", "X-Forwarded-For"),
        line("real_ip_recursive", "on"),
    ]


def rate_zone(names: Names, machine: Machine) -> list[Directive]:
    """Where requests are counted by address; nothing where there is no limit."""
    if machine.rate is None:
        return []
    return [
        line("limit_req_zone", "$binary_remote_addr", f"zone={names('rate')}:10m", f"rate={machine.rate.per_second}r/s")
    ]


def _limits(machine: Machine, names: Names) -> list[Directive]:
    rate = []
    if machine.rate is not None:
        burst = [f"burst={machine.rate.burst}", "nodelay"] if machine.rate.burst else []
        rate = [line("limit_req", f"zone={names('rate')}", *burst), line("limit_req_status", "429")]
    return [
        *rate,
        *bodies(machine),
        line("client_header_timeout", "10s"),
        line("client_body_timeout", "10s"),
        line("send_timeout", "10s"),
        line("keepalive_timeout", "65s"),
    ]


def bodies(machine: Machine) -> list[Directive]:
    """How large a body may be. Rows are people's data: they never go to a temporary file."""
    size = f"{machine.max_kilobytes}k"
    return [line("client_max_body_size", size), line("client_body_buffer_size", size)]


def _headers(machine: Machine) -> list[Directive]:
    safe = {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "DENY",
        "Cache-Control": "no-store",
        **({"Strict-Transport-Security": TLS_LIFE} if machine.tls else {}),
    }
    return [
        *(line("proxy_hide_header", name) for name in safe),
        *(line("add_header", name, value, "always") for name, value in safe.items()),
    ]


def proxying(machine: Machine, request: str) -> list[Directive]:
    """How requests are passed on.

    A prediction is logged, so it must not be asked for twice: nginx passes a POST to another server only where it could
    not connect, unless `non_idempotent` is set, and it is not.
    """
    return [
        line("proxy_http_version", "1.1"),
        line("proxy_set_header", "Connection", ""),
        line("proxy_set_header", "Host", "$host"),
        line("proxy_set_header", "X-Request-Id", request),
        line("proxy_set_header", ENTITY, header(ENTITY)),
        line("proxy_connect_timeout", "2s"),
        line("proxy_send_timeout", "10s"),
        line("proxy_read_timeout", f"{machine.timeout_seconds}s"),
        line("proxy_next_upstream", "error", "timeout"),
        line("proxy_next_upstream_tries", "2"),
        line("proxy_redirect", "off"),
    ]
