"""A VirtualService of the mesh to the routes of its Services, where that is exact, and its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.changes import Change, Create, Delete, Edit, Held, Note, Stage
from ambimigrate.converters import made, through
from ambimigrate.converters.outcome import Account, Outcome, Refused, held
from ambimigrate.converters.routing import keeping, passing
from ambimigrate.converters.routing.defaults import MERGING
from ambimigrate.converters.routing.drafts import Draft, drafts
from ambimigrate.converters.routing.flat import Ledger, place
from ambimigrate.converters.routing.subjects import check_exported, check_subject, subjects
from ambimigrate.converters.routing.work import Work
from ambimigrate.converters.settings import DEFAULT, Settings
from ambimigrate.kinds import KINDS, HTTPRoute, VirtualService
from ambimigrate.model import Mesh, Ref, Resource
from ambimigrate.topology import reach
from ambimigrate.topology.virtualservices import MESH, is_of_gateway

RULE, CONVERTED, IDLE, EARLY, SEEN = "VS901", "VS902", "VS914", "VS915", "VS923"
EARLY_REASON = "sidecars of the namespace follow the routes as soon as they exist, and of several lists the first alone"


class _Routed(Struct, frozen=True):
    """The conversion of one VirtualService, made once: its delegates ask for it, too."""

    vs: Resource[VirtualService]
    settings: Settings

    def __call__(self, mesh: Mesh) -> Outcome:
        return _convert(self.vs, mesh, self.settings)


def convert(vs: Resource[VirtualService], mesh: Mesh, settings: Settings = DEFAULT) -> Outcome:
    """The routes and the end of the VirtualService, or the reason why it stays."""
    return mesh.index(_Routed(vs, settings))


def _convert(vs: Resource[VirtualService], mesh: Mesh, settings: Settings) -> Outcome:
    try:
        if keeping.is_kept(vs, mesh, settings):
            keeping.check(vs, mesh, settings)
            return Outcome()
        return _converted(vs, mesh, settings)
    except Refused as refused:
        return Outcome(held=tuple(_held(vs, mesh, refused, settings)))


def _converted(vs: Resource[VirtualService], mesh: Mesh, settings: Settings) -> Outcome:
    check_subject(vs, mesh)
    account = Ledger()
    try:
        check_exported(vs, mesh)
    except Refused as refused:
        account.agree(settings, SEEN, vs, refused)
    work = Work(vs, mesh, account, settings)
    found = subjects(work)
    if not found:
        return Outcome((_idle(vs, mesh, account),))
    more = passing.spoken(vs, found, mesh)
    told = through.composed(mesh, vs)
    served = replace(work, vs=passing.speaking(told, more) if more else told)
    made_of = [draft for subject in found for draft in drafts(served, subject)]
    for name in ("hosts", "gateways", "exportTo"):
        account.carry(("spec", name))
    _refuse_lost(vs, account)
    spoken = [Change(Stage.prepare, vs.namespace, mesh.name, vs.ref, more, vs, (passing.SPOKEN,), (vs.at(),))] if more else []
    return Outcome((*spoken, *_changes(work, made_of)))


def _refuse_lost(vs: Resource[VirtualService], account: Ledger) -> None:
    for route in account.lost(vs):
        raise Refused("unknown", route, "the field is none that this version of ambimigrate knows")
    for delegate, own in account.others.values():
        for route in own.lost(delegate):
            shown = ".".join(str(step) for step in route)
            raise Refused("unknown", ("spec",), f"{shown} of its delegate {delegate.name} is no field that ambimigrate knows")


def _held(vs: Resource[VirtualService], mesh: Mesh, refused: Refused, settings: Settings) -> Iterator[Held]:
    """The refusal, for the namespace of the VirtualService and for those of the Services whose callers it routes."""
    named = {vs.namespace: None}
    for host in vs.body.spec.hosts:
        named |= dict.fromkeys(each.namespace for each in reach.targets(mesh, host, vs.namespace, vs.file))
    owner, route = place(vs, refused.route)
    offer = None if refused.case == "keep" else keeping.offer(vs, mesh, settings)
    reason = refused.reason if owner is vs else f"in its delegate {owner.name}: {refused.reason}"
    for namespace in named:
        found = held(mesh, owner, RULE, Refused(refused.case, route, reason, refused.witness), namespace)
        yield replace(found, ref=vs.ref, alternative=f"{found.alternative} {offer}" if offer else found.alternative)


def _idle(vs: Resource[VirtualService], mesh: Mesh, account: Account) -> Change:
    """The end of a VirtualService that no sidecar follows, before a waypoint would; if that was agreed to, with the others."""
    stage = Stage.retire if account.differences else Stage.prepare
    found = Change(stage, vs.namespace, mesh.name, vs.ref, _end(vs), vs, (IDLE,), (vs.at(),))
    return _judged(found, account)


def _judged(change: Change, account: Account) -> Change:
    """With what was agreed to: the change then differs, which a witness shows."""
    if not account.differences:
        return change
    known = account.differences
    witness = next((each.witness for each in known if each.witness), known[0].reason)
    because = tuple(dict.fromkeys((*change.because, *(each.id for each in known))))
    return replace(change, because=because, verdict="differs", witness=witness)


def _changes(work: Work, found: list[Draft]) -> Iterator[Change]:
    vs, mesh, account, settings = work.vs, work.mesh, work.account, work.settings
    notes = tuple(_notes(vs, account))
    end = Change(Stage.retire, vs.namespace, mesh.name, vs.ref, _end(vs), vs, (CONVERTED,), (vs.at(),), notes=notes)
    if settings.accepts(EARLY, vs) and found:
        account.agree(settings, EARLY, vs, Refused("default", (), EARLY_REASON))
    stage = Stage.prepare if settings.accepts(EARLY, vs) else Stage.retire
    several = len({draft.subject.host for draft in found}) > 1
    for draft in found:
        value, ref, is_there = _named(vs, mesh, draft, several=several)
        if not is_there:
            since = MERGING[0] if draft.several and draft.kind in {"HTTPRoute", "GRPCRoute"} else None
            verdict = "exact-since" if since else "exact"
            create = replace(
                end, ref=ref, action=Create(ref, value, vs), subject=None, verdict=verdict, since=since, stage=stage
            )
            yield _judged(create, account)
    yield _judged(end, account)


def _notes(vs: Resource[VirtualService], account: Ledger) -> Iterator[Note]:
    accounts = [(vs, account.left), *((delegate, own.left) for delegate, own in account.others.values())]
    for owner, left in accounts:
        for route, reason in sorted(left.items(), key=lambda each: str(each[0])):
            yield Note(owner.at(*(str(step) if isinstance(step, str) else step for step in route)), reason)


def _end(vs: Resource[VirtualService]) -> tuple[Edit, ...] | None:
    """What becomes of the VirtualService: it goes, or stays for its gateways only."""
    if not is_of_gateway(vs.body):
        return None
    return (Delete(("spec", "gateways", vs.body.spec.gateways.index(MESH))),)


def _named(vs: Resource[VirtualService], mesh: Mesh, draft: Draft, *, several: bool) -> tuple[dict[str, Any], Ref, bool]:
    """The route under a name that no other object has or will have, and whether it is there already."""
    parts = [draft.subject.parent.name] if several else []
    parts += [str(draft.port)] if draft.several else []
    parts += [draft.part] if draft.part else []
    view = KINDS[HTTPRoute.GROUP, draft.kind]
    number = 1
    while True:
        again = [] if number == 1 else ["route"] if number == 2 else ["route", str(number - 1)]
        value = _value(vs, draft, "-".join([made.written_name(vs), *again, *parts]))
        ref = Ref(draft.kind, HTTPRoute.GROUP, draft.subject.parent.namespace, made.placed(value, vs)["metadata"]["name"])
        existing = mesh.find(view, ref.namespace, ref.name, vs.file)
        mine = existing is not None and made.is_ours(existing) and _is_from(existing, value)
        taken = ref.name != vs.name and mesh.find(VirtualService, ref.namespace, ref.name, vs.file) is not None
        if mine or (existing is None and not taken):
            return value, ref, mine
        number += 1


def _is_from(existing: Resource[Any], value: dict[str, Any]) -> bool:
    own: dict[str, str] = existing.body.metadata.annotations
    wanted: dict[str, str] = value["metadata"]["annotations"]
    return all(own.get(key) == each for key, each in wanted.items())


def _value(vs: Resource[VirtualService], draft: Draft, name: str) -> dict[str, Any]:
    named = draft.subject.parent
    parent: dict[str, Any] = {"group": named.ref.group, "kind": named.kind, "name": named.name}
    if draft.port is not None:
        parent["port"] = draft.port
    spec: dict[str, Any] = {"parentRefs": [parent]}
    if draft.names:
        spec["hostnames"] = [*draft.names]
    return {
        "apiVersion": f"{HTTPRoute.GROUP}/{draft.version}",
        "kind": draft.kind,
        "metadata": made.metadata(name, vs),
        "spec": spec | {"rules": [*draft.rules]},
    }
