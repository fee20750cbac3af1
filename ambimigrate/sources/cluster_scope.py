"""What of a cluster is read: every kind that we know, but ConfigMaps only where they are Istio's or the network plugin's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ambimigrate.kinds import KINDS, ConfigMap, Object
from ambimigrate.kinds.parts import Part, by_part

ROLE = "ambimigrate-reader"

# ConfigMaps are read by name only: elsewhere they hold whatever users put there.
NAMED_CONFIG_MAPS: Mapping[str, tuple[str, ...]] = {"kube-system": ("cilium-config", "istio-cni-config")}


def is_istio(config_map: str) -> bool:
    """Whether a ConfigMap of that name, in a namespace of Istio, is a part of its configuration."""
    return (config_map == "istio" or config_map.startswith("istio-")) and config_map != "istio-ca-root-cert"


# Dashboards, by the label that Grafana's sidecar looks for in its chart.
LABELLED_CONFIG_MAPS = ("grafana_dashboard",)


def of_istio(revisions: Iterable[str]) -> tuple[str, ...]:
    """The names of MeshConfig and of the injector's configuration, without and with a revision."""
    names = ("istio", "istio-sidecar-injector")
    more = (f"{name}-{revision}" for revision in revisions if revision not in {"", "default"} for name in names)
    return (*names, *more)


def listed() -> Iterator[tuple[str, type[Object]]]:
    """The kinds that are listed in all namespaces, by name."""
    return ((name, view) for (_, name), view in KINDS.items() if view is not ConfigMap)


def rules() -> Iterator[tuple[Part, tuple[Mapping[str, Any], ...]]]:
    """The rules of the ClusterRole by part, a rule for each API group; ConfigMaps are for Roles.

    Pages of a list need no `get` and no `watch`; discovery and the reviews are open to everybody who is known.
    """
    for part, views in by_part().items():
        groups: dict[str, set[str]] = {}
        for view in views:
            if view is not ConfigMap:
                groups.setdefault(view.GROUP, set()).add(view.PLURAL)
        yield part, tuple(_rule(group, *sorted(plurals)) for group, plurals in sorted(groups.items()))


def roles(root: str) -> Iterator[Mapping[str, Any]]:
    """The least that a reader needs, as objects of RBAC; `root` is the namespace of istiod."""
    yield _role("ClusterRole", "", [rule for _, found in rules() for rule in found])
    yield _role("Role", root, [_rule("", ConfigMap.PLURAL)])
    for namespace, names in NAMED_CONFIG_MAPS.items():
        if namespace != root:
            yield _role("Role", namespace, [{**_rule("", ConfigMap.PLURAL), "resourceNames": list(names)}])


def job(account: str, image: str, root: str) -> Iterator[Mapping[str, Any]]:
    """What runs a scan inside the cluster: an account with the roles, and the Job; `account` is namespace/name."""
    namespace, _, name = account.partition("/")
    metadata = {"name": name, "namespace": namespace}
    subject = {"kind": "ServiceAccount", **metadata}
    yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    for role in roles(root):
        yield {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": f"{role['kind']}Binding",
            "metadata": role["metadata"],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role["kind"], "name": ROLE},
            "subjects": [subject],
        }
    container = {"name": "scan", "image": image, "args": ["scan", "--fail-on", "never"], "securityContext": _RESTRICTED}
    pod = {"serviceAccountName": name, "restartPolicy": "Never", "containers": [container], "securityContext": _NOBODY}
    labels = {"sidecar.istio.io/inject": "false", "istio.io/dataplane-mode": "none"}  # a Job with a sidecar never ends
    template = {"metadata": {"labels": labels}, "spec": pod}
    yield {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"backoffLimit": 0, "template": template}}


_NOBODY = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
_RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}


def _role(kind: str, namespace: str, rules: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    metadata = {"name": ROLE, "namespace": namespace} if namespace else {"name": ROLE}
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata, "rules": rules}


def _rule(group: str, *plurals: str) -> Mapping[str, Any]:
    return {"apiGroups": [group], "resources": list(plurals), "verbs": ["list"]}
