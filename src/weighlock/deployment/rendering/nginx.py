"""nginx for one machine: a site of upstreams, the split between them, and a server."""

from __future__ import annotations

import json
from collections.abc import Sequence

from weighlock.deployment.rendering.nginx_directives import Directive, Names, block, line, text
from weighlock.deployment.rendering.nginx_problems import nothing, problems
from weighlock.deployment.rendering.nginx_server import rate_zone, server
from weighlock.deployment.rendering.nginx_shadow import MIRROR, PREDICT, copies, shadow
from weighlock.deployment.rendering.nginx_split import answering, identity, split
from weighlock.deployment.rendering.plan import Plan
from weighlock.deployment.targets import Machine

LOOPBACK = "127.0.0.1"


def files(plan: Plan, machine: Machine) -> dict[str, str]:
    """`weighlock-<env>.conf`, for nginx's `http` block, and an `nginx.conf` that holds nothing else."""
    site = f"weighlock-{plan.name}.conf"
    return {
        site: plan.comment_of_what_runs + text(_site(plan, machine)),
        "nginx.conf": plan.comment + text(_main(site)),
    }


def _main(site: str) -> list[Directive]:
    return [
        line("worker_processes", "auto"),
        line("worker_rlimit_nofile", "65536"),
        line("worker_shutdown_timeout", "30s"),
        block("events", holds=[line("worker_connections", "8192")]),
        block("http", holds=[line("include", site)]),
    ]


def _site(plan: Plan, machine: Machine) -> list[Directive]:
    names = Names(plan.name)
    head = [*identity(names), _log_format(plan, names), *rate_zone(names, machine)]
    if not plan.variants:
        return [*head, server(plan, machine, names, [nothing("/")])]
    locations = [*_predict(plan, machine, names), *_others(plan, names), *problems()]
    return [
        *head,
        *_upstreams(plan, machine, names),
        *split(plan, names),
        server(plan, machine, names, locations),
        *([shadow(names, machine)] if plan.route and plan.route.mirror else []),
    ]


def _upstreams(plan: Plan, machine: Machine, names: Names) -> list[Directive]:
    """The variants, and for predictions the candidate with stable as its spare: being tried is no reason to fail."""
    servers = {variant.name: f"{LOOPBACK}:{machine.port_of(variant.release.number)}" for variant in plan.variants}
    found = [_upstream(names(name), [_counted(address)]) for name, address in servers.items()]
    if "candidate" in servers and plan.route and plan.route.mirror is None:
        spare = line("server", servers["stable"], "backup")
        found.append(_upstream(names("predict_candidate"), [_counted(servers["candidate"]), spare]))
        found.append(_upstream(names("predict_stable"), [_counted(servers["stable"])]))
    return found


def _counted(address: str) -> Directive:
    # where there is a spare: after three failures in ten seconds, not asked for ten seconds
    return line("server", address, "max_fails=3", "fail_timeout=10s")


def _upstream(name: str, servers: Sequence[Directive]) -> Directive:
    # a service closes idle connections after 5 s: nginx does before, lest it sends a prediction into one
    kept = [line("keepalive", "64"), line("keepalive_timeout", "3s")]
    return block("upstream", name, holds=[line("zone", name, "64k"), *servers, *kept])


def _predict(plan: Plan, machine: Machine, names: Names) -> list[Directive]:
    who = answering(plan, names)
    passes = line("proxy_pass", f"http://{names('stable' if who == 'stable' else 'predict_' + who)}")
    if plan.route is None or not plan.route.mirror:
        return [block("location", "=", PREDICT, holds=[passes])]
    mirrored = [line("mirror", MIRROR), line("mirror_request_body", "on"), passes]
    return [block("location", "=", PREDICT, holds=mirrored), copies(names, machine)]


def _others(plan: Plan, names: Names) -> list[Directive]:
    """What is no prediction: stable answers, and each variant says what it is. The rest, metrics too, is nobody's."""
    stable = line("proxy_pass", f"http://{names('stable')}")
    exact = [block("location", "=", path, holds=[stable]) for path in ("/docs", "/openapi.json", "/healthz", "/readyz")]
    told = [
        block(
            "location",
            "=",
            f"/variants/{variant.name}/v1/model",
            holds=[line("proxy_pass", f"http://{names(variant.name)}/v1/model")],
        )
        for variant in plan.variants
    ]
    return [block("location", "/v1/", holds=[stable]), *exact, *told]


def _log_format(plan: Plan, names: Names) -> Directive:
    """A line for each request: who answered, how and how fast. No entity: it would outlive `log forget`."""
    shown = {
        "time": "$time_iso8601",
        "environment": plan.name,
        "request": names.variable("request"),
        "variant": answering(plan, names) if plan.variants else "",
        "upstream": "$upstream_addr",
        "client": "$remote_addr",
        "method": "$request_method",
        "path": "$uri",
        "status": "$status",
        "bytes": "$bytes_sent",
        "seconds": "$request_time",
        "upstream_status": "$upstream_status",
        "upstream_seconds": "$upstream_response_time",
    }
    return line("log_format", names("json"), "escape=json", json.dumps(shown, separators=(",", ":")))
