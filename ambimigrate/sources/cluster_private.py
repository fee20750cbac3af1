"""What of a cluster is forgotten as soon as it was read: values of variables, which may be anybody's secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec.structs import force_setattr

from ambimigrate.checks.workload.proxycalls import calls
from ambimigrate.kinds import Service, pod_template
from ambimigrate.kinds.pods import EnvVar, PodTemplate
from ambimigrate.model import Resource

# Variables by which Istio's own components, and programs that wait for a sidecar, are set up.
_KEPT = (
    "AMBIENT_",
    "AWS_VPC_",
    "CA_",
    "CLUSTER_ID",
    "DISABLE_",
    "ENABLE_",
    "EXTERNAL_ISTIOD",
    "IPV6_",
    "ISTIO_",
    "PILOT_",
    "POD_SECURITY_GROUP_",
    "REVISION",
    "SHARED_MESH_CONFIG",
    "TRUST_DOMAIN",
)
_HOST = re.compile(r"(?P<scheme>://)?\b(?P<name>[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)\.(?P<namespace>[a-z0-9-]+)(?P<svc>\.svc\b)?")


def forget(resources: Iterable[Resource[Any]]) -> None:
    """Keeps of each variable of a container only the names of Services that are known, and calls of the sidecar's ports."""
    every = tuple(resources)
    services = frozenset((each.namespace, each.name) for each in every if isinstance(each.body, Service))
    for resource in every:
        template = pod_template(resource.body)
        for variable in _variables(template) if template else ():
            if variable.value and not variable.name.startswith(_KEPT):
                force_setattr(variable, "value", _kept(variable.value, services))


def _variables(template: PodTemplate) -> Iterator[EnvVar]:
    for container in (*template.spec.init_containers, *template.spec.containers):
        yield from container.env


def _kept(value: str, services: frozenset[tuple[str, str]]) -> str | None:
    words = [words for _, words in calls(value)]
    for found in _HOST.finditer(value):
        if (found["namespace"], found["name"]) in services and (found["scheme"] or found["svc"]):
            words.append(f"{found['scheme'] or ''}{found['name']}.{found['namespace']}{found['svc'] or ''}")
    return " ".join(words) or None
