"""What policies of Cilium and Calico let through, written from their documentation, to judge what convert makes of them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from ambimigrate.semantics.networks import Connection, End, Namespaces, Network, matches

POD_NAMESPACE = "io.kubernetes.pod.namespace"
Tree = Mapping[str, Any]


class Cilium(Struct, frozen=True):
    """Cilium's rules add up with Kubernetes' policies; nothing here denies, and addresses never mean pods."""

    policies: tuple[tuple[str, Tree], ...]  # namespace ("" for the whole cluster) and rule
    kubernetes: Network
    namespaces: Namespaces

    def admits(self, wanted: Connection) -> bool:
        """Whether the connection comes about."""
        return self._passes(wanted, wanted.caller, wanted.callee, "egress") and self._passes(
            wanted, wanted.callee, wanted.caller, "ingress"
        )

    def _passes(self, wanted: Connection, own: End, other: End, direction: str) -> bool:
        if not own.is_pod:
            return True
        found = [(space, rule) for space, rule in self.policies if rule.get(direction) and self._selects(space, rule, own)]
        word = "from" if direction == "ingress" else "to"
        allowed = any(self._allows(each, word, space, other, wanted) for space, rule in found for each in rule[direction])
        if not found:
            return half(self.kubernetes, wanted, direction)
        kubernetes = isolates(self.kubernetes, own, direction) and half(self.kubernetes, wanted, direction)
        return allowed or kubernetes

    def _selects(self, space: str, rule: Tree, own: End) -> bool:
        return (not space or own.namespace == space) and self._means(rule["endpointSelector"], own)

    def _means(self, selector: Tree, end: End) -> bool:
        spaces = {f"io.cilium.k8s.namespace.labels.{key}": value for key, value in self.namespaces[end.namespace].items()}
        labels = {**end.labels, **spaces, POD_NAMESPACE: end.namespace}
        plain = {key.removeprefix("k8s:"): value for key, value in selector.get("matchLabels", {}).items()}
        return all(labels.get(key) == value for key, value in plain.items()) and all(
            meets(labels.get(each["key"].removeprefix("k8s:")), each) for each in selector.get("matchExpressions", ())
        )

    def _allows(self, item: Tree, word: str, space: str, other: End, wanted: Connection) -> bool:
        ports = [port for group in item.get("toPorts", ()) for port in group["ports"]]
        peers = any(key in item for key in (f"{word}Endpoints", f"{word}Entities", f"{word}CIDR", f"{word}CIDRSet"))
        near = item.get(f"{word}Entities") == ["all"] or any(
            other.is_pod and (not space or self._is_wide(each) or other.namespace == space) and self._means(each, other)
            for each in item.get(f"{word}Endpoints", ())
        )
        if not item:
            return False
        return (near or not peers) and (not ports or any(is_port(each, wanted) for each in ports))

    @staticmethod
    def _is_wide(selector: Tree) -> bool:
        keys = [*selector.get("matchLabels", {}), *(each["key"] for each in selector.get("matchExpressions", ()))]
        return any(POD_NAMESPACE in key or "namespace.labels" in key for key in keys)


def is_port(port: Tree, wanted: Connection) -> bool:
    if port.get("protocol", "ANY") not in {"ANY", wanted.protocol}:
        return False
    if not port["port"].isdigit():
        return wanted.callee.ports.get(port["port"]) == wanted.port
    return int(port["port"]) <= wanted.port <= int(port.get("endPort", port["port"]))


def meets(value: str | None, term: Tree) -> bool:
    known = {"In": value in term.get("values", ()), "NotIn": value not in term.get("values", ()), "Exists": value is not None}
    return known[term["operator"]]


def isolates(network: Network, end: End, direction: str) -> bool:
    """Whether one of Kubernetes' policies restricts the pod; all of them say their types here."""
    return any(
        each.namespace == end.namespace
        and direction.title() in each.body.spec.policy_types
        and matches(each.body.spec.pod_selector, end.labels)
        for each in network.policies
    )


def half(network: Network, wanted: Connection, direction: str) -> bool:
    """One end's opinion."""
    return network._leaves(wanted) if direction == "egress" else network._enters(wanted)


class Calico(Struct, frozen=True):
    """Calico's policies that only allow, in one tier, beside Kubernetes'."""

    policies: tuple[tuple[str, Tree], ...]  # namespace and spec
    kubernetes: Network
    namespaces: Namespaces

    def admits(self, wanted: Connection) -> bool:
        """Whether the connection comes about."""
        return self._passes(wanted, wanted.caller, wanted.callee, "egress") and self._passes(
            wanted, wanted.callee, wanted.caller, "ingress"
        )

    def _passes(self, wanted: Connection, own: End, other: End, direction: str) -> bool:
        if not own.is_pod:
            return True
        title = direction.title()
        found = [
            (space, spec)
            for space, spec in self.policies
            if title in spec["types"] and own.namespace == space and self._means(spec.get("selector", ""), own.labels)
        ]
        if not found:
            return half(self.kubernetes, wanted, direction)
        side = "source" if direction == "ingress" else "destination"
        allowed = any(
            self._allows(each, side, space, other, wanted) for space, spec in found for each in spec.get(direction, ())
        )
        return allowed or (isolates(self.kubernetes, own, direction) and half(self.kubernetes, wanted, direction))

    def _allows(self, rule: Tree, side: str, space: str, other: End, wanted: Connection) -> bool:
        if rule.get("protocol") not in {None, "TCP"}:
            return False
        peer = rule.get(side, {})
        ports = rule.get("destination", {}).get("ports", ())
        if nets := peer.get("nets"):
            near = any(ipaddress.ip_address(other.address) in ipaddress.ip_network(each) for each in nets)
        elif "selector" in peer or "namespaceSelector" in peer:
            spaces = peer.get("namespaceSelector")
            inside = (
                other.namespace == space if spaces is None else self._means(spaces, self.namespaces.get(other.namespace, {}))
            )
            near = other.is_pod and inside and self._means(peer.get("selector", ""), other.labels)
        else:
            near = True
        return near and (not ports or any(self._is_port(str(each), wanted) for each in ports))

    @staticmethod
    def _is_port(port: str, wanted: Connection) -> bool:
        low, _, high = port.partition(":")
        if not low.isdigit():
            return wanted.callee.ports.get(low) == wanted.port
        return int(low) <= wanted.port <= int(high or low)

    @staticmethod
    def _means(selector: str, labels: Mapping[str, str]) -> bool:
        known = {**labels, "projectcalico.org/name": labels.get("kubernetes.io/metadata.name", "")}
        for term in selector.split("&&"):
            if term.strip() in {"", "all()"}:
                continue
            found = re.fullmatch(r"\s*([\w./-]+)\s*(==|!=)\s*'([^']*)'\s*", term)
            assert found, term
            if (known.get(found[1]) == found[3]) != (found[2] == "=="):
                return False
        return True


