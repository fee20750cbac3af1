"""Cilium's policies as NetworkPolicies: the same union of what is admitted, by the labels that Cilium gives pods.

Cilium, docs security/policy: policies of all kinds add up, a deny comes before all of them; a rule `{}` admits nobody; an
empty list restricts nothing; addresses and outside entities never mean pods that Cilium manages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ambimigrate.converters.networks.cni.reading import DIRECTIONS, Reading, Rule, Side, Tree, listed, only
from ambimigrate.converters.outcome import Refused
from ambimigrate.kinds import LabelSelector
from ambimigrate.kinds.core import NetworkPolicyPeer, NetworkPolicyPort
from ambimigrate.kinds.shared import LabelSelectorRequirement
from ambimigrate.model import Route
from ambimigrate.topology.networks import NAME

POD_NAMESPACE = "io.kubernetes.pod.namespace"
_NAMESPACE_LABELS = "io.cilium.k8s.namespace.labels."
_OURS = ("reserved:", "cidr:", "io.cilium.")
_OUTSIDE = frozenset({"world", "world-ipv4", "world-ipv6", "host", "remote-node", "kube-apiserver", "health", "none"})
_APART = ("CIDR", "CIDRSet", "FQDNs", "Groups", "Nodes")  # peers that are never pods
_RULE = frozenset({"endpointSelector", "ingress", "egress", "ingressDeny", "egressDeny"})
_ABOUT = frozenset({"enableDefaultDeny", "labels", "description", "log"})
_PORTS = frozenset({"ports"})
MOST = 40  # ports in one entry of toPorts (Cilium, pkg/policy/api)


def readings(tree: Tree, *, cluster: bool) -> Iterator[Reading]:
    """The policy's rules, each of which stands for itself."""
    found = tree.get("specs")
    rules: list[tuple[Route, Any]] = [(("spec",), tree["spec"])] if tree.get("spec") is not None else []
    rules += [(("specs", i), each) for i, each in enumerate(found if isinstance(found, list) else ())]
    for base, each in rules:
        if not (isinstance(each, dict) and each.get("nodeSelector") is not None):  # else it is about nodes
            yield _reading(each, base, cluster=cluster)


def _reading(rule: Any, base: Route, *, cluster: bool) -> Reading:
    pods, spaces = LabelSelector(), LabelSelector() if cluster else None
    try:
        rule = only(rule, _RULE | _ABOUT, base)
        pods, chosen = _selector(rule.get("endpointSelector") or {}, (*base, "endpointSelector"))
        spaces = chosen if chosen is not None else spaces
        ingress, egress = (_side(rule, base, each) for each in DIRECTIONS)
        return Reading(base, pods, spaces, ingress, egress)
    except Refused as refused:
        return Reading(base, pods, spaces, refused=refused)


# --- selectors ------------------------------------------------------------------------------------------------------


def _selector(tree: Any, route: Route) -> tuple[LabelSelector, LabelSelector | None]:
    """The pods by their own labels, and by their namespace if the selector names it. Raises Refused."""
    tree = only(tree, frozenset({"matchLabels", "matchExpressions"}), route)
    labels: tuple[dict[str, str], dict[str, str]] = {}, {}
    terms: tuple[list[LabelSelectorRequirement], list[LabelSelectorRequirement]] = [], []
    named = False
    for key, value in _pairs(tree.get("matchLabels"), route):
        space, plain = _key(key, route)
        labels[space][plain] = str(value)
        named |= space == 1
    for each in listed(tree.get("matchExpressions"), route):
        space, plain = _key(str(each.get("key", "") if isinstance(each, dict) else ""), route)
        values = tuple(str(one) for one in listed(each.get("values"), route))
        terms[space].append(LabelSelectorRequirement(key=plain, operator=str(each.get("operator", "")), values=values))
        named |= space == 1
    own, theirs = (LabelSelector(match_labels=labels[i], match_expressions=tuple(terms[i])) for i in (0, 1))
    return own, theirs if named else None


def _pairs(tree: Any, route: Route) -> Iterator[tuple[str, Any]]:
    if tree is not None and not isinstance(tree, Mapping):
        raise Refused("shape", route, "its labels are no mapping")
    yield from ((str(key), value) for key, value in (tree or {}).items())


def _key(key: str, route: Route) -> tuple[int, str]:
    """A label as Kubernetes knows it, 0 for one of the pod, 1 for one of its namespace. Raises Refused."""
    plain = key.removeprefix("any:").removeprefix("k8s:")
    if plain == POD_NAMESPACE:
        return 1, NAME
    if plain.startswith(_NAMESPACE_LABELS):
        return 1, plain.removeprefix(_NAMESPACE_LABELS)
    if not plain or plain.startswith(_OURS):
        raise Refused("selector", route, f"{key or 'a selector without key'} is no label of Kubernetes")
    return 0, plain


# --- rules ----------------------------------------------------------------------------------------------------------


def _side(rule: Tree, base: Route, direction: str) -> Side | None:
    route = (*base, direction)
    _check_denied(listed(rule.get(f"{direction}Deny"), (*base, f"{direction}Deny")), (*base, f"{direction}Deny"), direction)
    items = listed(rule.get(direction), route)
    found = tuple(each for i, item in enumerate(items) for each in _rule(item, (*route, i), direction))
    told = rule.get("enableDefaultDeny")
    default = told.get(direction) if isinstance(told, dict) else None
    if default is False:
        if found:
            raise Refused("default", route, "it admits without denying the rest, which NetworkPolicies cannot say")
        return None
    return Side(found, len(items)) if default or items or rule.get(f"{direction}Deny") else None


