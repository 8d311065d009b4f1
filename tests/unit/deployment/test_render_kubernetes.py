"""Manifests that an API server takes as they are, and that say what the environment says."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import kubernetes_validate
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from kubernetes_validate import utils
from published_fields import KINDS, unknown

from support.deployed import DIGEST, RELEASES, environment, release
from weighlock.deployment.environment import Autoscaling, Environment, Match, Route
from weighlock.deployment.render import render
from weighlock.deployment.targets import Gateway, Kubernetes
from weighlock.errors import ConfigError

CLUSTER = Kubernetes(
    namespace="models", hostnames=["flights.example.com"], gateway=Gateway(name="public", section="tls")
)


def _can_travel(value: str) -> bool:
    return 0 < len(value) <= 200 and value.isprintable() and value == value.strip()


ROUTES = [
    None,
    Route(weight=10.0),
    Route(weight=0.0),
    Route(weight=100.0),
    Route(weight=33.33),
    Route(mirror=25.0),
    Route(mirror=0.25),
    Route(mirror=0.0),
    Route(match=Match(values=["N12345", "a: 'b' \"c\" # {d}\\n $e"])),
]


@pytest.fixture(autouse=True)
def _read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utils, "schema_contents", _schema)


_schema = cache(utils.schema_contents)


def rendered(
    route: Route | None = None, cluster: Kubernetes = CLUSTER, **other: Any
) -> dict[str, list[dict[str, Any]]]:
    files = render("production", environment(route, kubernetes=cluster, **other), RELEASES)
    return {
        path.removeprefix("kubernetes/"): list(yaml.load_all(text, yaml.CSafeLoader)) for path, text in files.items()
    }


def manifests(found: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [one for name, content in found.items() if name != "kustomization.yaml" for one in content]


def one(found: dict[str, list[dict[str, Any]]], kind: str, version: str = "") -> dict[str, Any]:
    (it,) = [m for m in manifests(found) if m["kind"] == kind and m["metadata"]["name"].endswith(version)]
    return it


def valid(manifest: dict[str, Any]) -> list[str]:
    """What an API server would have against a manifest; an unknown kind is an error, too."""
    published = KINDS.get((manifest["apiVersion"], manifest["kind"]))
    if published:
        return unknown(manifest["spec"], published)
    try:
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)
    except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
        return [str(error)]
    return []


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_manifests_are_valid_strictly(route: Route | None) -> None:
    found = rendered(route)
    assert [bad for manifest in manifests(found) for bad in valid(manifest)] == []
    assert found["kustomization.yaml"] == [
        {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": sorted(set(found) - {"kustomization.yaml"}),
        }
    ]


def test_manifests_with_everything_are_valid_strictly() -> None:
    more = {
        "log_claim": "log",
        "image_pull_secrets": ["pull"],
        "environment_secret": "more",
        "monitor_labels": {"a": "b"},
    }
    found = rendered(ROUTES[1], CLUSTER.model_copy(update=more), autoscaling=Autoscaling(least=2, most=9))
    assert [bad for manifest in manifests(found) for bad in valid(manifest)] == []
    assert {m["metadata"]["namespace"] for m in manifests(found)} == {"models"}
    assert {m["kind"] for m in manifests(found)} == {
        "Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy", "ServiceAccount",
        "HTTPRoute", "ServiceMonitor",
    }  # fmt: skip


def test_what_validates_would_find_a_mistake() -> None:
    found = rendered(Route(mirror=25.0))
    deployment, route, monitor = (one(found, *w) for w in (("Deployment", "v1"), ("HTTPRoute",), ("ServiceMonitor",)))
    deployment["spec"]["template"]["spec"]["containers"][0]["readOnlyRootFileSystem"] = True
    route["spec"]["rules"][0]["filters"][0]["requestMirror"]["percentage"] = 25
    monitor["spec"]["endpoints"][0]["interval"] = 15
    assert "readOnlyRootFileSystem" in valid(deployment)[0]
    assert valid(route) == ["spec.rules[0].filters[0].requestMirror.percentage"]
    assert valid(monitor) == ["spec.endpoints[0].interval"]
    assert valid({**deployment, "apiVersion": "apps/v9"})


@pytest.mark.parametrize(
    ("weight", "shares"),
    [(10.0, [9, 1]), (0.0, [1, 0]), (100.0, [0, 1]), (33.33, [6667, 3333]), (0.01, [9999, 1]), (50.0, [1, 1])],
)
def test_weights_are_whole_numbers_of_that_ratio(weight: float, shares: list[int]) -> None:
    (rule,) = predictions(rendered(Route(weight=weight)))
    assert [backend["weight"] for backend in rule["backendRefs"]] == shares
    assert [backend["name"] for backend in rule["backendRefs"]] == ["flights-production-v1", "flights-production-v2"]


@pytest.mark.parametrize(
    ("mirror", "part"),
    [
        (25.0, {"percent": 25}),
        (0.25, {"fraction": {"numerator": 25, "denominator": 10_000}}),
        (100.0, {"percent": 100}),
    ],
)
def test_a_shadow_gets_copies_and_answers_nobody(mirror: float, part: dict[str, Any]) -> None:
    (rule,) = predictions(rendered(Route(mirror=mirror)))
    copied = {"backendRef": {"name": "flights-production-v2", "port": 3000}, **part}
    assert rule["filters"] == [{"type": "RequestMirror", "requestMirror": copied}]
    assert rule["backendRefs"] == [{"name": "flights-production-v1", "port": 3000}]


def test_a_match_leads_to_the_candidate_and_goes_before() -> None:
    values = [f"N{i}" for i in range(100)]
    first, second, rest = predictions(rendered(Route(match=Match(header="X-Plan", values=[*values, "N1"]))))
    found = [match["headers"] for rule in (first, second) for match in rule["matches"]]
    assert found == [[{"type": "Exact", "name": "X-Plan", "value": value}] for value in values]
    assert {rule["backendRefs"][0]["name"] for rule in (first, second)} == {"flights-production-v2"}
    assert rest["backendRefs"][0]["name"] == "flights-production-v1"


@settings(max_examples=8)
@given(values=st.lists(st.text(st.characters(codec="utf-8")).filter(_can_travel), min_size=1, max_size=5, unique=True))
def test_a_value_to_match_stays_a_value(values: list[str]) -> None:
    files = render("production", environment(Route(match=Match(values=values)), kubernetes=CLUSTER), RELEASES)
    (route,) = yaml.safe_load_all(files["kubernetes/httproute.yaml"])
    assert [match["headers"][0]["value"] for match in route["spec"]["rules"][0]["matches"]] == values


def test_more_values_than_a_route_holds_are_refused() -> None:
    with pytest.raises(ConfigError, match="119 beside the other rules"):
        rendered(Route(match=Match(values=[f"N{i}" for i in range(120)])))


def predictions(found: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The rules that lead predictions somewhere."""
    rules = one(found, "HTTPRoute")["spec"]["rules"]
    return [rule for rule in rules if rule["matches"][0]["path"]["value"] == "/v1/predict"]


