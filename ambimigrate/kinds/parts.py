"""What of a cluster is read, in parts that a role may leave out, and what is then not known."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from ambimigrate.kinds.base import KINDS, Object


class Part(Struct, frozen=True):
    """Kinds that are granted together. Without a part that `decides`, the verdicts on namespaces are unknown."""

    title: str
    why: str
    groups: tuple[str, ...] = ()  # all kinds of these API groups
    kinds: tuple[str, ...] = ()  # further ones by the name of their view
    decides: bool = False


PARTS = (
    Part(
        "who runs, and who calls whom",
        "without them no namespace gets a verdict",
        ("apps", "batch", "networking.k8s.io"),
        ("Namespace", "Service", "Pod", "ServiceAccount", "ConfigMap", "Rollout"),
        decides=True,
    ),
    Part(
        "Istio and the Gateway API",
        "without them no namespace gets a verdict",
        (
            "networking.istio.io",
            "security.istio.io",
            "telemetry.istio.io",
            "extensions.istio.io",
            "gateway.networking.k8s.io",
            "install.istio.io",
            "sailoperator.io",
        ),
        decides=True,
    ),
    Part(
        "policies and settings of the network plugin",
        "they may close port 15008; without them no namespace gets a verdict where their kinds are installed",
        ("cilium.io", "crd.projectcalico.org", "projectcalico.org", "operator.openshift.io", "vpcresources.k8s.aws"),
        decides=True,
    ),
    Part(
        "classes of ingresses and gateways",
        "which controller serves an Ingress that names a class",
        kinds=("GatewayClass", "IngressClass"),
    ),
    Part(
        "nodes, and their platform",
        "kernel, operating system, room for the node agents, versions of Kubernetes, pods on nodes without agents",
        kinds=("Node",),
    ),
    Part(
        "addresses of Services",
        "endpoints outside the cluster, and those behind Services without a selector",
        ("discovery.k8s.io",),
    ),
    Part(
        "whom the API server calls",
        "webhooks and aggregated APIs whose pods refuse plaintext once they are enrolled under STRICT",
        ("admissionregistration.k8s.io", "apiregistration.k8s.io", "apiextensions.k8s.io"),
    ),
    Part(
        "what bounds and scales pods",
        "disruption budgets, quotas, autoscalers that count the sidecar's share",
        ("autoscaling", "autoscaling.k8s.io", "keda.sh", "policy"),
        ("LimitRange", "ResourceQuota"),
    ),
    Part(
        "delivery and policy engines",
        "controllers that own or revert what is changed: Argo, Flux, Flagger, Knative, KubeVirt, Kyverno, Gatekeeper",
        (
            "argoproj.io",
            "flagger.app",
            "helm.toolkit.fluxcd.io",
            "kubevirt.io",
            "kustomize.toolkit.fluxcd.io",
            "kyverno.io",
            "serving.knative.dev",
            "serving.kserve.io",
            "templates.gatekeeper.sh",
        ),
    ),
    Part(
        "alerts, dashboards and scraping",
        "queries that name series of sidecars only",
        ("monitoring.coreos.com", "pyrra.dev", "sloth.slok.dev"),
    ),
)


def part(view: type[Object]) -> Part | None:
    """The part that a kind belongs to: by its name, else by its group."""
    for each in PARTS:
        if view.__name__ in each.kinds:
            return each
    return next((each for each in PARTS if view.GROUP in each.groups), None)


def deciding() -> frozenset[str]:
    """The kinds on which verdicts depend; one that belongs to no part does."""
    return frozenset(
        name
        for (_, kind), view in KINDS.items()
        if (found := part(view)) is None or found.decides
        for name in (kind, view.__name__)
    )


def by_part() -> Mapping[Part, tuple[type[Object], ...]]:
    """The views of each part."""
    return {each: tuple(view for view in KINDS.values() if part(view) is each) for each in PARTS}
