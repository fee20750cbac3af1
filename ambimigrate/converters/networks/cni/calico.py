"""Calico's policies as NetworkPolicies: those that only allow, of the default tier, which add up like Kubernetes' own.

Calico, docs reference/resources/networkpolicy: policies are asked in their order, the first rule that matches decides; what
no policy of the tier allows is denied for pods that one of them selects. Kubernetes' own have order 1000.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ambimigrate.converters.networks.cni.reading import DIRECTIONS, Reading, Rule, Side, Tree, listed, only
from ambimigrate.converters.outcome import Refused
from ambimigrate.kinds import LabelSelector
from ambimigrate.kinds.core import IPBlock, NetworkPolicyPeer, NetworkPolicyPort
from ambimigrate.kinds.shared import LabelSelectorRequirement
from ambimigrate.model import Route
from ambimigrate.topology.networks import NAME

_SPEC = frozenset({"tier", "order", "selector", "namespaceSelector", "types", "ingress", "egress", "performanceHints"})
_RULE = frozenset({"action", "protocol", "source", "destination", "metadata"})
_ENTITY = frozenset({"selector", "namespaceSelector", "nets", "ports"})
_KEY = r"[\w./-]+"
_VALUE = r"""(?:'[^']*'|"[^"]*")"""
_EQUALS = re.compile(rf"({_KEY})\s*(==|!=)\s*({_VALUE})")
_AMONG = re.compile(rf"({_KEY})\s+(not\s+in|in)\s*\{{\s*((?:{_VALUE}\s*,?\s*)*)\}}")
_HAS = re.compile(rf"(!?)\s*has\(\s*({_KEY})\s*\)")
_SPACE = "projectcalico.org/namespace"
_NAME = "projectcalico.org/name"


def readings(tree: Tree, *, cluster: bool) -> Iterator[Reading]:
    """The policy."""
    spec, base = tree.get("spec") or {}, ("spec",)
    pods, spaces = LabelSelector(), LabelSelector() if cluster else None
    try:
        if isinstance(spec, dict) and (spec.get("doNotTrack") or spec.get("preDNAT")):
            return  # it is for the interfaces of hosts
        spec = only(spec, _SPEC, base)
        _check_tier(spec, (*base, "tier"))
        pods = selector(spec.get("selector"), (*base, "selector"))
        if cluster:
            spaces = selector(spec.get("namespaceSelector"), (*base, "namespaceSelector"), of_namespaces=True)
        ingress, egress = (_side(spec, base, each, cluster=cluster) for each in DIRECTIONS)
        yield Reading(base, pods, spaces, ingress, egress)
    except Refused as refused:
        yield Reading(base, pods, spaces, refused=refused)


def _check_tier(spec: Tree, route: Route) -> None:
    if spec.get("tier") not in (None, "", "default"):
        raise Refused("order", route, "policies of another tier decide before or after those of Kubernetes")


# --- selectors ------------------------------------------------------------------------------------------------------


def selector(text: Any, route: Route, *, of_namespaces: bool = False) -> LabelSelector:
    """A selector that is a list of terms joined by `&&`. Raises Refused for any other."""
    shown = str(text or "").strip()
    if shown in {"", "all()"}:
        return LabelSelector()
    labels: dict[str, str] = {}
    terms: list[LabelSelectorRequirement] = []
    for part in shown.split("&&"):
        term = _term(part.strip().removeprefix("(").removesuffix(")") if part.strip().startswith("(") else part.strip())
        if term is None or (term.key.startswith("projectcalico.org/") and not (of_namespaces and term.key == _NAME)):
            raise Refused("selector", route, f"`{part.strip()}` is no term that labels of Kubernetes answer")
        key = NAME if term.key == _NAME else term.key
        if term.operator == "In" and len(term.values) == 1 and key not in labels:
            labels[key] = term.values[0]
        else:
            terms.append(LabelSelectorRequirement(key=key, operator=term.operator, values=term.values))
    return LabelSelector(match_labels=labels, match_expressions=tuple(terms))


def _term(text: str) -> LabelSelectorRequirement | None:
    if text == "all()":
        return LabelSelectorRequirement(key="all", operator="NotIn")
    if found := _EQUALS.fullmatch(text):
        return LabelSelectorRequirement(key=found[1], operator="In" if found[2] == "==" else "NotIn", values=(found[3][1:-1],))
    if found := _AMONG.fullmatch(text):
        values = tuple(each[1:-1] for each in re.findall(_VALUE, found[3]))
        return LabelSelectorRequirement(key=found[1], operator="In" if found[2] == "in" else "NotIn", values=values)
    if found := _HAS.fullmatch(text):
        return LabelSelectorRequirement(key=found[2], operator="DoesNotExist" if found[1] else "Exists")
    return None


