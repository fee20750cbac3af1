"""Versioned Services are more entrances to a Service: what protects it by name has to protect them, too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from ambimigrate.changes import Change, Held, Set, Stage
from ambimigrate.converters.apply import after
from ambimigrate.converters.outcome import Refused, held
from ambimigrate.converters.subsets import defined as subsets
from ambimigrate.kinds import AuthorizationPolicy, RequestAuthentication, Service, TrafficExtension, WasmPlugin
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import injection

RULE, CLOSED = "DR905", "DR906"
KINDS: tuple[type[Any], ...] = (AuthorizationPolicy, RequestAuthentication, WasmPlugin, TrafficExtension)
_MOST = 16  # targetRefs of a policy


def closing(mesh: Mesh, service: Resource[Service], names: Iterable[str]) -> Iterator[Change]:
    """The policies that are for the Service by name, with the names of its versioned Services added. Raises Refused."""
    for policy in guards(mesh, service):
        known = [each.name for each in policy.body.spec.target_refs if each.kind == "Service"]
        missing = [each for each in sorted(names) if each not in known]
        count = len(policy.body.spec.target_refs)
        if not known or count + len(missing) > _MOST:
            reason = f"{policy.kind} {policy.name} is for {service.name} and cannot name its versioned Services, too"
            raise Refused("subset", (), reason)
        if missing:
            refs = ({"group": "", "kind": "Service", "name": each} for each in missing)
            edits = tuple(
                Set(("spec", "targetRefs", count + i, key), value) for i, ref in enumerate(refs) for key, value in ref.items()
            )
            yield Change(
                Stage.prepare, policy.namespace, mesh.name, policy.ref, edits, policy, (CLOSED,), (policy.at(), service.at())
            )


def guards(mesh: Mesh, service: Resource[Service]) -> Iterator[Resource[Any]]:
    """The policies whose targetRefs name the Service."""
    for kind in KINDS:
        for policy in mesh.within(kind, service.namespace):
            spec = policy.body.spec
            refs = (*spec.target_refs, *((spec.target_ref,) if spec.target_ref else ()))
            if any((each.kind, each.name) == ("Service", service.name) for each in refs):
                yield policy


def open_ones(mesh: Mesh, namespace: str, changes: Iterable[Change]) -> Iterator[Held]:
    """The policies for Services that would not be asked at their versioned Services (A24)."""
    own = tuple(changes)
    if not any(each.ref.kind == "Service" and each.verb == "create" for each in own) and not _has_versioned(mesh, namespace):
        return
    # Such policies and Services are in the namespace itself; the rest of the mesh would be copied for each namespace.
    end = after(replace(mesh, resources=injection.by_namespace(mesh).get(namespace, ()), _memo={}), own)
    for kind in KINDS:
        for policy in end.within(kind, namespace):
            for name in _missing(end, policy):
                before = mesh.find(kind, namespace, policy.name, policy.file) or policy
                reason = f"it does not name {name}, by which callers reach pods of a Service that it is for"
                witness = f"POST http://{name}.{namespace}/: not judged by {policy.name}"
                yield held(mesh, before, RULE, Refused("default", ("spec",), reason, witness), namespace)
                break


def _has_versioned(mesh: Mesh, namespace: str) -> bool:
    return any(subsets.is_versioned(each) for each in mesh.within(Service, namespace))


def _missing(mesh: Mesh, policy: Resource[Any]) -> Iterator[str]:
    """The versioned Services of those that a policy targets which it does not target."""
    spec = policy.body.spec
    refs = (*spec.target_refs, *((spec.target_ref,) if spec.target_ref else ()))
    named = {each.name for each in refs if each.kind == "Service"}
    for service in mesh.within(Service, policy.namespace):
        if service.name in named:
            yield from sorted(set(subsets.known(mesh, service).values()) - named)
