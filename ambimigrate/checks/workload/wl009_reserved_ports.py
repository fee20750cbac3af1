"""WL009: an application listens on a port that ztunnel opens in every captured pod."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import at, containers, named, subject
from ambimigrate.kinds import Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology.captured import captured
from ambimigrate.topology.workloads import KINDS, Workload, behind

RESERVED = frozenset({15001, 15006, 15008, 15053})  # ztunnel, src/config.rs: outbound, plaintext, HBONE, DNS
_TAKEN = "is taken by ztunnel in every captured pod: the application cannot listen there"
_ARGUMENT = re.compile(r"(?:^|[=:\s])(15001|15006|15008|15053)(?!\d)")


@rule("WL009", *KINDS, Service)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if isinstance(resource.body, Service):
        yield from _of_service(resource, mesh)
    elif (workload := subject(mesh, resource)) is not None:
        yield from _of_workload(workload)


def _of_workload(workload: Workload) -> Iterator[Hit]:
    for route, each in containers(workload):
        if each.name == "istio-proxy":
            continue
        declared = [i for i, port in enumerate(each.ports) if port.container_port in RESERVED]
        for i in declared:
            number = each.ports[i].container_port
            yield Hit(at(workload, *route, "ports", i), f"port {number} of {workload} {_TAKEN}")
        for i, text in enumerate(each.args):
            if not declared and (found := _ARGUMENT.search(text)):
                said = f"argument {text!r} of {workload}: port {found[1]} {_TAKEN}"
                yield Hit(at(workload, *route, "args", i), said)


def _of_service(service: Resource[Service], mesh: Mesh) -> Iterator[Hit]:
    members = [each for each in behind(mesh, service) if captured(mesh, each)]
    for i, port in enumerate(service.body.spec.ports):
        if members and port.target_port in RESERVED:
            said = f"targetPort {port.target_port} of {named(members)} {_TAKEN}"
            yield Hit(service.at("spec", "ports", i, "targetPort"), said)
