"""A shadow in nginx: requests are copied to the candidate, and neither it nor its answers are waited for.

nginx keeps a client's connection until the copy of its request has been answered: were the copy sent to the candidate
itself, a candidate that hangs would hold up whoever sends a second request. So it is sent to a server of nginx's own,
which has taken it as soon as it has read it, and copies it on. That one nobody waits for.
"""

from __future__ import annotations

from weighlock.deployment.rendering.nginx_directives import Directive, Names, block, line
from weighlock.deployment.rendering.nginx_server import bodies, proxying
from weighlock.deployment.targets import Machine

PREDICT = "/v1/predict"
MIRROR = "/weighlock-mirror"
LOOPBACK = "127.0.0.1"


def copies(names: Names, machine: Machine) -> Directive:
    """Where the server mirrors to: those that are chosen go to the shadow's own server."""
    return block(
        "location",
        "=",
        MIRROR,
        holds=[
            line("internal"),
            block("if", names.variable("copied"), "=", "no", holds=[line("return", "204")]),
            line("proxy_ignore_client_abort", "on"),
            line("proxy_connect_timeout", "1s"),
            line("proxy_read_timeout", "1s"),
            line("proxy_pass", f"http://{LOOPBACK}:{machine.shadow_port}{PREDICT}"),
        ],
    )


def shadow(names: Names, machine: Machine) -> Directive:
    """The server that takes copies, says 404 at once (there is no such file), and sends them to the candidate."""
    taken = [
        line("mirror", MIRROR),
        line("mirror_request_body", "on"),
        line("root", "/nonexistent"),
        line("log_not_found", "off"),
    ]
    sent = [
        line("internal"),
        line("proxy_ignore_client_abort", "on"),  # who sent the copy is long gone
        line("proxy_pass", f"http://{names('candidate')}{PREDICT}"),
    ]
    return block(
        "server",
        holds=[
            line("listen", f"{LOOPBACK}:{machine.shadow_port}"),
            line("access_log", "off"),
            *bodies(machine),
            *proxying(machine, "$http_x_request_id"),
            block("location", "=", PREDICT, holds=taken),
            block("location", "=", MIRROR, holds=sent),
        ],
    )
