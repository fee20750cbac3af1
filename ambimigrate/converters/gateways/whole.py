"""What becomes of every Istio Gateway of a mesh: changes group by group, or the reasons why a group stays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.changes import FROM, Change, Create, Held, Note, Stage
from ambimigrate.converters.gateways import inside, objects
from ambimigrate.converters.gateways.binding import Group, groups, names
from ambimigrate.converters.gateways.group import Refusal, made
from ambimigrate.converters.gateways.parts import Made
from ambimigrate.converters.gateways.rules import INSIDE
from ambimigrate.converters.outcome import Refused, held
from ambimigrate.converters.routing.flat import Ledger, place
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import Gateway, IstioGateway, Service, VirtualService
from ambimigrate.model import Mesh, Ref, Resource, grouped
from ambimigrate.topology.virtualservices import is_of_mesh

CONVERTED, STAYS = "GW902", "GW904"
Place = tuple[str, str]  # mesh and namespace


class Drafted(Struct, frozen=True, eq=False):
    """A group: what is to be done, or why nothing is; `waits` are its namespaces where only some of them were chosen."""

    mesh: Mesh
    group: Group
    changes: tuple[Change, ...] = ()
    held: tuple[Held, ...] = ()
    waits: tuple[str, ...] = ()

    def stays(self, text: str) -> Drafted:
        """The group without its changes: all of it stays for this reason."""
        every = (*self.group.gateways, *self.group.services)
        found = (held(self.mesh, each, STAYS, Refused("follows", (), text)) for each in every)
        return Drafted(self.mesh, self.group, (), tuple(found))

    def refused(self, own: Held) -> Drafted:
        """The group without its changes: one of its objects stays for a reason of its own, the others with it."""
        found = self.stays(f"{own.ref} stays: {own.reason}")
        return replace(found, held=(own, *(each for each in found.held if each.ref != own.ref)))


class _Drafts(Struct, frozen=True):
    """All drafts of a mesh, made once: the Services of subsets that they name are asked for, too."""

    settings: Settings

    def __call__(self, mesh: Mesh) -> tuple[Drafted, ...]:
        return tuple(_drafts(mesh, self.settings))


def drafts(mesh: Mesh, settings: Settings) -> tuple[Drafted, ...]:
    """Every group of the mesh, and the VirtualServices whose Gateways went in an earlier stage."""
    return mesh.index(_Drafts(settings))


class _Routes(Struct, frozen=True):
    """The routes by the VirtualService that they come from."""

    settings: Settings

    def __call__(self, mesh: Mesh) -> Mapping[int, tuple[Create, ...]]:
        changes = (change for each in drafts(mesh, self.settings) for change in each.changes)
        made_of = (change.action for change in changes if isinstance(change.action, Create))
        return grouped((id(each.beside), each) for each in made_of if isinstance(each.beside.body, VirtualService))


def routes(mesh: Mesh, vs: Resource[VirtualService], settings: Settings) -> tuple[Create, ...]:
    """The routes that a VirtualService becomes for its gateways, if it does."""
    return mesh.index(_Routes(settings)).get(id(vs), ())


def _drafts(mesh: Mesh, settings: Settings) -> Iterator[Drafted]:
    for group in groups(mesh):
        yield _drafted(mesh, group, settings)
    for vs in ended(mesh):
        change = Change(Stage.tighten, vs.namespace, mesh.name, vs.ref, None, vs, (CONVERTED,), (vs.at(),))
        yield Drafted(mesh, Group((), (vs,)), (change,))


def _drafted(mesh: Mesh, group: Group, settings: Settings) -> Drafted:
    try:
        found = made(mesh, group, settings)
    except Refusal as refusal:
        owner, route = refusal.subject, refusal.refused.route
        if isinstance(owner.body, VirtualService):
            owner, route = place(owner, route)
        first = refusal.refused
        own = held(mesh, owner, STAYS, Refused(_case(first.case), route, first.reason, first.witness))
        return Drafted(mesh, group).refused(replace(own, ref=refusal.subject.ref))
    return Drafted(mesh, group, tuple(each for one in found for each in _changes(mesh, one)))


# Of the catalogue entry.
_CASES = frozenset({
    "coalescing", "controller", "destination", "dns", "envoyfilter", "export", "gateway", "host", "mesh", "namespace", "order",
    "port", "protocol", "redirect", "renamed", "repeated", "servers", "service", "several", "shared", "size", "subset", "tls",
    "unknown", "version",
})  # fmt: skip


def _case(case: str) -> str:
    """The case of the catalogue entry: what routes of the mesh refuse as well is one case."""
    return case if case in _CASES else "rule"


def _changes(mesh: Mesh, one: Made) -> Iterator[Change]:
    source, ledger = one.source, one.account
    own = [(source, ledger.left)]
    own += [(each, known.left) for each, known in ledger.others.values()] if isinstance(ledger, Ledger) else []
    carried = INSIDE if isinstance(source.body, VirtualService) and is_of_mesh(source.body) else None  # by routes of the mesh
    left_out = ((owner, route, why) for owner, left in own for route, why in left.items() if why != carried)
    notes = tuple(Note(owner.at(*map(_plain, route)), why) for owner, route, why in left_out)
    differs = next((each.witness or each.reason for each in ledger.differences), None)
    because = (CONVERTED, *dict.fromkeys(each.id for each in ledger.differences))
    stage = Stage.retire if isinstance(source.body, IstioGateway) else Stage.tighten
    end = Change(stage, source.namespace, mesh.name, source.ref, None, source, because, (source.at(),), notes=notes)
    end = replace(end, verdict="differs", witness=differs) if differs else end
    place_of_new = objects.Place(mesh)
    for create in one.creates:
        if not place_of_new.is_there(create):
            begin = Stage.prepare if create.ref.kind == "ReferenceGrant" else Stage.retire  # without it a route answers 500
            yield replace(end, stage=begin, namespace=create.ref.namespace, ref=create.ref, action=create, subject=None)
    yield end


def _plain(step: str | int) -> str | int:
    """A step without what it remembers of a delegate (`flat.Head`)."""
    return str(step) if isinstance(step, str) else step


def ended(mesh: Mesh) -> Iterator[Resource[VirtualService]]:
    """VirtualServices that only name Gateways which have become Gateways of the Gateway API."""
    left = {(each.namespace, each.name) for each in mesh.of(IstioGateway)}
    gone = {each.body.metadata.annotations.get(FROM, "") for each in mesh.of(Gateway)}
    for vs in mesh.of(VirtualService):
        own = names(vs)
        if (
            own
            and not is_of_mesh(vs.body)
            and left.isdisjoint(own)
            and all(f"Gateway/{'/'.join(each)}" in gone for each in own)
        ):
            yield vs


def notes(found: Iterable[Drafted]) -> Iterator[str]:
    """What nobody can see in the input about Gateways that go."""
    for each in found:
        if each.waits and each.group.gateways:
            first = each.group.gateways[0].ref
            spaces = ", ".join(each.waits)
            yield f"Gateway {first.namespace}/{first.name} (Istio) waits: choose its namespaces together: {spaces}."
        for change in each.changes if not each.mesh.is_whole(VirtualService, "") else ():
            if change.action is None and isinstance(change.subject and change.subject.body, IstioGateway):
                name = f"{change.ref.namespace}/{change.ref.name}"
                said = (
                    "VirtualServices that are not in the input and name it lose it: see `kubectl get virtualservices -A` before"
                )
                yield f"Gateway {name} (Istio) is deleted in {change.stage.name}; {said}."


def alone(mesh: Mesh) -> Iterator[Resource[VirtualService]]:
    """VirtualServices of gateways that are not in the input."""
    bound = {id(vs) for group in groups(mesh) for vs in group.services} | {id(vs) for vs in ended(mesh)}
    yield from (vs for vs in mesh.of(VirtualService) if not is_of_mesh(vs.body) and id(vs) not in bound)


class Rest(Struct, frozen=True):
    """What else becomes of the meshes: which namespaces are chosen and which are held, and the changes that are made."""

    takes: Callable[[str, str], bool]
    holding: Mapping[Place, tuple[Held, ...]]
    changes: tuple[Change, ...]


def settled(draft: Drafted, fixed: Sequence[Held], rest: Rest) -> Drafted:
    """The group with its changes if all of it can be done: nothing is fixed, no namespace of it is held or not asked for.

    Grants may come alone: they are in the way of nobody, and every namespace prepares by itself.
    """
    mesh, touched = draft.mesh.name, dict.fromkeys(each.namespace for each in draft.changes)
    if fixed:
        draft = draft.stays(f"{fixed[0].ref} stays: {fixed[0].reason}")
    elif reasons := next((found for each in touched if (found := rest.holding.get((mesh, each)))), ()):
        draft = draft.stays(f"namespace {reasons[0].namespace} is held: {reasons[0].reason}")
    elif not all(rest.takes(mesh, each) for each in touched):
        some = any(rest.takes(mesh, each) for each in touched)
        ready = (each for each in draft.changes if each.stage is Stage.prepare and rest.takes(mesh, each.namespace))
        return Drafted(draft.mesh, draft.group, tuple(ready), waits=tuple(sorted(touched)) if some else ())
    elif draft.changes and (vs := inside.staying(draft.mesh, draft.group.services, rest.changes)):
        reason = f"it is also for clients in the mesh, and keeps that part, since namespace {vs.namespace} is not enrolled"
        draft = draft.refused(held(draft.mesh, vs, STAYS, Refused("mesh", ("spec", "gateways"), reason)))
    elif missing := next(_missing(draft, rest.changes), None):
        draft = draft.stays(f"{missing}, which stands for a subset, is not made in this run")
    return replace(draft, held=tuple(each for each in draft.held if rest.takes(mesh, each.namespace)))


def _missing(draft: Drafted, changes: Iterable[Change]) -> Iterator[Ref]:
    """The Services that routes of the group name, and that neither are there nor are made."""
    rules = (each.action.value["spec"].get("rules", ()) for each in draft.changes if isinstance(each.action, Create))
    named = {Ref("Service", "", ref["namespace"], ref["name"]) for each in rules for ref in objects.backends(each)}
    there = {each.ref for each in draft.mesh.of(Service)} | {each.ref for each in changes if each.mesh == draft.mesh.name}
    yield from sorted(named - there)
