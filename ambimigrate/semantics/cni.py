"""What policies of Cilium and Calico let through, beside Kubernetes' own.

Written from their documentation (docs.cilium.io, security/policy; docs.tigera.io, reference/resources). Cilium: what any
policy allows is allowed, a denial comes first, addresses never mean pods. Calico: the first rule that matches decides, in the
order of policies; a pod that none selects is open.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from msgspec import Struct

from ambimigrate.semantics.networks import Connection, End, Namespaces, Network, labels_of

Tree = Mapping[str, Any]
_POD_NAMESPACE = "io.kubernetes.pod.namespace"
_LABELS = "io.cilium.k8s.namespace.labels."
_NAME = "kubernetes.io/metadata.name"
_ORDER = 1000.0  # where Calico puts Kubernetes' policies
_SIDES = {"ingress": ("from", "source"), "egress": ("to", "destination")}
_TERM = re.compile(r"""\(?\s*(!?)\s*(?:has\(\s*([\w./-]+)\s*\)|([\w./-]+)\s*(==|!=|not\s+in|in)\s*(.+?))\s*\)?""")


class Networks(Struct, frozen=True):
    """All policies: Kubernetes', rules of Cilium, specs of Calico; with each its namespace, "" for the whole cluster."""

    kubernetes: Network
    cilium: tuple[tuple[str, Tree], ...]
    calico: tuple[tuple[str, Tree], ...]
    namespaces: Namespaces

    def __bool__(self) -> bool:
        return bool(self.kubernetes.policies or self.cilium or self.calico)

    def admits(self, wanted: Connection) -> bool:
        """Whether the connection comes about: both ends have to agree."""
        return self._agrees(wanted, wanted.caller, "egress") and self._agrees(wanted, wanted.callee, "ingress")

    def _agrees(self, wanted: Connection, own: End, direction: str) -> bool:
        if not own.is_pod:
            return True
        if self.calico:
            return self._by_order(wanted, own, direction)
        return self._by_union(wanted, own, direction)

    # --- Cilium -----------------------------------------------------------------------------------------------------

    def _by_union(self, wanted: Connection, own: End, direction: str) -> bool:
        allows = [item for space, rule in self._rules(own) for item in _items(rule, direction, space)]
        denies = [item for space, rule in self._rules(own) for item in _items(rule, f"{direction}Deny", space)]
        isolated = self.kubernetes.isolates(own, direction) or any(_isolates(rule, direction) for _, rule in self._rules(own))
        if any(self._is_meant(item, space, wanted, direction) for space, item in denies):
            return False
        if not isolated or any(self._is_meant(item, space, wanted, direction) for space, item in allows):
            return True
        return self.kubernetes.isolates(own, direction) and self.kubernetes.agrees(wanted, direction)

    def _rules(self, own: End) -> Iterator[tuple[str, Tree]]:
        for space, rule in self.cilium:
            chosen = rule.get("endpointSelector")
            if chosen is not None and space in {"", own.namespace} and self._chooses(chosen, own):
                yield space, rule

    def _chooses(self, selector: Tree, end: End) -> bool:
        labels = {**end.labels, _POD_NAMESPACE: end.namespace}
        labels |= {_LABELS + key: value for key, value in labels_of(self.namespaces, end.namespace).items()}
        plain = {_plain(key): value for key, value in (selector.get("matchLabels") or {}).items()}
        terms = selector.get("matchExpressions") or ()
        return all(labels.get(key) == value for key, value in plain.items()) and all(
            _meets(labels.get(_plain(each["key"])), each["operator"], each.get("values") or ()) for each in terms
        )

    def _is_meant(self, item: Tree, space: str, wanted: Connection, direction: str) -> bool:
        other = wanted.caller if direction == "ingress" else wanted.callee
        word = _SIDES[direction][0]
        peers = [key for key in item if key.startswith(word) and key != "toPorts"]
        near = not peers or any(self._is_peer(item[key], key.removeprefix(word), space, other) for key in peers)
        ports = [port for group in item.get("toPorts") or () for port in group.get("ports") or ()]
        return bool(item) and near and (not ports or any(_is_port(each, wanted) for each in ports))

    def _is_peer(self, value: Any, kind: str, space: str, other: End) -> bool:
        if kind == "Endpoints":
            return other.is_pod and any(
                (not space or _names_space(each) or other.namespace == space) and self._chooses(each, other) for each in value
            )
        if kind == "Entities":
            return (
                "all" in value or ("cluster" in value and bool(other.namespace)) or ("world" in value and not other.namespace)
            )
        blocks = [each if isinstance(each, str) else each.get("cidr", "") for each in value] if "CIDR" in kind else []
        return not other.is_pod and any(_is_in(other.address, each) for each in blocks)

    # --- Calico -----------------------------------------------------------------------------------------------------

    def _by_order(self, wanted: Connection, own: End, direction: str) -> bool:
        found = [
            (float(spec.get("order") or "inf"), number, spec, space)
            for number, (space, spec) in enumerate(self.calico)
            if direction in _types(spec) and space in {"", own.namespace} and self._is_bound(spec, own)
        ]
        kubernetes = self.kubernetes.isolates(own, direction)
        if kubernetes:
            found.append((_ORDER, -1, {}, ""))
        for _, number, spec, space in sorted(found, key=lambda each: each[:2]):
            if number < 0 and self.kubernetes.agrees(wanted, direction):
                return True
            for rule in spec.get(direction) or ():
                if rule.get("action") != "Log" and self._matches(rule, space, wanted, direction):
                    return rule.get("action") in {"Allow", "Pass"}
        return not found

    def _is_bound(self, spec: Tree, own: End) -> bool:
        spaces = spec.get("namespaceSelector")
        return _means(spec.get("selector"), own.labels) and _means(spaces, labels_of(self.namespaces, own.namespace))

    def _matches(self, rule: Tree, space: str, wanted: Connection, direction: str) -> bool:
        protocol = str(rule.get("protocol") or "TCP").upper()
        if {"6": "TCP", "17": "UDP"}.get(protocol, protocol) != wanted.protocol:
            return False
        other = wanted.caller if direction == "ingress" else wanted.callee
        peer = rule.get(_SIDES[direction][1]) or {}
        ports = (rule.get("destination") or {}).get("ports") or ()
        return self._is_near(peer, space, other) and (not ports or any(_is_number(str(each), wanted) for each in ports))

    def _is_near(self, peer: Tree, space: str, other: End) -> bool:
        if nets := peer.get("nets"):
            return any(_is_in(other.address, each) for each in nets)
        pods, spaces = peer.get("selector"), peer.get("namespaceSelector")
        if not pods and not spaces:
            return True
        labels = labels_of(self.namespaces, other.namespace)
        inside = _means(spaces, labels) if spaces else not space or other.namespace == space
        return other.is_pod and inside and _means(pods, other.labels)