def test_labels_and_predictions_are_no_ones_to_copy_twice() -> None:
    """Feedback and metrics: the first is never split or mirrored, the second is not led anywhere."""
    rules = one(rendered(Route(mirror=100.0)), "HTTPRoute")["spec"]["rules"]
    others = [rule for rule in rules if rule["matches"][0]["path"]["value"] != "/v1/predict"]
    assert not any(f["type"] == "RequestMirror" for rule in others for f in rule.get("filters", []))
    assert not any("/metrics" in json.dumps(rule) for rule in rules)
    told = {rule["matches"][0]["path"]["value"]: rule["backendRefs"][0]["name"] for rule in others}
    assert told["/variants/candidate/v1/model"] == "flights-production-v2"
    assert told["/v1"] == "flights-production-v1"


def test_a_candidate_that_becomes_stable_is_not_started_anew() -> None:
    before = one(rendered(Route(weight=100.0)), "Deployment", "v2")
    promoted = Environment(stable="v2", kubernetes=CLUSTER)
    files = render("production", promoted, RELEASES)
    (after,) = [m for m in yaml.safe_load_all(files["kubernetes/v2.yaml"]) if m["kind"] == "Deployment"]
    assert after["spec"] == before["spec"]
    assert after["metadata"]["name"] == before["metadata"]["name"]
    assert "kubernetes/v1.yaml" not in files


