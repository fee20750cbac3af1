"""No pair of pods that could not talk can talk after conversion, and none of the mesh that could is cut off."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from ambimigrate.convert import EVERYTHING, Conversion, after, convert
from ambimigrate.kinds import Gateway, NetworkPolicy, Service
from ambimigrate.model import Mesh, Resource, Target
from ambimigrate.semantics.authz import waypoint, ztunnel
from ambimigrate.semantics.authz.model import Call, Caller, Verdict
from ambimigrate.semantics.cni import Networks
from ambimigrate.semantics.networks import Connection, End, Network
from ambimigrate.sources.read import read_files
from ambimigrate.topology import injection, waypoints
from ambimigrate.topology.workloads import Workload, services_of, target_port, workloads
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests.test_convert import nothing

HBONE = 15008
PORTS = {"http": 8080, "admin": 9090, "db": 5432}
SPACES = ("shop", "pay", "tools")  # tools is not in the mesh
ROLES = ("front", "cart", "api")
GATEWAY = "gateway.networking.k8s.io/gateway-name"


# --- random meshes --------------------------------------------------------------------------------------------------


def objects(rng: random.Random) -> Iterator[dict[str, Any]]:
    for space in SPACES:
        labels = {"team": rng.choice(["a", "b"])} | ({"istio-injection": "enabled"} if space != "tools" else {})
        yield made("v1", "Namespace", space, "", metadata={"labels": labels})
        for role in rng.sample(ROLES, rng.randint(1, 3)):
            yield from workload(rng, space, role)
        for number in range(rng.choice([0, 1, 1, 2, 3])):
            yield policy(rng, space, f"policy-{number}")


def made(version: str, kind: str, name: str, space: str, **rest: Any) -> dict[str, Any]:
    metadata = {"name": name} | ({"namespace": space} if space else {}) | rest.pop("metadata", {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}


def workload(rng: random.Random, space: str, role: str) -> Iterator[dict[str, Any]]:
    labels = {"app": role, "tier": rng.choice(["x", "y"])}
    named = dict(rng.sample(sorted(PORTS.items()), 2))
    ports = [{"name": name, "containerPort": number} for name, number in named.items()]
    account = rng.choice([role, role, role, "default"])
    pod: dict[str, Any] = {"serviceAccountName": account, "containers": [{"name": "app", "image": "app", "ports": ports}]}
    marks: dict[str, str] = {}
    if rng.random() < 0.08:
        pod["hostNetwork"] = True
    elif rng.random() < 0.08:
        marks["sidecar.istio.io/inject"] = "false"
    template = {"metadata": {"labels": {**labels, **marks}}, "spec": pod}
    spec = {"selector": {"matchLabels": {"app": role}}, "template": template}
    yield made("apps/v1", "Deployment", role, space, spec=spec)
    fronts = [{"name": f"tcp-{name}" if name == "db" else f"http-{name}", "port": number} for name, number in named.items()]
    yield made("v1", "Service", role, space, spec={"selector": {"app": role}, "ports": fronts, "clusterIP": "10.0.0.1"})
    if space != "tools" and rng.random() < 0.25:
        route = [{"route": [{"destination": {"host": role}}]}]
        yield made("networking.istio.io/v1", "VirtualService", role, space, spec={"hosts": [role], "http": route})


def policy(rng: random.Random, space: str, name: str) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "podSelector": selector(rng),
        "policyTypes": rng.choice([["Ingress"], ["Ingress", "Egress"], ["Egress"]]),
    }
    if "Ingress" in spec["policyTypes"]:
        spec["ingress"] = [rule(rng, "from") for _ in range(rng.choice([0, 1, 1, 2]))]
    if "Egress" in spec["policyTypes"]:
        spec["egress"] = [rule(rng, "to") for _ in range(rng.choice([0, 1, 2, 3]))]
    return made("networking.k8s.io/v1", "NetworkPolicy", name, space, spec=spec)


def selector(rng: random.Random) -> dict[str, Any]:
    app = {"matchLabels": {"app": rng.choice(ROLES)}}
    tier = {"matchExpressions": [{"key": "tier", "operator": rng.choice(["In", "NotIn"]), "values": ["x"]}]}
    return rng.choice([{}, app, app, app, tier])


def rule(rng: random.Random, word: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if rng.random() < 0.85:
        found[word] = [peer(rng) for _ in range(rng.choice([1, 1, 2]))]
    if rng.random() < 0.85:
        found["ports"] = [port(rng) for _ in range(rng.choice([1, 1, 2]))]
    return found


def peer(rng: random.Random) -> dict[str, Any]:
    chance = rng.random()
    if chance < 0.4:
        return {"podSelector": selector(rng)}
    space = rng.choice(
        [{}, {"matchLabels": {"team": "a"}}, {"matchLabels": {"kubernetes.io/metadata.name": rng.choice(SPACES)}}]
    )
    if chance < 0.65:
        return {"namespaceSelector": space}
    if chance < 0.85:
        return {"namespaceSelector": space, "podSelector": selector(rng)}
    block: dict[str, Any] = {"cidr": rng.choice(["10.0.0.0/8", "10.1.0.0/16", "10.1.1.0/28", "0.0.0.0/0"])}
    return {"ipBlock": block | ({"except": ["10.1.1.0/28"]} if block["cidr"] == "10.1.0.0/16" and rng.random() < 0.5 else {})}


def port(rng: random.Random) -> dict[str, Any]:
    number = rng.choice([8080, 9090, 5432, 7777, "http", "admin"])
    if rng.random() < 0.1:
        return {"protocol": "TCP", "port": rng.choice([8000, 5000]), "endPort": rng.choice([8090, 9100])}
    return {"port": number} if rng.random() < 0.5 else {"protocol": rng.choice(["TCP", "TCP", "TCP", "UDP"]), "port": number}


# --- who can talk ---------------------------------------------------------------------------------------------------


class World(Struct, frozen=True):
    """A mesh with its policies; pods have addresses by their order."""

    mesh: Mesh
    network: Network | Networks
    addresses: dict[tuple[str, str], str]

    @staticmethod
    def of(mesh: Mesh) -> World:
        spaces = {name: {"kubernetes.io/metadata.name": name, **injection.labels(mesh, name)} for name in SPACES}
        every = sorted((each.namespace, each.name) for each in workloads(mesh))
        addresses = {key: f"10.{1 + number % 2}.{1 + number // 8}.{number + 2}" for number, key in enumerate(every)}
        return World(mesh, Network(mesh.of(NetworkPolicy), spaces), addresses)

    def end(self, pods: Workload) -> End:
        ports = {each.name: each.container_port for one in pods.pod.containers for each in one.ports}
        address = self.addresses[pods.namespace, pods.name]
        return End(pods.namespace, pods.labels, address, ports, pods.pod.host_network)

    def is_ambient(self, pods: Workload) -> bool:
        return injection.workload_mode(self.mesh, pods) == injection.AMBIENT

    def principal(self, pods: Workload) -> str | None:
        outside = injection.workload_mode(self.mesh, pods) == injection.NONE
        return None if outside else f"cluster.local/ns/{pods.namespace}/sa/{pods.service_account}"

    def direct(self, caller: Workload, callee: Workload, number: int) -> bool:
        """Whether a call to the pod's address comes through."""
        both = self.is_ambient(caller) and self.is_ambient(callee)
        wanted = Connection(self.end(caller), self.end(callee), HBONE if both else number)
        who = Caller(self.principal(caller), self.addresses[caller.namespace, caller.name], captured=True)
        return self.network.admits(wanted) and self.allows(who, callee, number)

    def allows(self, who: Caller, callee: Workload, number: int) -> bool:
        if self.principal(callee) is None:
            return True
        call = Call(who, services_of(self.mesh, callee)[0], number)
        return ztunnel.decide(self.mesh, call, callee, number).verdict is not Verdict.DENY

    def through(self, caller: Workload, callee: Workload, service: Resource[Service], number: int) -> bool:
        """Whether a call to the Service comes through its waypoint."""
        gateway = waypoint_of(self.mesh, service)
        assert gateway is not None
        own = End(gateway.namespace, {**gateway.body.metadata.labels, GATEWAY: gateway.name}, "10.1.9.9")
        who = Caller(self.principal(caller), self.addresses[caller.namespace, caller.name], captured=True)
        inner = HBONE if self.is_ambient(callee) else number
        way = (Connection(self.end(caller), own, HBONE), Connection(own, self.end(callee), inner))
        if not all(self.network.admits(each) for each in way):
            return False
        call = Call(who, service, next(each.port for each in service.body.spec.ports if target_port(each, callee) == number))
        passed = waypoint.decide(self.mesh, call, gateway).verdict is not Verdict.DENY
        own_name = Caller(f"cluster.local/ns/{gateway.namespace}/sa/{gateway.name}", "10.1.9.9", captured=True)
        return passed and self.allows(own_name, callee, number)


