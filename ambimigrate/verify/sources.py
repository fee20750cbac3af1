"""Which objects decide about a witness: those without which it would be decided otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
from msgspec.structs import replace

from ambimigrate.kinds import AuthorizationPolicy, PeerAuthentication
from ambimigrate.model import Mesh, Resource
from ambimigrate.semantics import authz
from ambimigrate.topology import meshconfig
from ambimigrate.verify import places
from ambimigrate.verify.values import Place, Source

Decide = Callable[[Mesh], Any]
_MANY = 24  # objects and rules that are tried for a witness
_SHOWN = 3
_RULES = ("http", "rules", "tls", "tcp", "servers", "listeners")


def of_routing(mesh: Mesh, place: Place, decide: Decide) -> tuple[Source, ...]:
    """The VirtualServices, routes and DestinationRules, at the rule that counts; none where no object decides."""
    return among(mesh, (*places.routing(mesh, place), *places.destinations(mesh, place)), decide)


def among(mesh: Mesh, candidates: tuple[Resource[Any], ...], decide: Decide) -> tuple[Source, ...]:
    """Those of some objects that decide, at the rule, server or listener that counts."""
    return tuple(_at_rule(mesh, each, decide) for each in _decisive(mesh, candidates[:_MANY], decide))[:_SHOWN]


def _decisive(mesh: Mesh, candidates: Iterable[Resource[Any]], decide: Decide) -> Iterator[Resource[Any]]:
    found = decide(mesh)
    return (each for each in candidates if decide(_with(mesh, each, None)) != found)


def _with(mesh: Mesh, resource: Resource[Any], other: Resource[Any] | None) -> Mesh:
    """The mesh with another object in place of one, or without it."""
    kept = (other if each is resource else each for each in mesh.resources)
    return replace(mesh, resources=tuple(each for each in kept if each is not None), _memo={})


def _at_rule(mesh: Mesh, resource: Resource[Any], decide: Decide) -> Source:
    found = decide(mesh)
    for name in _RULES:
        rules = getattr(resource.body.spec, name, ())
        for index in range(len(rules) if len(rules) <= _MANY else 0):
            spec = msgspec.structs.replace(resource.body.spec, **{name: rules[:index] + rules[index + 1 :]})
            other = replace(resource, body=msgspec.structs.replace(resource.body, spec=spec))
            if decide(_with(mesh, resource, other)) != found:
                return Source(resource.ref, resource.at("spec", name, index))
    return Source(resource.ref, resource.at())


def of_verdict(mesh: Mesh, place: Place, verdict: authz.Decision, decide: Decide) -> tuple[Source, ...]:
    """The policies that decide: the one that is named, the ALLOW policies of which none matches, or PeerAuthentications."""
    near = (place.namespace, meshconfig.root_namespace(mesh))
    policies = [each for each in mesh.of(AuthorizationPolicy) if each.namespace in near]
    if verdict.because == "no ALLOW policy matches":
        granting = [each for each in policies if each.body.spec.action == "ALLOW"][:_MANY]
        found = [each for each in granting if decide(_only(mesh, each, granting)) == decide(mesh)]
    elif verdict.because == "PeerAuthentication":
        modes = [each for each in mesh.of(PeerAuthentication) if each.namespace in near]
        return tuple(Source(each.ref, each.at()) for each in _decisive(mesh, modes[:_MANY], decide))[:_SHOWN]
    else:
        found = [each for each in mesh.of(AuthorizationPolicy) if verdict.because in {str(each.ref), _short(each)}]
    return tuple(Source(each.ref, each.at()) for each in found[:_SHOWN])


def _only(mesh: Mesh, kept: Resource[Any], group: list[Resource[Any]]) -> Mesh:
    others = {id(each) for each in group if each is not kept}
    return replace(mesh, resources=tuple(each for each in mesh.resources if id(each) not in others), _memo={})


def _short(policy: Resource[AuthorizationPolicy]) -> str:
    return f"{policy.namespace}/{policy.name}"
