"""By an egress waypoint nobody gets out whom NetworkPolicies kept in, and nobody is kept in whom they let out."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ambimigrate.convert import Choice, Conversion, after, convert
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import AuthorizationPolicy, NetworkPolicy, ServiceEntry
from ambimigrate.model import Mesh, Resource, Target
from ambimigrate.semantics.networks import Connection, End, Network
from ambimigrate.sources.read import read_files
from ambimigrate.topology import injection, waypoints
from ambimigrate.topology.workloads import Workload, workloads
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests.test_convert import nothing
from tests.test_networks_oracle import made

SPACES = ("shop", "pay")
ROLES = ("front", "cart")
FAR = End(address="9.9.9.9")
HBONE = 15008
GATEWAY = "gateway.networking.k8s.io/gateway-name"
OUT = {"istio": "way-out"}


def objects(rng: random.Random) -> Iterator[dict[str, Any]]:
    yield made("v1", "Namespace", "edge", "")
    template: dict[str, Any] = {"metadata": {"labels": OUT, "annotations": {"inject.istio.io/templates": "gateway"}}}
    template["spec"] = {"containers": [{"name": "istio-proxy", "image": "auto"}]}
    yield made("apps/v1", "Deployment", "way-out", "edge", spec={"selector": {"matchLabels": OUT}, "template": template})
    port = {"name": "tls", "port": 443, "targetPort": 8443}
    yield made("v1", "Service", "way-out", "edge", spec={"selector": OUT, "ports": [port]})
    for space in SPACES:
        yield made("v1", "Namespace", space, "", metadata={"labels": {"istio-injection": "enabled"}})
        for role in ROLES:
            labels = {"app": role}
            pod = {"serviceAccountName": rng.choice([role, role, "default"]), "containers": [{"name": "app", "image": "app"}]}
            template = {"metadata": {"labels": labels}, "spec": pod}
            yield made("apps/v1", "Deployment", role, space, spec={"selector": {"matchLabels": labels}, "template": template})
            front = {"name": "http", "port": 80, "targetPort": 8080}
            yield made("v1", "Service", role, space, spec={"selector": labels, "ports": [front]})
        for number in range(rng.choice([1, 1, 2])):
            yield from (origin if rng.random() < 0.6 else chain)(rng, space, f"far-{number}")
        for number in range(rng.choice([0, 1, 2, 3])):
            yield policy(rng, space, f"policy-{number}")


def entry(rng: random.Random, space: str, name: str, port: dict[str, Any]) -> dict[str, Any]:
    spec = {"hosts": [f"{name}.{space}.example"], "resolution": "DNS", "ports": [port]}
    return made("networking.istio.io/v1", "ServiceEntry", name, space, spec=spec)


def origin(rng: random.Random, space: str, name: str) -> Iterator[dict[str, Any]]:
    """An entry towards which sidecars start TLS."""
    target = rng.choice([443, 8443])
    yield entry(rng, space, name, {"number": 80, "name": "http", "protocol": "HTTP", "targetPort": target})
    spec = {"host": f"{name}.{space}.example", "trafficPolicy": {"tls": {"mode": "SIMPLE"}}}
    yield made("networking.istio.io/v1", "DestinationRule", name, space, spec=spec)


def chain(rng: random.Random, space: str, name: str) -> Iterator[dict[str, Any]]:
    """An entry whose TLS goes through the gateway."""
    host = f"{name}.{space}.example"
    yield entry(rng, space, name, {"number": 443, "name": "tls", "protocol": "TLS"})
    server = {"port": {"number": 443, "name": "tls", "protocol": "TLS"}, "hosts": [host], "tls": {"mode": "PASSTHROUGH"}}
    yield made("networking.istio.io/v1", "Gateway", name, space, spec={"selector": OUT, "servers": [server]})
    legs = [(side, to) for side, to in (("mesh", "way-out.edge.svc.cluster.local"), (name, host))]
    tls = [
        {
            "match": [{"gateways": [side], "port": 443, "sniHosts": [host]}],
            "route": [{"destination": {"host": to, "port": {"number": 443}}}],
        }
        for side, to in legs
    ]
    spec = {"hosts": [host], "gateways": ["mesh", name], "tls": tls}
    yield made("networking.istio.io/v1", "VirtualService", name, space, spec=spec)


def policy(rng: random.Random, space: str, name: str) -> dict[str, Any]:
    chosen = rng.choice([{}, {"matchLabels": {"app": rng.choice(ROLES)}}])
    spec: dict[str, Any] = {"podSelector": chosen, "policyTypes": ["Egress"]}
    spec["egress"] = [rule(rng) for _ in range(rng.choice([0, 1, 1, 2]))]
    return made("networking.k8s.io/v1", "NetworkPolicy", name, space, spec=spec)


def rule(rng: random.Random) -> dict[str, Any]:
    to: dict[str, Any] | None = rng.choice(
        [
            None,
            {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}},
            {"podSelector": {}},
            {"namespaceSelector": {}},
            {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "edge"}}},
        ]
    )
    port = rng.choice([None, 443, 8443, 53])
    found: dict[str, Any] = {"to": [to]} if to else {}
    return found | ({"ports": [{"protocol": "TCP", "port": port}]} if port else {})


def networks(mesh: Mesh) -> Network:
    labels = {
        name: {"kubernetes.io/metadata.name": name, **injection.labels(mesh, name)} for name in injection.namespaces(mesh)
    }
    return Network(mesh.of(NetworkPolicy), labels)


def end(workload: Workload) -> End:
    return End(workload.namespace, workload.labels, "10.1.0.1")


def today(mesh: Mesh, caller: Workload, far: Resource[ServiceEntry]) -> bool:
    port = far.body.spec.ports[0]
    if port.protocol == "TLS":
        return networks(mesh).admits(Connection(end(caller), End("edge", OUT, "10.1.0.2"), 8443))
    return networks(mesh).admits(Connection(end(caller), FAR, port.target_port or port.number))


def then(mesh: Mesh, caller: Workload, far: Resource[ServiceEntry]) -> bool:
    """By the waypoint: the caller gets to it, it gets out, and no policy for the entry refuses the caller."""
    bound = waypoints.binding(mesh, far)
    assert bound is not None and bound.fault is None and bound.gateway is not None
    own = End(bound.namespace, {**bound.gateway.body.metadata.labels, GATEWAY: bound.name}, "10.1.0.3")
    port = far.body.spec.ports[0]
    found = networks(mesh)
    there = found.admits(Connection(end(caller), own, HBONE))
    out = found.admits(Connection(own, FAR, port.target_port or port.number))
    return there and out and not denied(mesh, caller, far)


def denied(mesh: Mesh, caller: Workload, far: Resource[ServiceEntry]) -> bool:
    who = f"*/ns/{caller.namespace}/sa/{caller.service_account}"
    for each in mesh.within(AuthorizationPolicy, far.namespace):
        if any(ref.kind == "ServiceEntry" and ref.name == far.name for ref in each.body.spec.target_refs):
            assert each.body.spec.action == "DENY"
            sources = (one.source for given in each.body.spec.rules or () for one in given.from_)
            if any(source and (who in source.principals or caller.namespace in source.namespaces) for source in sources):
                return True
    return False


def converted(tmp_path: Path, rng: random.Random, seed: int) -> tuple[Mesh, Conversion]:
    (tmp_path / "mesh.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects(rng))}))
    reading = read_files([str(tmp_path)], Target(NEWEST, NEWEST_GATEWAY_API, "standard"))
    assert not reading.problems
    settings = Settings(spread="shared" if seed % 3 == 0 else "namespace")
    return reading.meshes[0], convert(reading.meshes, (), Choice(settings=settings), check=nothing)


@pytest.mark.parametrize("seed", range(60))
def test_who_gets_out_stays_the_same(tmp_path: Path, seed: int) -> None:
    before, conversion = converted(tmp_path, random.Random(seed), seed)
    end_ = after(before, conversion.changes)
    held = {each.namespace for each in conversion.held}
    for far in end_.of(ServiceEntry):
        for caller in (each for each in workloads(before) if each.namespace in SPACES and far.namespace not in held):
            was, is_ = today(before, caller, far), then(end_, caller, far)
            assert not is_ or was, f"{caller} gets to {far.name} of {far.namespace}, and did not"
            assert is_ or not was or caller.namespace in held, f"{caller} got to {far.name} of {far.namespace}, and does not"


def test_every_endpoint_counts(tmp_path: Path) -> None:
    """One endpoint listens at a port of its own and one at that of the entry: who gets to one alone is not let out to both."""
    rng = random.Random(0)
    chosen = ("Namespace", "Deployment", "Service")
    items = [each for each in objects(rng) if each["kind"] in chosen and each["metadata"].get("namespace", "shop") != "pay"]
    far = entry(rng, "shop", "far", {"number": 80, "name": "http", "protocol": "HTTP", "targetPort": 443})
    far["spec"] |= {
        "resolution": "STATIC",
        "endpoints": [{"address": "9.9.9.9", "ports": {"http": 8443}}, {"address": "9.9.9.8"}],
    }
    tls = {"host": "far.shop.example", "trafficPolicy": {"tls": {"mode": "SIMPLE"}}}
    items += [far, made("networking.istio.io/v1", "DestinationRule", "far", "shop", spec=tls)]
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"ports": [{"protocol": "TCP", "port": 8443}]}]}
    items.append(made("networking.k8s.io/v1", "NetworkPolicy", "one-port", "shop", spec=spec))
    (tmp_path / "mesh.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    meshes = read_files([str(tmp_path)], Target(NEWEST, NEWEST_GATEWAY_API, "standard")).meshes
    found = convert(meshes, (), Choice(settings=Settings()), check=nothing)
    assert [each.reason for each in found.held if each.ref.kind == "NetworkPolicy"] == [
        "whether it lets front out to far.shop.example is not known, so not whether to its waypoint"
    ]


def test_most_meshes_are_converted(tmp_path: Path) -> None:
    """Else the test above would say nothing."""
    free = 0
    for seed in range(40):
        (tmp_path / str(seed)).mkdir()
        _, conversion = converted(tmp_path / str(seed), random.Random(seed), seed)
        free += sum(each not in {one.namespace for one in conversion.held} for each in SPACES)
    assert free > 30