def test_selectors_find_what_they_should() -> None:
    found = rendered(Route(weight=10.0))
    for version in ("v1", "v2"):
        pod = one(found, "Deployment", version)["spec"]["template"]["metadata"]["labels"]
        chosen = {
            "Deployment": one(found, "Deployment", version)["spec"]["selector"]["matchLabels"],
            "Service": one(found, "Service", version)["spec"]["selector"],
            "PodDisruptionBudget": one(found, "PodDisruptionBudget", version)["spec"]["selector"]["matchLabels"],
        }
        assert all(wanted == pod for wanted in chosen.values())
        for kind in ("NetworkPolicy", "ServiceMonitor"):
            spec = one(found, kind)["spec"]
            wanted = spec.get("podSelector", spec.get("selector"))["matchLabels"]
            labels = pod if kind == "NetworkPolicy" else one(found, "Service", version)["metadata"]["labels"]
            assert wanted.items() <= labels.items()
    assert one(found, "Service", "v2")["metadata"]["labels"]["variant"] == "candidate"


def test_a_replica_may_do_nothing_that_it_need_not() -> None:
    found = rendered(autoscaling=None, replicas=3)
    deployment = one(found, "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == f"registry.example/flights@{DIGEST}"
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
    }
    assert (pod["securityContext"]["runAsUser"], pod["securityContext"]["seccompProfile"]) == (
        1034, {"type": "RuntimeDefault"},
    )  # fmt: skip
    assert not pod["automountServiceAccountToken"]
    assert not one(found, "ServiceAccount")["automountServiceAccountToken"]
    assert container["resources"]["limits"]["memory"] == "512Mi"
    assert {m["mountPath"] for m in container["volumeMounts"]} == {"/log", "/run/weighlock", "/dev/shm"}
    assert {p: container[p]["httpGet"]["path"] for p in ("startupProbe", "readinessProbe", "livenessProbe")} == {
        "startupProbe": "/readyz", "readinessProbe": "/readyz", "livenessProbe": "/healthz",
    }  # fmt: skip
    assert [c["topologyKey"] for c in pod["topologySpreadConstraints"]] == [
        "kubernetes.io/hostname", "topology.kubernetes.io/zone",
    ]  # fmt: skip
    assert pod["terminationGracePeriodSeconds"] >= container["lifecycle"]["preStop"]["sleep"]["seconds"] + 5
    assert deployment["spec"]["replicas"] == 3
    policy = one(found, "NetworkPolicy")["spec"]
    assert (policy["egress"], policy["policyTypes"]) == ([], ["Ingress", "Egress"])


def test_where_there_is_autoscaling_git_does_not_count_replicas() -> None:
    found = rendered(Route(weight=10.0), autoscaling=Autoscaling(least=2, most=9, cpu_percent=60))
    assert all("replicas" not in one(found, "Deployment", v)["spec"] for v in ("v1", "v2"))
    spec = one(found, "HorizontalPodAutoscaler", "v2")["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 9)
    assert spec["scaleTargetRef"]["name"] == "flights-production-v2"
    assert not [m for m in manifests(rendered(None)) if m["kind"] == "HorizontalPodAutoscaler"]


def test_a_release_without_an_image_is_refused_where_images_run() -> None:
    bare = {"v1": release("v1", image=None)}
    with pytest.raises(ConfigError, match=r"`releases/v1.yaml` has no image.*weighlock release --image") as told:
        render("production", environment(kubernetes=CLUSTER), bare)
    assert "deploy/production.yaml" in str(told.value)


def test_before_the_first_release_there_is_nothing() -> None:
    assert render("production", Environment(stable=None, kubernetes=CLUSTER), {}) == {}
