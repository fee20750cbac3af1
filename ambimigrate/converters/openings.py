"""Ports at which pods go on answering callers that have no identity: an opening, made only where it was agreed to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from ambimigrate.changes import Change, Create, Edit, Held, Set, Stage
from ambimigrate.converters import made, optouts
from ambimigrate.converters.networks.closing import labels_of
from ambimigrate.converters.outcome import Account, Outcome, Refused, held
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import PeerAuthentication
from ambimigrate.model import Mesh, Ref, Resource
from ambimigrate.topology import injection, mtls, networks, outsiders, policies
from ambimigrate.topology.captured import captured
from ambimigrate.topology.outsiders import Outsider
from ambimigrate.topology.workloads import Workload, in_namespace, matches

OPENED, HELD = "PA903", "PA904"
Peer = Resource[PeerAuthentication]


def convert(mesh: Mesh, namespace: str, settings: Settings) -> Outcome:
    """The exceptions for workloads of the namespace, and the callers without one."""
    changes: list[Change] = []
    refusals: list[Held] = []
    for workload in in_namespace(mesh, namespace):
        found = tuple(_refused(mesh, workload, settings))
        if not found:
            continue
        account = Account()
        try:
            for each in found:
                account.agree(settings, OPENED, workload.resource, _difference(workload, each))
        except Refused as refused:
            refusals.append(held(mesh, workload.resource, OPENED, refused))
            continue
        try:
            changes.append(_opened(mesh, workload, found, account))
        except Refused as refused:
            refusals.append(held(mesh, workload.resource, HELD, refused))
    return Outcome(tuple(changes), tuple(refusals))


def _refused(mesh: Mesh, workload: Workload, settings: Settings) -> Iterator[Outsider]:
    """Callers that STRICT will refuse, of pods that become ambient; who has another way out is left to that."""
    if not captured(mesh, workload) or injection.workload_mode(mesh, workload) == injection.AMBIENT:
        return
    if optouts.reason(mesh, workload) is not None and not settings.accepts(OPENED, workload.resource):
        return
    for each in outsiders.of(mesh, workload):
        ports = tuple(port for port in each.ports if mtls.of_port(mesh, workload, str(port)) == mtls.STRICT)
        if ports:
            yield replace(each, ports=ports)


def _difference(workload: Workload, found: Outsider) -> Refused:
    shown = ", ".join(map(str, found.ports))
    reason = f"STRICT refuses {found.who} at port {shown} of {workload}; an exception there fails open for everybody"
    return Refused(
        "default", found.route, reason, f"a call in plain text to {workload.name}:{found.ports[0]}, by anybody: accepted"
    )


def _opened(mesh: Mesh, workload: Workload, found: tuple[Outsider, ...], account: Account) -> Change:
    """The PeerAuthentication with the exceptions: the workload's own with more ports, or a new one. Raises Refused."""
    ports = sorted({port for each in found for port in each.ports})
    said = account.differences[0]
    own = _own(mesh, workload)
    source = tuple(
        dict.fromkeys(each.at() for each in (workload.resource, *(one for every in found for one in every.subjects)))
    )
    if own is not None:
        _check_alone(mesh, workload, own)
        edits: tuple[Edit, ...] = tuple(Set(("spec", "portLevelMtls", str(port)), {"mode": mtls.PERMISSIVE}) for port in ports)
        if mtls.mode(own) == mtls.UNSET:
            edits = (Set(("spec", "mtls", "mode"), mtls.STRICT), *edits)
        return Change(
            Stage.enroll, workload.namespace, mesh.name, own.ref, edits, own, (OPENED,), source, "differs", witness=said.witness
        )
    action = _created(mesh, workload, ports)
    return Change(
        Stage.enroll,
        workload.namespace,
        mesh.name,
        action.ref,
        action,
        None,
        (OPENED,),
        source,
        "differs",
        witness=said.witness,
    )


def _own(mesh: Mesh, workload: Workload) -> Peer | None:
    """The policy of the workload that counts: of several the oldest."""
    own = (each for each in mesh.within(PeerAuthentication, workload.namespace) if not mtls.is_wide(each))
    return mtls.oldest(each for each in own if matches(policies.selector(each), workload.labels))


def _check_alone(mesh: Mesh, workload: Workload, own: Peer) -> None:
    """Raises Refused where the policy is for other pods as well, which it would open, too."""
    for other in in_namespace(mesh, workload.namespace):
        if other is not workload and matches(policies.selector(own), other.labels):
            reason = f"{own.ref} is for {other}, too, and an exception in it would open that as well"
            raise Refused("shared", (*workload.template, "metadata", "labels"), reason)


def _created(mesh: Mesh, workload: Workload, ports: list[int]) -> Create:
    """STRICT is written out beside the exceptions: what it inherits stays (istio, ambient index, policies.go)."""
    name = f"{made.written_name(workload.resource)}-plain-ports"
    metadata = made.metadata(name, workload.resource)
    spec: dict[str, Any] = {
        "selector": {"matchLabels": _labels(mesh, workload)},
        "mtls": {"mode": mtls.STRICT},
        "portLevelMtls": {str(port): {"mode": mtls.PERMISSIVE} for port in ports},
    }
    value = {"apiVersion": f"{PeerAuthentication.GROUP}/v1", "kind": "PeerAuthentication", "metadata": metadata, "spec": spec}
    shown = made.placed(value, workload.resource)["metadata"]["name"]
    if mesh.find(PeerAuthentication, workload.namespace, shown) is not None:
        raise Refused("taken", ("metadata", "name"), f"there is a PeerAuthentication {shown} already")
    return Create(Ref("PeerAuthentication", PeerAuthentication.GROUP, workload.namespace, shown), value, workload.resource)


def _labels(mesh: Mesh, workload: Workload) -> dict[str, str]:
    """Labels that mean the pods and no others. Raises Refused."""
    pods = networks.Pods(workload.namespace, str(workload), workload.labels, workload)
    for labels in labels_of(pods):
        if labels and [each for each in in_namespace(mesh, workload.namespace) if matches(labels, each.labels)] == [workload]:
            return labels
    raise Refused("shared", (*workload.template, "metadata", "labels"), f"no labels mean {workload} alone")
