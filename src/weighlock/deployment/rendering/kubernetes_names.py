"""What the manifests of an environment are called, and the labels by which they find each other."""

from __future__ import annotations

from lightkube.models.meta_v1 import LabelSelector, ObjectMeta

from weighlock.deployment.rendering.plan import Plan, Variant
from weighlock.deployment.targets import Kubernetes

PORT = 3000
Labels = dict[str, str]


def of_service(plan: Plan) -> Labels:
    """By which everything of an environment is selected."""
    return {"app.kubernetes.io/name": plan.variants[0].release.name, "app.kubernetes.io/instance": plan.service}


def of_release(variant: Variant, plan: Plan) -> Labels:
    """By which a release's replicas are selected. Not its variant: a promotion would start it anew."""
    return {**of_service(plan), "app.kubernetes.io/version": variant.release.version}


def name_of(variant: Variant, plan: Plan) -> str:
    """What a release's manifests are called: flights-production-v7."""
    return f"{plan.service}-{variant.release.version}"


def meta(
    name: str, plan: Plan, cluster: Kubernetes, variant: Variant | None = None, annotations: Labels | None = None
) -> ObjectMeta:
    """Metadata of a manifest."""
    own = {**of_release(variant, plan), "variant": variant.name} if variant else of_service(plan)
    managed = {"app.kubernetes.io/part-of": "weighlock", "app.kubernetes.io/managed-by": "weighlock"}
    return ObjectMeta(name=name, namespace=cluster.namespace, labels={**own, **managed}, annotations=annotations)


def selector(labels: Labels) -> LabelSelector:
    """What has all these labels."""
    return LabelSelector(matchLabels=labels)
