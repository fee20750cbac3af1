"""TE003: Telemetry with targetRefs that no waypoint follows."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.telemetry.words import settings
from ambimigrate.kinds import Gateway, Service, ServiceEntry, Telemetry
from ambimigrate.kinds.shared import TargetRef
from ambimigrate.model import Hit, Mesh, Resource, Route
from ambimigrate.topology import meshconfig, reach, waypoints


@rule("TE003", Telemetry)
def check(telemetry: Resource[Telemetry], mesh: Mesh) -> Iterator[Hit]:
    spec = telemetry.body.spec
    refs: list[tuple[Route, TargetRef]] = [(("spec", "targetRefs", number), ref) for number, ref in enumerate(spec.target_refs)]
    if spec.target_ref:
        refs.append((("spec", "targetRef"), spec.target_ref))
    for place, ref in refs:
        for message, case in _faults(telemetry, ref, mesh):
            yield Hit(telemetry.at(*place), message, case=case)
        if spec.metrics and ref.kind in {"Service", "Gateway"}:
            message = f"Istio {mesh.target.istio} does not customise metrics of waypoints"
            yield Hit(telemetry.at("spec", "metrics"), message, case="metrics")


def _faults(telemetry: Resource[Telemetry], ref: TargetRef, mesh: Mesh) -> Iterator[tuple[str, str]]:
    words, root = settings(telemetry.body), meshconfig.root_namespace(mesh)
    match ref.kind:
        case "GatewayClass":
            if not any(each.namespace == root for each in waypoints.waypoints(mesh)) or telemetry.namespace != root:
                yield f"{words} settings for GatewayClass {ref.name} reach no waypoint outside {root}", "class"
            yield f"Istio {mesh.target.istio} refuses a Telemetry for a GatewayClass", "class-old"
        case "Service" | "ServiceEntry":
            yield from _of_target(telemetry, ref, mesh)
        case "Gateway":
            if mesh.find(Gateway, telemetry.namespace, ref.name, telemetry.file) is None and _sees_gateways(mesh, telemetry):
                yield (
                    f"there is no Gateway {ref.name} in {telemetry.namespace}: nobody follows these {words} settings",
                    "missing",
                )


def _of_target(telemetry: Resource[Telemetry], ref: TargetRef, mesh: Mesh) -> Iterator[tuple[str, str]]:
    target = reach.find(mesh, (ref.kind, telemetry.namespace, ref.name), telemetry.file)
    if target is None or not isinstance(target.body, Service | ServiceEntry) or not reach.is_called(mesh, target):
        return
    found = waypoints.binding(mesh, target)
    if found is None or found.fault:
        yield f"no waypoint serves {ref.name}: nobody follows its {settings(telemetry.body)} settings", "unbound"
    elif found.namespace != telemetry.namespace:
        yield f"the waypoint of {ref.name} is in {found.namespace}: Istio {mesh.target.istio} skips these settings", "far"


def _sees_gateways(mesh: Mesh, telemetry: Resource[Telemetry]) -> bool:
    """Whether the Gateways were read, so that one missing among them is missing."""
    return mesh.is_whole(Gateway, telemetry.namespace) or any(
        each.namespace == telemetry.namespace for each in mesh.of(Gateway)
    )
