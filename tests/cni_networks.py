"""NetworkPolicies in the words of Cilium and of Calico."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

POD_NAMESPACE = "io.kubernetes.pod.namespace"
Tree = Mapping[str, Any]


def cilium(policy: Tree) -> dict[str, Any]:
    """A NetworkPolicy in the words of Cilium (its addresses no longer mean pods)."""
    spec, found = policy["spec"], dict[str, Any]()
    for direction, word in (("ingress", "from"), ("egress", "to")):
        if direction.title() in spec["policyTypes"]:
            found[direction] = [item for rule in spec.get(direction, ()) for item in _items(rule, word)] or [{}]
    body = {"endpointSelector": _selector(spec["podSelector"], {}), **found}
    return {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": policy["metadata"], "spec": body}


def _items(rule: Tree, word: str) -> Iterator[dict[str, Any]]:
    ports: list[dict[str, Any]] = [
        {"port": str(each["port"]), "protocol": each.get("protocol", "TCP")}
        | ({"endPort": each["endPort"]} if "endPort" in each else {})
        for each in rule.get("ports", ())
    ]
    to: dict[str, Any] = {"toPorts": [{"ports": ports}]} if ports else {}
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
        peers: tuple[Tree, ...] = tuple(rule.get(word) or ({},))
        for peer in peers:
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
