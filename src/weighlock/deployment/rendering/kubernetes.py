"""Kubernetes manifests, as lightkube's models: one file a kind, or a variant, and the kustomization that names them.

Deployments and Services are called by their release and not by their variant, so that a candidate that becomes stable
is not started anew: only the route changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import yaml

from weighlock.deployment.rendering.plan import Plan, Variant
from weighlock.deployment.targets import Kubernetes
from weighlock.errors import ConfigError


class Resource(Protocol):
    """What lightkube's classes have in common."""

    def to_dict(self) -> dict[str, Any]:
        """As an API server reads it."""


def files(plan: Plan, cluster: Kubernetes) -> dict[str, str]:
    """The manifests; none before the first release.

    Raises:
        ConfigError: a release has no image, or there are more values to match than a route holds.
    """
    from weighlock.deployment.rendering import kubernetes_routes as routes
    from weighlock.deployment.rendering import kubernetes_workloads as workloads

    if not plan.variants:
        return {}
    for variant in plan.variants:
        _imaged(variant, plan)
    shared: Mapping[str, Sequence[Resource]] = {
        "serviceaccount.yaml": [workloads.service_account(plan, cluster)],
        "networkpolicy.yaml": [workloads.network_policy(plan, cluster)],
        "httproute.yaml": [routes.http_route(plan, cluster)],
        "servicemonitor.yaml": [routes.service_monitor(plan, cluster)],
    }
    own = {f"{v.release.version}.yaml": workloads.of_variant(v, plan, cluster) for v in plan.variants}
    found = {name: plan.comment + _text(resources) for name, resources in {**shared, **own}.items()}
    return {**found, "kustomization.yaml": plan.comment_of_what_runs + _kustomization(sorted(found))}


def _imaged(variant: Variant, plan: Plan) -> None:
    if variant.release.image is None:
        version = variant.release.version
        raise ConfigError(
            f"`releases/{version}.yaml` has no image, and `deploy/{plan.name}.yaml` has a `kubernetes` section: a "
            "cluster runs images by their digest alone. Record the next release with `weighlock release --image "
            "NAME@DIGEST`, or take the section out."
        )


def _text(resources: Sequence[Resource]) -> str:
    return "---\n".join(_yaml(resource.to_dict()) for resource in resources)


def _kustomization(resources: list[str]) -> str:
    return _yaml({"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": resources})


class _Plain(yaml.SafeDumper):
    """Without anchors: labels that stand in several places are written out in each."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _yaml(content: dict[str, Any]) -> str:
    first = ("apiVersion", "kind", "metadata")
    content = {**{key: content[key] for key in first if key in content}, **content}
    return yaml.dump(content, Dumper=_Plain, sort_keys=False, allow_unicode=False, width=1000)
