"""Small meshes of namespace `shop`, read from text as users write it, and what convert makes of them stage by stage."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import yaml
from msgspec.structs import replace

from ambimigrate.analyse import analyse
from ambimigrate.changes import Stage
from ambimigrate.convert import Choice, Conversion, after, convert
from ambimigrate.converters.settings import DEFAULT, Settings
from ambimigrate.decode import Decoder
from ambimigrate.layout import lay_out
from ambimigrate.model import Finding, Mesh, Target
from ambimigrate.semantics import sidecar, waypoint
from ambimigrate.semantics.decision import Client, Decision, Request
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API, Version, parse

SHOP = "shop"
VERSIONS = {
    "Namespace": "v1",
    "Service": "v1",
    "ConfigMap": "v1",
    "Pod": "v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "Deployment": "apps/v1",
    "VirtualService": "networking.istio.io/v1",
    "DestinationRule": "networking.istio.io/v1",
    "ServiceEntry": "networking.istio.io/v1",
    "Sidecar": "networking.istio.io/v1",
    "Gateway": "gateway.networking.k8s.io/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "GRPCRoute": "gateway.networking.k8s.io/v1",
    "TCPRoute": "gateway.networking.k8s.io/v1",
    "TLSRoute": "gateway.networking.k8s.io/v1",
}
Tree = dict[str, Any]
WAYPOINT = {
    "gatewayClassName": "istio-waypoint",
    "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}],
}


def nothing(_meshes: tuple[Mesh, ...]) -> tuple[Finding, ...]:
    """No rule but the converters' own has a say."""
    return ()


def thing(kind: str, name: str, spec: Tree | str, namespace: str = SHOP, age: int = 0) -> Tree:
    """An object; the spec may be written as YAML. The one with the smaller age (a day of January) is the older."""
    metadata: Tree = {"name": name, "namespace": namespace}
    if age:
        metadata["creationTimestamp"] = f"2024-01-{age:02}T00:00:00Z"
    found = yaml.safe_load(spec) if isinstance(spec, str) else spec
    return {"apiVersion": VERSIONS[kind], "kind": kind, "metadata": metadata, "spec": found}


def vs(name: str, spec: str, namespace: str = SHOP, age: int = 0) -> Tree:
    return thing("VirtualService", name, spec, namespace, age)


def http(*rules: str, hosts: str = "reviews") -> str:
    """The spec of a VirtualService."""
    return f"{{hosts: [{hosts}], http: [{', '.join(rules)}]}}"


def rule(host: str, *parts: str) -> str:
    """A rule with one destination; the parts are what else it says."""
    return f"{{{', '.join((*parts, f'route: [{{destination: {{host: {host}}}}}]'))}}}"


def bound(*rules: str, to: str = "reviews") -> str:
    """The spec of a route whose parent is a Service."""
    return f"{{parentRefs: [{{group: '', kind: Service, name: {to}}}], rules: [{', '.join(rules)}]}}"


def service(name: str, *ports: int, protocol: str = "http", namespace: str = SHOP, **spec: Any) -> Tree:
    listed = [{"name": f"{protocol}-{port}", "port": port} for port in ports or (9080,)]
    return thing("Service", name, {"selector": {"app": name}, "ports": listed, **spec}, namespace)


def deployment(name: str, namespace: str = SHOP, **labels: str) -> Tree:
    template = {"metadata": {"labels": {"app": name, **labels}}, "spec": {"containers": [{"name": "app", "image": "app:1"}]}}
    full = "-".join((name, *labels.values()))
    return thing("Deployment", full, {"template": template}, namespace)


def app(name: str, *ports: int, protocol: str = "http", namespace: str = SHOP) -> list[Tree]:
    return [service(name, *ports, protocol=protocol, namespace=namespace), deployment(name, namespace)]


def namespace(name: str, **labels: str) -> Tree:
    metadata = {"name": name, "labels": labels or {"istio-injection": "enabled"}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def at_waypoint(name: str = SHOP) -> list[Tree]:
    """The namespace as it is once it is ambient, with its waypoint."""
    labels = {"istio.io/dataplane-mode": "ambient", "istio.io/use-waypoint": "waypoint"}
    return [namespace(name, **labels), thing("Gateway", "waypoint", WAYPOINT, name)]


def read(objects: Iterable[Tree], target: Target | str = "") -> Mesh:
    """One mesh of these objects, for the newest release of Istio unless another is named."""
    if isinstance(target, str):
        target = Target(parse(target) if target else NEWEST, NEWEST_GATEWAY_API)
    decoder = Decoder(lay_out(["all.json"], ()), "")
    decoder.add("all.json", "---\n".join(json.dumps(each) + "\n" for each in objects))
    reading = decoder.reading(target)
    assert not reading.problems, reading.problems
    return reading.meshes[0]


def full(name: str, namespace: str = SHOP) -> str:
    return f"{name}.{namespace}.svc.cluster.local" if "." not in name else name


def converted(mesh: Mesh, settings: Settings = DEFAULT) -> Conversion:
    return convert((mesh,), (), Choice(settings=settings), check=nothing)


def checked(mesh: Mesh) -> Conversion:
    """The conversion as users get it, with all rules of the catalogue."""
    return convert((mesh,), analyse((mesh,)))


def at_stages(mesh: Mesh, conversion: Conversion) -> dict[str, Mesh]:
    """What serves ambient callers: the VirtualService at the waypoint, both it and its routes, the routes alone."""
    enrolled = [each for each in conversion.changes if each.stage < Stage.retire]
    both = [*enrolled, *(each for each in conversion.changes if each.stage is Stage.retire and each.verb == "create")]
    return {"bound": after(mesh, enrolled), "both": after(mesh, both), "retired": after(mesh, conversion.changes)}


def request(to: str, path: str = "/", port: int = 9080, host: str = "", **asked: Any) -> Request:
    return Request(full(to), port, path=path, host=host or full(to), **asked)


def by_sidecar(
    mesh: Mesh,
    asked: Request,
    client: Client = Client(SHOP),  # noqa: B008
    release: Version | None = None,
) -> Decision:
    return sidecar.decide(mesh, client, asked, release)


def by_waypoint(mesh: Mesh, asked: Request, release: Version | None = None) -> Decision:
    return waypoint.decide(mesh, asked, release)


def ends(decision: Decision) -> str:
    """The pods with their shares where there are several, or the proxy's own answer."""
    shares = [(f"{_pods(outcome.backends)}", round(share), outcome.status) for share, outcome in decision.outcomes if share]
    if len(shares) == 1:
        pods, _, status = shares[0]
        return pods or str(status)
    return " ".join(sorted(f"{pods or status}:{share}" for pods, share, status in shares))


def _pods(backends: tuple[str, ...]) -> str:
    return ",".join(each.split("/")[-1].rpartition(":")[0] for each in backends)


def plain(decision: Decision) -> tuple[Any, ...]:
    """What is compared: destinations and what they receive, or the answer; timeout, retries, mirrors, faults, hashing."""
    outcomes = sorted((round(share, 3), repr(outcome)) for share, outcome in decision.outcomes if share)
    hashes = any("consistentHash" in outcome.policy for _, outcome in decision.outcomes)  # a cluster that does not ignores keys
    retries, whole = decision.retries, decision.timeout
    if retries and whole and retries.per_try >= whole:
        retries = replace(retries, per_try=0.0)  # the whole time ends first
    rest = whole, decision.mirrors, decision.unmatched, retries, decision.fault
    return outcomes, *rest, decision.hash if hashes else ()
