"""What Cilium's policies select and admit, as far as port 15008 and the kubelet's probes go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ambimigrate.checks.pods import sequence
from ambimigrate.kinds import CiliumClusterwideNetworkPolicy
from ambimigrate.kinds.cni import CiliumPolicy, CiliumRule
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import networks as reach

_PREFIXES = ("k8s:", "any:")
_POD_NAMESPACE = "io.kubernetes.pod.namespace"
_OUTSIDE = frozenset({"world", "host", "remote-node", "kube-apiserver", "health", "init"})


def rules(policy: CiliumPolicy) -> Iterator[tuple[Route, CiliumRule]]:
    """The rules of a policy with their routes."""
    if policy.spec is not None:
        yield ("spec",), policy.spec
    yield from ((("specs", i), each) for i, each in enumerate(policy.specs))


def restricts(policy: CiliumPolicy, direction: str) -> bool:
    """Whether it denies by default: it says so, else by having rules for the direction; an empty list is none.

    Cilium, pkg/policy/api/rule_validation.go `Sanitize`.
    """
    return any(_denies(each, direction) for _, each in rules(policy))


def _denies(rule: CiliumRule, direction: str) -> bool:
    if direction in rule.enable_default_deny:
        return rule.enable_default_deny[direction]
    return bool(rule.ingress or rule.ingress_deny if direction == "ingress" else rule.egress or rule.egress_deny)


def selected(mesh: Mesh, policy: Resource[Any]) -> tuple[reach.Pods, ...]:
    """The pods of ambient mode that a policy selects."""
    everywhere = isinstance(policy.body, CiliumClusterwideNetworkPolicy)
    spaces = reach.subjects(mesh).values() if everywhere else [reach.subjects(mesh).get(policy.namespace, ())]
    selectors = [each.endpoint_selector for _, each in rules(policy.body)]
    return tuple(
        each for members in spaces for each in members if each.workload and any(_selects(one, each) for one in selectors)
    )


def _selects(selector: Mapping[str, Any] | None, pods: reach.Pods) -> bool:
    """Whether an endpointSelector means the pods; expressions are taken to."""
    if selector is None:
        return False
    wanted = selector.get("matchLabels")
    labels = {**pods.labels, _POD_NAMESPACE: pods.namespace}
    return not isinstance(wanted, dict) or all(labels.get(plain(key)) == value for key, value in wanted.items())


def plain(key: str) -> str:
    """A label without the name of its source."""
    for prefix in _PREFIXES:
        key = key.removeprefix(prefix)
    return key


def items(rule: CiliumRule, direction: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    yield from enumerate((rule.ingress if direction == "ingress" else rule.egress) or ())


def ports(item: Mapping[str, Any]) -> list[str] | None:
    """The TCP ports that an item admits, None for all."""
    groups = [group.get("ports") for group in _listed(item.get("toPorts")) if isinstance(group, dict)]
    each = [port for group in groups for port in _listed(group) if isinstance(port, dict)]
    if not each:
        return None
    return [_shown(port) for port in each if port.get("protocol", "ANY") in ("TCP", "ANY")]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _shown(port: Mapping[str, Any]) -> str:
    return f"{port.get('port')}-{port['endPort']}" if port.get("endPort") else str(port.get("port"))


def opens(found: list[str] | None) -> bool:
    """Whether these ports hold 15008."""
    return found is None or any(_holds(each) for each in found)


def _holds(shown: str) -> bool:
    low, _, high = shown.partition("-")
    return (low.isdigit() and int(low) <= reach.HBONE <= int(high if high.isdigit() else low)) or low == "0"


def is_for_mesh(item: Mapping[str, Any], direction: str) -> bool:
    """Whether pods are among the peers of an item, other than by address or name of a host outside."""
    word = "from" if direction == "ingress" else "to"
    entities = item.get(f"{word}Entities")
    if isinstance(entities, list | tuple) and not _OUTSIDE.issuperset(map(str, entities)):
        return True
    if any(item.get(f"{word}{kind}") for kind in ("Endpoints", "Services")):
        return not _all_system(item.get(f"{word}Endpoints"))
    return not any(item.get(f"{word}{kind}") for kind in ("Entities", "CIDR", "CIDRSet", "FQDNs", "Nodes", "Groups"))


def _all_system(endpoints: Any) -> bool:
    """Whether all endpoints lie in Kubernetes' own namespaces."""
    found = [each.get("matchLabels") for each in sequence(endpoints) if isinstance(each, dict)]
    labels = [each if isinstance(each, dict) else {} for each in found]
    names = [{plain(key): value for key, value in each.items()}.get(_POD_NAMESPACE, "") for each in labels]
    return bool(names) and all(str(name).startswith("kube-") for name in names)
