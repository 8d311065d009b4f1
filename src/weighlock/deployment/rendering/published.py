"""The fields of two kinds that Kubernetes' own schemas do not have, as their projects publish them.

HTTPRoute of gateway.networking.k8s.io/v1 (standard channel, 1.3: gateway-api.sigs.k8s.io/reference/spec) and
ServiceMonitor of monitoring.coreos.com/v1 (prometheus-operator.dev/docs/api-reference/api). `str`, `int` and `bool` are
leaves, a list holds what its only member says, and `dict` may have any keys.
"""

from __future__ import annotations

from typing import Any

REFERENCE = {"group": str, "kind": str, "name": str, "namespace": str, "port": int}
HEADERS = {"set": [{"name": str, "value": str}], "add": [{"name": str, "value": str}], "remove": [str]}
PATH = {"type": str, "replaceFullPath": str, "replacePrefixMatch": str}
FILTER = {
    "type": str,
    "requestHeaderModifier": HEADERS,
    "responseHeaderModifier": HEADERS,
    "requestMirror": {"backendRef": REFERENCE, "percent": int, "fraction": {"numerator": int, "denominator": int}},
    "requestRedirect": {"scheme": str, "hostname": str, "path": PATH, "port": int, "statusCode": int},
    "urlRewrite": {"hostname": str, "path": PATH},
    "extensionRef": {"group": str, "kind": str, "name": str},
}
HTTP_ROUTE = {
    "parentRefs": [{**REFERENCE, "sectionName": str}],
    "hostnames": [str],
    "rules": [
        {
            "name": str,
            "matches": [
                {
                    "path": {"type": str, "value": str},
                    "headers": [{"type": str, "name": str, "value": str}],
                    "queryParams": [{"type": str, "name": str, "value": str}],
                    "method": str,
                }
            ],
            "filters": [FILTER],
            "backendRefs": [{**REFERENCE, "weight": int, "filters": [FILTER]}],
            "timeouts": {"request": str, "backendRequest": str},
        }
    ],
}
SELECTOR = {"matchLabels": dict, "matchExpressions": [{"key": str, "operator": str, "values": [str]}]}
SECRET = {"name": str, "key": str, "optional": bool}
TLS = {"ca": dict, "cert": dict, "keySecret": SECRET, "serverName": str, "insecureSkipVerify": bool}
RELABELING = {
    "sourceLabels": [str], "separator": str, "targetLabel": str, "regex": str, "modulus": int, "replacement": str,
    "action": str,
}  # fmt: skip
SERVICE_MONITOR = {
    "jobLabel": str,
    "targetLabels": [str],
    "podTargetLabels": [str],
    "endpoints": [
        {
            "port": str,
            "targetPort": str,
            "path": str,
            "scheme": str,
            "params": dict,
            "interval": str,
            "scrapeTimeout": str,
            "tlsConfig": TLS,
            "authorization": {"type": str, "credentials": SECRET},
            "basicAuth": {"username": SECRET, "password": SECRET},
            "bearerTokenFile": str,
            "bearerTokenSecret": SECRET,
            "oauth2": dict,
            "honorLabels": bool,
            "honorTimestamps": bool,
            "trackTimestampsStaleness": bool,
            "relabelings": [RELABELING],
            "metricRelabelings": [RELABELING],
            "proxyUrl": str,
            "followRedirects": bool,
            "enableHttp2": bool,
            "filterRunning": bool,
        }
    ],
    "selector": SELECTOR,
    "namespaceSelector": {"any": bool, "matchNames": [str]},
    "sampleLimit": int,
    "targetLimit": int,
    "labelLimit": int,
    "labelNameLengthLimit": int,
    "labelValueLengthLimit": int,
    "keepDroppedTargets": int,
    "scrapeProtocols": [str],
    "scrapeClass": str,
    "bodySizeLimit": str,
    "attachMetadata": {"node": bool},
}
KINDS: dict[tuple[str, str], dict[str, Any]] = {
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): HTTP_ROUTE,
    ("monitoring.coreos.com/v1", "ServiceMonitor"): SERVICE_MONITOR,
}


def unknown(content: Any, published: Any, at: str = "spec") -> list[str]:
    """Where a content has a field, or a type, that is not published."""
    if isinstance(published, list):
        if not isinstance(content, list):
            return [at]
        return [bad for i, item in enumerate(content) for bad in unknown(item, published[0], f"{at}[{i}]")]
    if published is dict or isinstance(published, type):
        return [] if type(content) is published else [at]
    if not isinstance(content, dict):
        return [at]
    strange = [f"{at}.{key}" for key in content if key not in published]
    known = [bad for key in content if key in published for bad in unknown(content[key], published[key], f"{at}.{key}")]
    return strange + known
