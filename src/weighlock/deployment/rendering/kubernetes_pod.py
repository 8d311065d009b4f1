"""A replica of a release in a cluster: what it may do, what it is given, and how one knows that it is well."""

from __future__ import annotations

from lightkube.models.core_v1 import (
    Capabilities,
    Container,
    ContainerPort,
    EmptyDirVolumeSource,
    EnvFromSource,
    EnvVar,
    HTTPGetAction,
    KeyToPath,
    Lifecycle,
    LifecycleHandler,
    PersistentVolumeClaimVolumeSource,
    PodSecurityContext,
    PodSpec,
    PodTemplateSpec,
    Probe,
    ResourceRequirements,
    SeccompProfile,
    SecretEnvSource,
    SecretVolumeSource,
    SecurityContext,
    SleepAction,
    TopologySpreadConstraint,
    Volume,
    VolumeMount,
)
from lightkube.models.meta_v1 import ObjectMeta

from weighlock.deployment.rendering.kubernetes_names import PORT, of_release, selector
from weighlock.deployment.rendering.plan import Plan, Variant
from weighlock.deployment.targets import Kubernetes

USER = 1034  # docs/image.md
KEYS, LOG, SHARED = "/run/weighlock", "/log", "/dev/shm"  # noqa: S108  (what the image calls them)
DRAIN = 5  # seconds in which gateways learn that a replica goes, while it still answers


def pod(variant: Variant, plan: Plan, cluster: Kubernetes) -> PodTemplateSpec:
    """The template of a release's replicas."""
    labels = of_release(variant, plan)
    return PodTemplateSpec(
        metadata=ObjectMeta(labels=labels, annotations={"kubectl.kubernetes.io/default-container": "service"}),
        spec=PodSpec(
            serviceAccountName=cluster.service_account or plan.service,
            automountServiceAccountToken=False,
            enableServiceLinks=False,
            terminationGracePeriodSeconds=DRAIN + 10,
            securityContext=PodSecurityContext(
                runAsNonRoot=True,
                runAsUser=USER,
                runAsGroup=USER,
                fsGroup=USER,
                fsGroupChangePolicy="OnRootMismatch",
                seccompProfile=SeccompProfile(type="RuntimeDefault"),
            ),
            topologySpreadConstraints=[
                TopologySpreadConstraint(
                    maxSkew=1, topologyKey=key, whenUnsatisfiable="ScheduleAnyway", labelSelector=selector(labels)
                )
                for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
            ],
            containers=[_container(variant, plan, cluster)],
            volumes=_volumes(cluster),
        ),
    )


def _container(variant: Variant, plan: Plan, cluster: Kubernetes) -> Container:
    resources, secret = plan.environment.resources, cluster.environment_secret
    return Container(
        name="service",
        image=variant.release.image,
        imagePullPolicy="IfNotPresent",
        env=[EnvVar(name="WEIGHLOCK_KEYS", value=f"{KEYS}/keys.json"), EnvVar(name="WEIGHLOCK_LOG_DIR", value=LOG)],
        envFrom=[EnvFromSource(secretRef=SecretEnvSource(name=secret))] if secret else None,
        ports=[ContainerPort(name="http", containerPort=PORT, protocol="TCP")],
        # no limit of CPU: throttling shows in the slowest answers first, and requests already share it out
        resources=ResourceRequirements(
            requests={"cpu": resources.cpu, "memory": resources.memory, "ephemeral-storage": "64Mi"},
            limits={"memory": resources.memory, "ephemeral-storage": cluster.log_size},
        ),
        startupProbe=_probe("/readyz", periodSeconds=1, failureThreshold=60),
        readinessProbe=_probe("/readyz", periodSeconds=5, failureThreshold=2),
        livenessProbe=_probe("/healthz", periodSeconds=10, failureThreshold=3),
        lifecycle=Lifecycle(preStop=LifecycleHandler(sleep=SleepAction(seconds=DRAIN))),
        securityContext=SecurityContext(
            allowPrivilegeEscalation=False,
            capabilities=Capabilities(drop=["ALL"]),
            privileged=False,
            readOnlyRootFilesystem=True,
            runAsNonRoot=True,
        ),
        volumeMounts=[
            VolumeMount(name="log", mountPath=LOG),
            VolumeMount(name="keys", mountPath=KEYS, readOnly=True),
            VolumeMount(name="shared", mountPath=SHARED),
        ],
    )


def _probe(path: str, *, periodSeconds: int, failureThreshold: int) -> Probe:
    return Probe(
        httpGet=HTTPGetAction(path=path, port="http", scheme="HTTP"),
        periodSeconds=periodSeconds,
        timeoutSeconds=2,
        failureThreshold=failureThreshold,
    )


def _volumes(cluster: Kubernetes) -> list[Volume]:
    claim = cluster.log_claim
    log = (
        Volume(name="log", persistentVolumeClaim=PersistentVolumeClaimVolumeSource(claimName=claim))
        if claim
        else Volume(name="log", emptyDir=EmptyDirVolumeSource(sizeLimit=cluster.log_size))
    )
    secret = SecretVolumeSource(
        secretName=cluster.keys_secret, defaultMode=0o440, items=[KeyToPath(key="keys.json", path="keys.json")]
    )
    shared = EmptyDirVolumeSource(medium="Memory", sizeLimit="64Mi")
    return [log, Volume(name="keys", secret=secret), Volume(name="shared", emptyDir=shared)]