def _check_denied(items: list[Any], route: Route, direction: str) -> None:
    for i, item in enumerate(items):
        if any(True for _ in _rule(item, (*route, i), direction)):
            raise Refused("deny", (*route, i), "it denies callers of the mesh, whom a waypoint or the tunnel would let past it")


def _rule(item: Any, route: Route, direction: str) -> Iterator[Rule]:
    """The rule, if it is about pods and TCP. Raises Refused."""
    word = DIRECTIONS[direction]
    kinds = {f"{word}{each}" for each in ("Endpoints", "Entities", "Services", *_APART)}
    item = only(item, frozenset({*kinds, "toPorts", "icmps"}), route)
    ports = _ports(item.get("toPorts"), (*route, "toPorts"))
    peers = _peers(item, word, route)
    is_ping = bool(item.get("icmps")) and not item.get("toPorts")
    if peers is None or is_ping or not any(value is not None for value in item.values()):
        return
    if ports is not None and not any(each.protocol == "TCP" for each in ports):
        return
    if not peers and direction == "egress" and _is_dns(ports):
        return
    _check_plain(item.get("toPorts"), (*route, "toPorts"), ports)
    yield Rule(int(route[-1]), peers, ports or ())


def _is_dns(ports: tuple[NetworkPolicyPort, ...] | None) -> bool:
    return ports is not None and all(each.port == 53 for each in ports)


def _peers(item: Tree, word: str, route: Route) -> tuple[NetworkPolicyPeer, ...] | None:
    """Pods among the peers: none for everybody, None for nobody. Raises Refused."""
    given = [key for key in item if key.startswith(word) and key != "toPorts" and item[key] is not None]
    if not given:
        return ()
    if item.get(f"{word}Services"):
        raise Refused("field", (*route, f"{word}Services"), "which pods its Services mean is not said")
    found: list[NetworkPolicyPeer] = []
    for each in listed(item.get(f"{word}Endpoints"), (*route, f"{word}Endpoints")):
        pods, spaces = _selector(each, (*route, f"{word}Endpoints"))
        found.append(NetworkPolicyPeer(pod_selector=pods, namespace_selector=spaces))
    entities = {str(each) for each in listed(item.get(f"{word}Entities"), (*route, f"{word}Entities"))}
    if "all" in entities:
        return ()
    if "cluster" in entities:
        found.append(NetworkPolicyPeer(namespace_selector=LabelSelector()))
    if unknown := sorted(entities - _OUTSIDE - {"cluster"}):
        raise Refused("field", (*route, f"{word}Entities"), f"entity {unknown[0]} may mean pods or not")
    return tuple(found) or None


def _ports(groups: Any, route: Route) -> tuple[NetworkPolicyPort, ...] | None:
    """The ports that are named, None for all. Raises Refused."""
    found: list[NetworkPolicyPort] = []
    for i, group in enumerate(listed(groups, route)):
        for port in listed(group.get("ports") if isinstance(group, dict) else None, (*route, i, "ports")):
            found += _port(port, (*route, i, "ports"))
    return tuple(found) or None


def _port(port: Any, route: Route) -> Iterator[NetworkPolicyPort]:
    if not isinstance(port, dict):
        raise Refused("shape", route, "a port is no mapping")
    number, end = str(port.get("port", "0")), port.get("endPort")
    protocol = str(port.get("protocol") or "ANY").upper()
    value: int | str | None = int(number) if number.isdigit() else number
    if value == 0:
        value, end = None, None
    kept = "TCP" if protocol == "ANY" else protocol
    yield NetworkPolicyPort(port=value, end_port=end if isinstance(end, int) and end else None, protocol=kept)


def _check_plain(groups: Any, route: Route, ports: tuple[NetworkPolicyPort, ...] | None) -> None:
    """Raises Refused where Cilium looks into the connection, which is encrypted in the mesh: DNS is not of the mesh."""
    if _is_dns(ports):
        return
    for i, group in enumerate(listed(groups, route)):
        for key, value in group.items() if isinstance(group, dict) else ():
            if key not in _PORTS and value:
                raise Refused("layer7", (*route, i, key), f"`{key}` looks into connections, which are encrypted in the mesh")


# --- writing --------------------------------------------------------------------------------------------------------


def hbone(item: Tree, ports: list[Tree]) -> tuple[Route, Any]:
    """Where in a rule the port of the tunnel goes, and what is written there."""
    groups = item.get("toPorts") or []
    written = {"port": str(ports[0]["port"]), "protocol": "TCP"}
    for i, group in enumerate(groups):
        own = group.get("ports") if isinstance(group, dict) else None
        if isinstance(own, list) and len(own) < MOST:
            return ("toPorts", i, "ports", len(own)), written
    return ("toPorts", len(groups)), {"ports": [written]}


def rule(value: Tree, direction: str, namespace: str) -> Tree:
    """A rule of a NetworkPolicy with one kind of peers as Cilium writes it; `namespace` is that of unnamed peers."""
    word = DIRECTIONS[direction]
    found: Tree = {}
    for peer in value.get(word, ()):
        if block := peer.get("ipBlock"):
            found.setdefault(f"{word}CIDR", []).append(block["cidr"])
        else:
            found.setdefault(f"{word}Endpoints", []).append({"matchLabels": _labels(peer, namespace)})
    if ports := value.get("ports"):
        found["toPorts"] = [{"ports": [{"port": str(each["port"]), "protocol": each["protocol"]} for each in ports]}]
    return found


def _labels(peer: Tree, namespace: str) -> dict[str, str]:
    own = dict(peer.get("podSelector", {}).get("matchLabels", {}))
    space = peer.get("namespaceSelector", {}).get("matchLabels", {}).get(NAME, namespace)
    return own | ({f"k8s:{POD_NAMESPACE}": space} if space else {})
