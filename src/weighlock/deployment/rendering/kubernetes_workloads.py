"""What runs in a cluster: for each variant its replicas and their service, and what they may and may not reach."""

from __future__ import annotations

from lightkube.models.apps_v1 import DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment
from lightkube.models.autoscaling_v2 import (
    CrossVersionObjectReference,
    HorizontalPodAutoscalerBehavior,
    HorizontalPodAutoscalerSpec,
    HPAScalingRules,
    MetricSpec,
    MetricTarget,
    ResourceMetricSource,
)
from lightkube.models.core_v1 import LocalObjectReference, ServicePort, ServiceSpec
from lightkube.models.meta_v1 import LabelSelector
from lightkube.models.networking_v1 import (
    NetworkPolicyIngressRule,
    NetworkPolicyPeer,
    NetworkPolicyPort,
    NetworkPolicySpec,
)
from lightkube.models.policy_v1 import PodDisruptionBudgetSpec
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.autoscaling_v2 import HorizontalPodAutoscaler
from lightkube.resources.core_v1 import Service, ServiceAccount
from lightkube.resources.networking_v1 import NetworkPolicy
from lightkube.resources.policy_v1 import PodDisruptionBudget

from weighlock.deployment.environment import Autoscaling
from weighlock.deployment.rendering.kubernetes import Resource
from weighlock.deployment.rendering.kubernetes_names import PORT, meta, name_of, of_release, of_service, selector
from weighlock.deployment.rendering.kubernetes_pod import pod
from weighlock.deployment.rendering.plan import Plan, Variant
from weighlock.deployment.targets import Kubernetes

NAMESPACE = "kubernetes.io/metadata.name"  # which Kubernetes gives each namespace


def of_variant(variant: Variant, plan: Plan, cluster: Kubernetes) -> list[Resource]:
    """A variant's Deployment, Service and PodDisruptionBudget, and its HorizontalPodAutoscaler where there is one."""
    name, scaling = name_of(variant, plan), plan.environment.autoscaling
    found: list[Resource] = [
        _deployment(variant, plan, cluster),
        Service(
            apiVersion="v1",
            kind="Service",
            metadata=meta(name, plan, cluster, variant),
            spec=ServiceSpec(
                selector=of_release(variant, plan),
                ports=[ServicePort(name="http", port=PORT, targetPort="http", protocol="TCP")],
            ),
        ),
        PodDisruptionBudget(
            apiVersion="policy/v1",
            kind="PodDisruptionBudget",
            metadata=meta(name, plan, cluster, variant),
            spec=PodDisruptionBudgetSpec(maxUnavailable=1, selector=selector(of_release(variant, plan))),
        ),
    ]
    return [*found, _autoscaler(scaling, variant, plan, cluster)] if scaling else found


def _deployment(variant: Variant, plan: Plan, cluster: Kubernetes) -> Deployment:
    return Deployment(
        apiVersion="apps/v1",
        kind="Deployment",
        metadata=meta(name_of(variant, plan), plan, cluster, variant),
        spec=DeploymentSpec(
            replicas=None if plan.environment.autoscaling else plan.environment.replicas,
            revisionHistoryLimit=1,  # git has the history
            selector=selector(of_release(variant, plan)),
            strategy=DeploymentStrategy(
                type="RollingUpdate", rollingUpdate=RollingUpdateDeployment(maxSurge=1, maxUnavailable=0)
            ),
            template=pod(variant, plan, cluster),
        ),
    )


def _autoscaler(scaling: Autoscaling, variant: Variant, plan: Plan, cluster: Kubernetes) -> HorizontalPodAutoscaler:
    name = name_of(variant, plan)
    return HorizontalPodAutoscaler(
        apiVersion="autoscaling/v2",
        kind="HorizontalPodAutoscaler",
        metadata=meta(name, plan, cluster, variant),
        spec=HorizontalPodAutoscalerSpec(
            scaleTargetRef=CrossVersionObjectReference(apiVersion="apps/v1", kind="Deployment", name=name),
            minReplicas=scaling.least,
            maxReplicas=scaling.most,
            metrics=[
                MetricSpec(
                    type="Resource",
                    resource=ResourceMetricSource(
                        name="cpu", target=MetricTarget(type="Utilization", averageUtilization=scaling.cpu_percent)
                    ),
                )
            ],
            behavior=HorizontalPodAutoscalerBehavior(scaleDown=HPAScalingRules(stabilizationWindowSeconds=300)),
        ),
    )


def service_account(plan: Plan, cluster: Kubernetes) -> ServiceAccount:
    """Who the replicas are: nobody who may ask the cluster anything."""
    secrets = [LocalObjectReference(name=name) for name in cluster.image_pull_secrets]
    return ServiceAccount(
        apiVersion="v1",
        kind="ServiceAccount",
        metadata=meta(cluster.service_account or plan.service, plan, cluster),
        automountServiceAccountToken=False,
        imagePullSecrets=secrets or None,
    )


def network_policy(plan: Plan, cluster: Kubernetes) -> NetworkPolicy:
    """In: the Gateway and Prometheus. Out: nothing; a model needs no network."""
    allowed = sorted({cluster.gateway.namespace, cluster.monitoring_namespace})
    return NetworkPolicy(
        apiVersion="networking.k8s.io/v1",
        kind="NetworkPolicy",
        metadata=meta(plan.service, plan, cluster),
        spec=NetworkPolicySpec(
            podSelector=selector(of_service(plan)),
            policyTypes=["Ingress", "Egress"],
            ingress=[
                NetworkPolicyIngressRule(
                    from_=[
                        NetworkPolicyPeer(namespaceSelector=LabelSelector(matchLabels={NAMESPACE: name}))
                        for name in allowed
                    ],
                    ports=[NetworkPolicyPort(port="http", protocol="TCP")],
                )
            ],
            egress=[],
        ),
    )
