"""The Service and the DestinationRule that stand for a subset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.changes import SUBSET, Change, Create, Note, Stage
from ambimigrate.converters import made
from ambimigrate.converters.outcome import Refused, written
from ambimigrate.converters.subsets import defined as subsets
from ambimigrate.converters.subsets import doors
from ambimigrate.converters.subsets import policies as subset_policies
from ambimigrate.converters.subsets.defined import Defined
from ambimigrate.kinds import DestinationRule, Service
from ambimigrate.kinds.core import ServicePort
from ambimigrate.model import Mesh, Ref, Resource
from ambimigrate.topology.waypoints import USE, USE_NAMESPACE

RULE = "DR902"
_ANNOTATIONS = ("networking.istio.io/exportTo", "networking.istio.io/traffic-distribution")


def reserved(mesh: Mesh, service: Resource[Service], subset: str) -> str:
    """The name of the Service that stands for a subset. Raises Refused if there can be none."""
    defined = subsets.find(mesh, service, subset)
    name = subsets.name(mesh, defined)
    tuple(changes(mesh, defined))
    tuple(doors.closing(mesh, service, {name, *subsets.known(mesh, service).values()}))
    return name


def changes(mesh: Mesh, defined: Defined) -> Iterator[Change]:
    """The versioned Service and its DestinationRule, as far as they are not there. Raises Refused."""
    service, text = defined.service, subsets.written_name(mesh, defined)
    name = subsets.name(mesh, defined)
    own = subset_policies.value(mesh, defined, name, text)
    policy = own["spec"].get("trafficPolicy", {}) if own else {}
    wanted: list[tuple[str, type[Any], dict[str, Any], tuple[Note, ...]]] = [
        ("Service", Service, _service(defined, text), tuple(_notes(defined)))
    ]
    if own:
        wanted.append(("DestinationRule", DestinationRule, own, tuple(subset_policies.notes(defined, policy))))
    for kind, view, value, notes_ in wanted:
        ref = Ref(kind, view.GROUP, service.namespace, name)
        existing = mesh.find(view, ref.namespace, ref.name, defined.beside.file)
        if existing is None:
            sources = (defined.rule.at("spec", "subsets", defined.number), service.at())
            create = Create(ref, value, defined.beside)
            yield Change(Stage.prepare, ref.namespace, mesh.name, ref, create, None, (RULE,), sources, notes=notes_)
        elif not made.is_ours(existing):
            raise Refused("subset", (), f"subset {defined.subset.name} needs the name of {kind} {name}, which is another one")


def _service(defined: Defined, name: str) -> dict[str, Any]:
    """All ports, and what decides how they are reached; no labels that others select Services by (4.2)."""
    service = defined.service
    spec: dict[str, Any] = {}
    if chosen := subsets.selector(defined):
        spec["selector"] = chosen
    spec["ports"] = [_port(each) for each in service.body.spec.ports]
    spec |= _copied(service)
    labels = {key: each for key, each in service.body.metadata.labels.items() if key in {USE, USE_NAMESPACE}}
    metadata = made.metadata(name, defined.beside, labels)
    kept = {key: each for key, each in service.body.metadata.annotations.items() if key in _ANNOTATIONS}
    metadata["annotations"] |= {SUBSET: f"{service.name}/{defined.subset.name}", **kept}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def _port(port: ServicePort) -> dict[str, Any]:
    said = {
        "name": port.name or None,
        "protocol": port.protocol,
        "port": port.port,
        "targetPort": port.target_port,
        "appProtocol": port.app_protocol,
    }
    return {key: each for key, each in said.items() if each is not None}


def _copied(service: Resource[Service]) -> dict[str, Any]:
    own = service.body.spec
    found: dict[str, Any] = {
        "ipFamilies": list(own.ip_families) or None,
        "ipFamilyPolicy": own.ip_family_policy,
        "publishNotReadyAddresses": own.publish_not_ready_addresses or None,
        "internalTrafficPolicy": own.internal_traffic_policy,
        "trafficDistribution": own.traffic_distribution,
    }
    if own.session_affinity != "None":
        found["sessionAffinity"] = own.session_affinity
        text = written(service).get("spec")
        found["sessionAffinityConfig"] = text.get("sessionAffinityConfig") if isinstance(text, dict) else None
    return {key: each for key, each in found.items() if each is not None}


def _notes(defined: Defined) -> Iterator[Note]:
    """What becomes of a subset that no pod is in."""
    if subsets.selector(defined) is None:
        reason = (
            f"no pod of {defined.service.name} can have these labels: its Service selects nothing and answers 503, as today"
        )
        yield Note(defined.rule.at("spec", "subsets", defined.number, "labels"), reason)