# --- the same policies in other words -------------------------------------------------------------------------------


def cilium(policy: Tree) -> dict[str, Any]:
    """A NetworkPolicy in the words of Cilium (its addresses no longer mean pods)."""
    spec, found = policy["spec"], dict[str, Any]()
    for direction, word in (("ingress", "from"), ("egress", "to")):
        if direction.title() in spec["policyTypes"]:
            found[direction] = [item for rule in spec.get(direction, ()) for item in _items(rule, word)] or [{}]
    body = {"endpointSelector": _selector(spec["podSelector"], {}), **found}
    return {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": policy["metadata"], "spec": body}


def _items(rule: Tree, word: str) -> Iterator[dict[str, Any]]:
    ports = [
        {"port": str(each["port"]), "protocol": each.get("protocol", "TCP")}
        | ({"endPort": each["endPort"]} if "endPort" in each else {})
        for each in rule.get("ports", ())
    ]
    to = {"toPorts": [{"ports": ports}]} if ports else {}
    for peer in rule.get(word, ()):
        if "ipBlock" in peer:
            yield {f"{word}CIDRSet": [peer["ipBlock"]]} | to
        else:
            yield {f"{word}Endpoints": [_selector(peer.get("podSelector", {}), peer.get("namespaceSelector"))]} | to
    if not rule.get(word):
        yield to or {f"{word}Entities": ["all"]}


def _selector(pods: Tree, spaces: Tree | None) -> dict[str, Any]:
    labels, terms = dict(pods.get("matchLabels", {})), list(pods.get("matchExpressions", ()))
    for key, value in (spaces or {}).get("matchLabels", {}).items():
        name = POD_NAMESPACE if key == "kubernetes.io/metadata.name" else f"io.cilium.k8s.namespace.labels.{key}"
        labels[f"k8s:{name}"] = value
    if spaces == {} and pods is not None:
        terms.append({"key": POD_NAMESPACE, "operator": "Exists"})
    return {"matchLabels": labels, "matchExpressions": terms}


def calico(policy: Tree) -> dict[str, Any]:
    """A NetworkPolicy in the words of Calico."""
    spec = policy["spec"]
    found: dict[str, Any] = {"selector": _text(spec["podSelector"]), "types": spec["policyTypes"]}
    for direction, word in (("ingress", "from"), ("egress", "to")):
        if spec.get(direction):
            found[direction] = [each for rule in spec[direction] for each in _rules(rule, word)]
    return {"apiVersion": "projectcalico.org/v3", "kind": "NetworkPolicy", "metadata": policy["metadata"], "spec": found}


def _rules(rule: Tree, word: str) -> Iterator[dict[str, Any]]:
    side = "source" if word == "from" else "destination"
    by_protocol: dict[str, list[Any]] = {"TCP": [], "UDP": []} if rule.get("ports") else {"TCP": []}
    for each in rule.get("ports", ()):
        shown = f"{each['port']}:{each['endPort']}" if "endPort" in each else each["port"]
        by_protocol[each.get("protocol", "TCP")].append(shown)
    for protocol, ports in by_protocol.items():
        if rule.get("ports") and not ports:
            continue
        for peer in rule.get(word) or ({},):
            made: dict[str, Any] = {"action": "Allow", "protocol": protocol}
            chosen = _peer(peer)
            made |= {side: chosen} if chosen else {}
            if ports:
                made["destination"] = {**made.get("destination", {}), "ports": list(ports)}
            yield made


def _peer(peer: Tree) -> dict[str, Any]:
    if "ipBlock" in peer:
        return {"nets": [peer["ipBlock"]["cidr"]]}
    found = {"selector": _text(peer["podSelector"]) or "all()"} if "podSelector" in peer else {}
    if "namespaceSelector" in peer:
        text = _text(peer["namespaceSelector"]).replace("kubernetes.io/metadata.name", "projectcalico.org/name")
        found["namespaceSelector"] = text or "all()"
    return found


def _text(selector: Tree) -> str:
    terms = [f"{key} == '{value}'" for key, value in selector.get("matchLabels", {}).items()]
    for each in selector.get("matchExpressions", ()):
        terms.append(f"{each['key']} {'==' if each['operator'] == 'In' else '!='} '{each['values'][0]}'")
    return " && ".join(terms)
