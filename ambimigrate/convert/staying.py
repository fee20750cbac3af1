"""What convert leaves as it is: held with its namespace, or needing no change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from ambimigrate.changes import Change, Held, Stage, Untouched
from ambimigrate.convert.values import Choice
from ambimigrate.converters import labels, made
from ambimigrate.converters.gateways import whole as ingress
from ambimigrate.converters.routing import ends, keeping, routes
from ambimigrate.converters.settings import Settings
from ambimigrate.holds import Place
from ambimigrate.holds.reasons import reason
from ambimigrate.kinds import HTTPRoute, VirtualService
from ambimigrate.model import Mesh, Ref, Resource
from ambimigrate.topology import injection
from ambimigrate.topology.virtualservices import is_of_mesh
from ambimigrate.topology.workloads import in_namespace

FOLLOWS = "NS908"


def held(
    meshes: tuple[Mesh, ...], holding: Mapping[Place, tuple[Held, ...]], choice: Choice, changes: tuple[Change, ...]
) -> Iterator[Held]:
    """The reasons, and every object that stays as it is only since its namespace does."""
    by_name = {mesh.name: mesh for mesh in meshes}
    for (name, namespace), reasons in holding.items():
        if not choice.takes(name, namespace) or not reasons:
            continue
        yield from reasons
        named = {each.ref for each in reasons}
        first = reasons[0]
        text = f"namespace {namespace} is held: {first.ref}: {first.reason}"
        for subject in _following(by_name[name], namespace, changes):
            if subject.ref not in named:
                yield replace(reason(by_name[name], namespace, FOLLOWS, text, subject), because=(FOLLOWS, *first.because))


def _following(mesh: Mesh, namespace: str, changes: tuple[Change, ...]) -> Iterable[Resource[Any]]:
    """VirtualServices of the namespace's part of the mesh, and what else a stage after `prepare` would have changed."""
    own = [each for each in changes if each.mesh == mesh.name and each.namespace == namespace and each.subject is not None]
    gone = {id(each.subject) for each in own if each.stage is Stage.prepare and each.action is None}
    kept: dict[int, Resource[Any]] = {
        id(vs): vs
        for vs in mesh.of(VirtualService)
        if vs.namespace == namespace and is_of_mesh(vs.body) and vs.body.spec.hosts and id(vs) not in gone
    }
    return (kept | {id(each.subject): each.subject for each in own if each.stage > Stage.prepare and each.subject}).values()


def untouched(mesh: Mesh) -> Iterator[Untouched]:
    """What beside the kinds that convert accounts for stays as it is: Namespaces that are not enrolled, routes of ours."""
    yield from _left_alone(mesh)
    for route in filter(made.is_ours, mesh.of(HTTPRoute)):
        yield _same(mesh, route, "it was converted before")


def virtual_services(mesh: Mesh, settings: Settings) -> Iterator[tuple[Resource[VirtualService], str]]:
    """The VirtualServices that stay as they are, and why."""
    alone, ended = (tuple(ingress.alone(mesh)) if settings.gateways else ()), tuple(ingress.ended(mesh))
    for vs in mesh.of(VirtualService):
        if vs in ended and not settings.gateways:
            yield vs, "its Gateways are of the Gateway API by now; --gateways deletes it"
        elif not is_of_mesh(vs.body):
            if not settings.gateways or vs in alone:
                yield vs, "it is bound to gateways only, which route as before"
        elif not vs.body.spec.hosts and (reason := ends.stays(mesh, vs, settings)):
            yield vs, reason
        elif keeping.is_kept(vs, mesh, settings) and not routes.convert(vs, mesh, settings).held:
            yield vs, "it is kept, and the waypoint carries it out (alpha in Istio)"


def _left_alone(mesh: Mesh) -> Iterator[Untouched]:
    """Namespaces that are not enrolled, and why."""
    for name, namespace in injection.namespaces(mesh).items():
        if namespace is not None and not injection.is_meshed(mesh, name):
            yield _same(mesh, namespace, "it is not in the mesh")
        elif namespace is not None and labels.is_of_gateways(in_namespace(mesh, name)):
            yield _same(mesh, namespace, "gateways are all that runs in it, and they keep their injection")


def _same(mesh: Mesh, resource: Resource[object], reason: str) -> Untouched:
    return Untouched(mesh.name, Ref(*resource.ref), resource.file, reason)
