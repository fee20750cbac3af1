"""NP007: a Calico policy that admits callers by port, but not on port 15008."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import listed
from ambimigrate.kinds import (
    CalicoGlobalNetworkPolicy,
    CalicoNetworkPolicy,
    CalicoStoredGlobalNetworkPolicy,
    CalicoStoredNetworkPolicy,
)
from ambimigrate.kinds.cni import CalicoRule
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import networks as reach

_EQUALS = re.compile(r"""\s*([\w./-]+)\s*==\s*['"]([^'"]*)['"]\s*""")
_HAS = re.compile(r"\s*has\(\s*([\w./-]+)\s*\)\s*")
_DNS = "53"


@rule(
    "NP007",
    CalicoNetworkPolicy,
    CalicoGlobalNetworkPolicy,
    CalicoStoredNetworkPolicy,
    CalicoStoredGlobalNetworkPolicy,
)
def check(policy: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    pods = [each.name for each in _selected(mesh, policy)]
    spec = policy.body.spec
    if not pods:
        return
    for direction, found in (("ingress", spec.ingress), ("egress", spec.egress)):
        if any(_opens(each) for each in found):
            continue
        for i, each in enumerate(found):
            if _is_for_mesh(each, direction):
                yield Hit(
                    policy.at("spec", direction, i, "destination", "ports"),
                    f"mesh traffic of {listed(pods)} uses port {reach.HBONE}, but this rule allows only "
                    f"{listed(str(one) for one in each.destination.ports)}: it is dropped once they are ambient",
                    direction,
                )


def _selected(mesh: Mesh, policy: Resource[Any]) -> Iterator[reach.Pods]:
    spec = policy.body.spec
    spaces: Iterable[tuple[reach.Pods, ...]] = reach.subjects(mesh).values()
    if policy.namespace:
        spaces = [reach.subjects(mesh).get(policy.namespace, ())]
    for members in spaces:
        for each in members:
            name = {"projectcalico.org/name": each.namespace, reach.NAME: each.namespace}
            if each.workload and means(spec.selector, each.labels) and means(spec.namespace_selector, name):
                yield each


def means(selector: str, labels: Mapping[str, str]) -> bool:
    """Whether a selector of Calico means these labels; of what is not understood here nothing is said."""
    if selector.strip() in {"", "all()"}:
        return True
    return all(_term(each, labels) for each in selector.split("&&"))


def _term(term: str, labels: Mapping[str, str]) -> bool:
    if found := _EQUALS.fullmatch(term):
        return labels.get(found[1]) == found[2]
    if found := _HAS.fullmatch(term):
        return found[1] in labels
    return False


def _is_for_mesh(each: CalicoRule, direction: str) -> bool:
    """Whether an Allow by ports is about pods: not by address, not for DNS alone."""
    if each.action != "Allow" or str(each.protocol).upper() not in {"TCP", "6"} or not each.destination.ports:
        return False
    peer = each.source if direction == "ingress" else each.destination
    inside = direction == "ingress" or peer.selector or peer.namespace_selector
    return not peer.nets and bool(inside) and [str(port) for port in each.destination.ports] != [_DNS]


def _opens(each: CalicoRule) -> bool:
    if each.action not in {"Allow", "Pass"}:
        return False
    if str(each.protocol).upper() not in {"NONE", "TCP", "6"}:
        return False
    return not each.destination.ports or any(_holds(str(port)) for port in each.destination.ports)


def _holds(port: str) -> bool:
    low, _, high = port.partition(":")
    return low.isdigit() and int(low) <= reach.HBONE <= int(high if high.isdigit() else low)