def _isolates(rule: Tree, direction: str) -> bool:
    """Cilium, pkg/policy/api/rule_validation.go: unless it is said, a rule with entries for the direction denies the rest."""
    said = (rule.get("enableDefaultDeny") or {}).get(direction)
    return bool(rule.get(direction) or rule.get(f"{direction}Deny")) if said is None else bool(said)


def _items(rule: Tree, key: str, space: str) -> Iterator[tuple[str, Tree]]:
    yield from ((space, each) for each in rule.get(key) or ())


def _plain(key: str) -> str:
    return key.removeprefix("any:").removeprefix("k8s:")


def _names_space(selector: Tree) -> bool:
    keys = [*(selector.get("matchLabels") or {}), *(each["key"] for each in selector.get("matchExpressions") or ())]
    return any(_plain(key).startswith((_POD_NAMESPACE, _LABELS)) for key in keys)


def _meets(value: str | None, operator: str, values: Collection[str]) -> bool:
    known = {"In": value in values, "NotIn": value not in values, "Exists": value is not None, "DoesNotExist": value is None}
    return known.get(operator, False)


def _is_port(port: Tree, wanted: Connection) -> bool:
    number = str(port.get("port", "0"))
    if str(port.get("protocol") or "ANY").upper() not in {"ANY", wanted.protocol}:
        return False
    if not number.isdigit():
        return wanted.callee.ports.get(number) == wanted.port
    return number == "0" or int(number) <= wanted.port <= int(port.get("endPort") or number)


def _is_number(port: str, wanted: Connection) -> bool:
    low, _, high = port.partition(":")
    if not low.isdigit():
        return wanted.callee.ports.get(low) == wanted.port
    return int(low) <= wanted.port <= int(high or low)


def _is_in(address: str, cidr: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return False


def _types(spec: Tree) -> set[str]:
    given = {str(each).lower() for each in spec.get("types") or ()}
    return given or {each for each in _SIDES if spec.get(each)} or {"ingress"}


def _means(selector: Any, labels: Mapping[str, str]) -> bool:
    """Whether a selector means the labels: terms joined by `&&`; what is more than that means nothing here."""
    known = {**labels, "projectcalico.org/name": labels.get(_NAME, "")}
    terms = (each.strip() for each in str(selector or "all()").split("&&"))
    return all(each == "all()" or _holds(each, known) for each in terms)


def _holds(term: str, labels: Mapping[str, str]) -> bool:
    found = _TERM.fullmatch(term)
    if found is None:
        return False
    if found[2]:
        return (found[2] in labels) is not bool(found[1])
    values = re.findall(r"""['"]([^'"]*)['"]""", found[5])
    return (labels.get(found[3]) in values) is (found[4] in {"==", "in"})
