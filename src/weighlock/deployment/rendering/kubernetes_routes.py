"""How requests reach the variants in a cluster (Gateway API), and who reads their metrics (the Prometheus operator).

lightkube knows these kinds as generic resources: dictionaries with the fields of gateway.networking.k8s.io/v1 and
monitoring.coreos.com/v1, which tests/unit/deployment/published_fields.py lists.
"""

from __future__ import annotations

from math import gcd
from typing import Any

from lightkube.generic_resource import GenericNamespacedResource, create_namespaced_resource

from weighlock.deployment.environment import Match
from weighlock.deployment.rendering.kubernetes_names import PORT, meta, name_of, of_service
from weighlock.deployment.rendering.plan import Plan, Variant
from weighlock.deployment.targets import Kubernetes
from weighlock.errors import ConfigError

HttpRoute = create_namespaced_resource("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes")
ServiceMonitor = create_namespaced_resource("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors")

PREDICT = "/v1/predict"
OPEN = ("/docs", "/openapi.json", "/healthz", "/readyz")
A_RULE = 64  # matches that one rule may have
A_ROUTE = 128  # matches that one HTTPRoute may have
WHOLE = 10_000  # of hundredths of a percent
# Argo CD applies the route once what it leads to is ready
LATER = {"argocd.argoproj.io/sync-wave": "1"}


def http_route(plan: Plan, cluster: Kubernetes) -> GenericNamespacedResource:
    """The rules: predictions as the environment's route says, what each variant is, and the rest to stable.

    Raises:
        ConfigError: more values to match than an HTTPRoute takes.
    """
    gateway = cluster.gateway
    parent = {"name": gateway.name, "namespace": gateway.namespace}
    spec: dict[str, Any] = {"parentRefs": [{**parent, **({"sectionName": gateway.section} if gateway.section else {})}]}
    if cluster.hostnames:
        spec["hostnames"] = list(cluster.hostnames)
    spec["rules"] = [*_matched(plan), _predictions(plan), *(_told(v, plan) for v in plan.variants), _rest(plan)]
    return HttpRoute(
        apiVersion="gateway.networking.k8s.io/v1",
        kind="HTTPRoute",
        metadata=meta(plan.service, plan, cluster, annotations=LATER),
        spec=spec,
    )


def _matched(plan: Plan) -> list[dict[str, Any]]:
    match = plan.route.match if plan.route else None
    if match is None:
        return []
    matches = _header_matches(match, plan)
    to = [_backend(plan.variants[1], plan)]
    return [{"matches": matches[at : at + A_RULE], "backendRefs": to} for at in range(0, len(matches), A_RULE)]


def _header_matches(match: Match, plan: Plan) -> list[dict[str, Any]]:
    values = list(dict.fromkeys(match.values))
    others = 1 + len(plan.variants) + 1 + len(OPEN)
    if len(values) > A_ROUTE - 1 - others:
        raise ConfigError(
            f"`deploy/{plan.name}.yaml`: `candidate.route.match` has {len(values)} values, and an HTTPRoute takes "
            f"{A_ROUTE - 1 - others} beside the other rules. Match on a header that groups them, such as a plan."
        )
    return [
        {"path": _exactly(PREDICT), "headers": [{"type": "Exact", "name": match.header, "value": value}]}
        for value in values
    ]


def _predictions(plan: Plan) -> dict[str, Any]:
    rule: dict[str, Any] = {"matches": [{"path": _exactly(PREDICT)}]}
    route, stable = plan.route, plan.variants[0]
    if route is None or route.match is not None:
        return {**rule, "backendRefs": [_backend(stable, plan)]}
    candidate = plan.variants[1]
    if route.mirror is not None:
        copied = {
            "type": "RequestMirror",
            "requestMirror": {"backendRef": _backend(candidate, plan), **_part(route.mirror)},
        }
        return {**rule, **({"filters": [copied]} if route.mirror else {}), "backendRefs": [_backend(stable, plan)]}
    weight = round((route.weight or 0) * 100)
    unit = gcd(weight, WHOLE)
    shares = ((stable, (WHOLE - weight) // unit), (candidate, weight // unit))
    return {**rule, "backendRefs": [{**_backend(variant, plan), "weight": share} for variant, share in shares]}


def _part(mirror: float) -> dict[str, Any]:
    """A share of requests: whole percents, else a fraction."""
    if float(mirror).is_integer():
        return {"percent": int(mirror)}
    return {"fraction": {"numerator": round(mirror * 100), "denominator": WHOLE}}


def _told(variant: Variant, plan: Plan) -> dict[str, Any]:
    rewritten = {"type": "ReplaceFullPath", "replaceFullPath": "/v1/model"}
    return {
        "matches": [{"path": _exactly(f"/variants/{variant.name}/v1/model")}],
        "filters": [{"type": "URLRewrite", "urlRewrite": {"path": rewritten}}],
        "backendRefs": [_backend(variant, plan)],
    }


def _rest(plan: Plan) -> dict[str, Any]:
    prefix = {"path": {"type": "PathPrefix", "value": "/v1"}}
    return {
        "matches": [prefix, *({"path": _exactly(path)} for path in OPEN)],
        "backendRefs": [_backend(plan.variants[0], plan)],
    }


def _exactly(path: str) -> dict[str, str]:
    return {"type": "Exact", "value": path}


def _backend(variant: Variant, plan: Plan) -> dict[str, Any]:
    return {"name": name_of(variant, plan), "port": PORT}


def service_monitor(plan: Plan, cluster: Kubernetes) -> GenericNamespacedResource:
    """Prometheus reads `/metrics` of each replica, and names its variant and release."""
    described = meta(plan.service, plan, cluster)
    described.labels = {**(described.labels or {}), **cluster.monitor_labels}
    return ServiceMonitor(
        apiVersion="monitoring.coreos.com/v1",
        kind="ServiceMonitor",
        metadata=described,
        spec={
            "selector": {"matchLabels": of_service(plan)},
            "endpoints": [{"port": "http", "path": "/metrics", "interval": "15s", "scrapeTimeout": "10s"}],
            "targetLabels": ["variant", "app.kubernetes.io/version"],
        },
    )
