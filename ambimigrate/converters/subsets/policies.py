"""Policies of subsets: what applies to each port of a versioned Service, as one DestinationRule of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ambimigrate.changes import Note
from ambimigrate.converters import made
from ambimigrate.converters.outcome import Refused, written
from ambimigrate.converters.subsets.defined import Defined
from ambimigrate.kinds import DestinationRule
from ambimigrate.kinds.traffic import TrafficPolicy
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import hosts

PORTS = "portLevelSettings"
_OF_PORTS = ("loadBalancer", "connectionPool", "outlierDetection", "tls")  # all that a port can have of its own
_WHOLE = ("tunnel", "proxyProtocol", "retryBudget")
_HBONE = frozenset({"ISTIO_MUTUAL", "DISABLE", None})  # modes that mean nothing where HBONE carries the connection

Policy = dict[str, Any]


def value(mesh: Mesh, defined: Defined, name: str, text_name: str) -> dict[str, Any] | None:
    """The DestinationRule of the versioned Service, None if none is needed. Raises Refused.

    One that says nothing keeps others away, such as rules for wildcards, which would count for this host.
    """
    spec: Policy = {"host": name}
    if policy := effective(defined):
        spec["trafficPolicy"] = policy
    elif not _is_covered(mesh, hosts.full_name(name, defined.service.namespace)):
        return None
    metadata = made.metadata(text_name, defined.beside)
    return {"apiVersion": f"{DestinationRule.GROUP}/v1", "kind": "DestinationRule", "metadata": metadata, "spec": spec}


def _is_covered(mesh: Mesh, host: str) -> bool:
    """Whether some rule is there already that the host would follow, whoever may see it."""
    return host in mesh.index(_hosts) or any(hosts.covers(each, host) for each in mesh.index(_wildcards))


def _hosts(mesh: Mesh) -> frozenset[str]:
    return frozenset(hosts.full_name(each.body.spec.host, each.namespace) for each in mesh.of(DestinationRule))


def _wildcards(mesh: Mesh) -> tuple[str, ...]:
    return tuple(each for each in mesh.index(_hosts) if each.startswith("*"))


def effective(defined: Defined) -> Policy:
    """The policy of the subset for all ports of its Service, each port as Istio merges it for it (4.3)."""
    top = next((_text(each, ("spec", "trafficPolicy")) for each in defined.rules if each.body.spec.traffic_policy), {})
    own = _text(defined.rule, ("spec", "subsets", defined.number, "trafficPolicy")) if defined.subset.traffic_policy else {}
    numbers = dict.fromkeys(each.port for each in defined.service.body.spec.ports)
    found = _joined({number: merged(top, own, number) for number in numbers}, defined)
    for number in numbers:
        if _hash(found, {}, number) != _hash(top, own, number):
            reason = f"port {number} of subset {defined.subset.name} hashes by a policy that its portLevelSettings switch off"
            raise Refused("subset-policy", (), reason)
    return found


def _hash(top: Policy, own: Policy, port: int) -> Any:
    """By what requests are hashed: routes look for it in more places than clusters (route.go `hashForHTTPDestination`)."""
    places = (_of_port(own, port), own, _of_port(top, port), top)
    found = ((each or {}).get("loadBalancer") or {} for each in places)
    return next((each["consistentHash"] for each in found if each.get("consistentHash")), None)


def merged(top: Policy, own: Policy, port: int) -> Policy:
    """What a subset gets on one port (networking/util/util.go `GetPortLevelTrafficPolicy`, `MergeSubsetTrafficPolicy`)."""
    base = _of_port(top, port)
    found = dict(top if base is None else base)
    found |= {name: own[name] for name in (*_OF_PORTS, *_WHOLE) if own.get(name) is not None}
    special = _of_port(own, port)
    if special is not None:  # these four do not inherit
        found = {name: each for name, each in found.items() if name not in _OF_PORTS} | special
    return _without_hbone({name: found[name] for name in (*_OF_PORTS, *_WHOLE) if found.get(name) is not None})


def _of_port(policy: Policy, port: int) -> Policy | None:
    for each in policy.get(PORTS) or ():
        if (each.get("port") or {}).get("number") == port:
            return {name: each[name] for name in _OF_PORTS if each.get(name) is not None}
    return None


def _without_hbone(policy: Policy) -> Policy:
    """The policy without TLS that HBONE stands for, at waypoints and, by themselves, at sidecars."""
    tls = policy.get("tls")
    if tls is not None and tls.get("mode") in _HBONE and not tls.keys() - {"mode"}:
        return {name: each for name, each in policy.items() if name != "tls"}
    return policy


def _joined(by_port: Mapping[int, Policy], defined: Defined) -> Policy:
    policies = [each for i, each in enumerate(by_port.values()) if each not in list(by_port.values())[:i]]
    if len(policies) < 2:
        return policies[0] if policies else {}
    whole = [each for each in policies if any(name in each for name in _WHOLE)]
    top = whole[0] if whole else next((each for each in policies if not each), policies[0])
    if len(whole) > 1 or (top and {} in policies):  # a port cannot say these, nor nothing
        field = next((name for name in _WHOLE if name in top), "trafficPolicy")
        reason = f"{field} of subset {defined.subset.name} is not the same for all ports, which its own rule cannot say"
        raise Refused("subset-policy", (), reason)
    settings = [{"port": {"number": number}, **each} for number, each in by_port.items() if each != top]
    return {**top, PORTS: settings}


def _text(rule: Resource[DestinationRule], route: Route) -> Policy:
    """What stands at the route, as it is written, unless an overlay changed it."""
    tree: Any = written(rule)
    plain: Any = msgspec.to_builtins(rule.body)
    for step in route:
        tree, plain = _step(tree, step), _step(plain, step)
    if isinstance(tree, dict) and msgspec.to_builtins(msgspec.convert(tree, TrafficPolicy)) == plain:
        return tree
    return plain if isinstance(plain, dict) else {}


def _step(tree: Any, step: str | int) -> Any:
    if isinstance(step, int):
        return tree[step] if isinstance(tree, list | tuple) and step < len(tree) else None
    return tree.get(step) if isinstance(tree, dict) else None


def notes(defined: Defined, policy: Policy) -> Iterator[Note]:
    """Limits and ejections, which a sidecar counts for itself and a replica of the waypoint for all callers (2.9)."""
    every = [policy, *policy.get(PORTS, ())]
    for name in ("connectionPool", "outlierDetection"):
        said = list(dict.fromkeys(text for each in every for text in _numbers(each.get(name) or {})))
        if said:
            reason = f"{', '.join(said)}: today for each caller, at the waypoint for each of its replicas over all callers"
            yield Note(defined.rule.at("spec"), f"{name} of subset {defined.subset.name}: {reason}")


def _numbers(tree: Mapping[str, Any]) -> Iterator[str]:
    for name, each in tree.items():
        if isinstance(each, dict):
            yield from _numbers(each)
        elif isinstance(each, int) and not isinstance(each, bool):
            yield f"{name} {each}"