def waypoint_of(mesh: Mesh, service: Resource[Service]) -> Resource[Gateway] | None:
    found = waypoints.binding(mesh, service)
    return found.gateway if found is not None and found.fault is None else None


def moved(seed: int, tmp_path: Path) -> tuple[World, World, Conversion]:
    rng = random.Random(seed)
    text = "---\n".join(json.dumps(each) + "\n" for each in objects(rng))
    (tmp_path / "mesh.yaml").write_text(text, encoding="utf-8")
    (mesh,) = read_files([str(tmp_path)], Target(NEWEST, NEWEST_GATEWAY_API)).meshes
    conversion = convert((mesh,), (), EVERYTHING, check=nothing)
    return World.of(mesh), World.of(after(mesh, conversion.changes)), conversion


@pytest.mark.parametrize("seed", range(400))
def test_reach_stays_as_it_was(seed: int, tmp_path: Path) -> None:
    before, now, _ = moved(seed, tmp_path)
    old = {(each.namespace, each.name): each for each in workloads(before.mesh)}
    for caller in workloads(now.mesh):
        for callee in workloads(now.mesh):
            if caller is not callee:
                pair = old[caller.namespace, caller.name], old[callee.namespace, callee.name]
                check_pair(before, now, pair, (caller, callee))


def check_pair(before: World, now: World, pair: tuple[Workload, Workload], new: tuple[Workload, Workload]) -> None:
    caller, callee = new
    declared = {each.container_port for one in callee.pod.containers for each in one.ports}
    for number in (*sorted(PORTS.values()), 7777, 1234):
        could = before.network.admits(Connection(before.end(pair[0]), before.end(pair[1]), number))
        can = now.direct(caller, callee, number)
        shown = f"{caller.namespace}/{caller.name} to {callee.namespace}/{callee.name}:{number}"
        assert could or not can, f"{shown} is open now"
        assert can or not could or number not in declared, f"{shown} is cut off"
        for service in services_of(now.mesh, callee):
            if now.is_ambient(caller) and waypoint_of(now.mesh, service) and number in declared:
                can = now.through(caller, callee, service, number)
                assert could or not can, f"{shown} is open now through the waypoint"
                assert can or not could, f"{shown} is cut off at the waypoint"


def test_enough_of_the_meshes_move(tmp_path: Path) -> None:
    """Held namespaces prove little: most have to come through."""
    free = held = 0
    for seed in range(60):
        folder = tmp_path / str(seed)
        folder.mkdir()
        _, _, conversion = moved(seed, folder)
        held += len({each.namespace for each in conversion.held})
        free += 2 - len({each.namespace for each in conversion.held})
    assert free > held