# --- rules ----------------------------------------------------------------------------------------------------------


def _side(spec: Tree, base: Route, direction: str, *, cluster: bool) -> Side | None:
    route = (*base, direction)
    items = listed(spec.get(direction), route)
    if direction not in _types(spec):
        return None
    is_shut = bool(items) and _denies_rest(items[-1])
    members = items[:-1] if is_shut else items
    found = [each for i, item in enumerate(members) for each in _rule(item, (*route, i), direction, cluster=cluster)]
    return Side(tuple(found), len(items), is_shut)


def _types(spec: Tree) -> set[str]:
    """What the policy restricts: as `types` say, else what it has rules for, and ingress where it has none."""
    given = {str(each).lower() for each in spec.get("types") or ()}
    return given or {each for each in DIRECTIONS if spec.get(each)} or {"ingress"}


def _denies_rest(item: Any) -> bool:
    """Whether a rule says what holds anyway behind the last one."""
    return isinstance(item, dict) and item.get("action") == "Deny" and not {*item} - {"action", "metadata"}


def _rule(item: Any, route: Route, direction: str, *, cluster: bool) -> Iterator[Rule]:
    """The rule, if it is about TCP and may be about pods. Raises Refused."""
    if isinstance(item, dict) and (item.get("action") == "Log" or not _is_tcp(item.get("protocol"))):
        return
    item = only(item, _RULE, route)
    if item.get("action") != "Allow":
        raise Refused("deny", (*route, "action"), "what it decides depends on its place among the other rules")
    own, other = ("source", "destination") if direction == "ingress" else ("destination", "source")
    peers = _peers(item.get(own) or {}, (*route, own), with_ports=own == "destination", cluster=cluster)
    if leftover := [
        key for key, value in (item.get(other) or {}).items() if value and (other, key) != ("destination", "ports")
    ]:
        raise Refused(
            "field", (*route, other, leftover[0]), f"{leftover[0]} of the {other} narrows the rule to some of its pods"
        )
    ports = tuple(_port(each, route) for each in (item.get("destination") or {}).get("ports") or ())
    yield Rule(int(route[-1]), peers, ports)


def _is_tcp(protocol: Any) -> bool:
    return protocol is None or str(protocol).upper() in {"TCP", "6"}


def _peers(entity: Any, route: Route, *, with_ports: bool, cluster: bool) -> tuple[NetworkPolicyPeer, ...]:
    entity = only(entity, _ENTITY if with_ports else _ENTITY - {"ports"}, route)
    nets = tuple(NetworkPolicyPeer(ip_block=IPBlock(cidr=str(each))) for each in listed(entity.get("nets"), route))
    pods, spaces = entity.get("selector"), entity.get("namespaceSelector")
    if nets and (pods or spaces):
        raise Refused("field", (*route, "nets"), "it wants an address and a label at once")
    if nets or not (pods or spaces):
        return nets
    own = None if not spaces and not cluster else selector(spaces, (*route, "namespaceSelector"), of_namespaces=True)
    return (NetworkPolicyPeer(pod_selector=selector(pods, (*route, "selector")), namespace_selector=own),)


def _port(port: Any, route: Route) -> NetworkPolicyPort:
    low, _, high = str(port).partition(":")
    if high and low.isdigit() and high.isdigit():
        return NetworkPolicyPort(port=int(low), end_port=int(high))
    if high or not low:
        raise Refused("shape", route, f"{port!r} is no port")
    return NetworkPolicyPort(port=int(low) if low.isdigit() else low)


# --- writing --------------------------------------------------------------------------------------------------------


def hbone(item: Tree, ports: list[Tree]) -> tuple[Route, Any]:
    """Where in a rule the port of the tunnel goes, and what is written there."""
    return ("destination", "ports", len(item["destination"]["ports"])), ports[0]["port"]


def rule(value: Tree, direction: str, namespace: str) -> Tree:
    """A rule of a NetworkPolicy with one peer as Calico writes it; `namespace` is that of unnamed peers."""
    peer = value[DIRECTIONS[direction]][0]
    space = peer.get("namespaceSelector", {}).get("matchLabels", {}).get(NAME, namespace)
    chosen = {"selector": " && ".join(f"{key} == '{value}'" for key, value in peer["podSelector"]["matchLabels"].items())}
    chosen |= {"namespaceSelector": f"{_NAME} == '{space}'"} if space else {}
    ports = {"ports": [each["port"] for each in value["ports"]]}
    if direction == "egress":
        return {"action": "Allow", "protocol": "TCP", "destination": chosen | ports}
    return {"action": "Allow", "protocol": "TCP", "source": chosen, "destination": ports}
