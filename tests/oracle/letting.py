"""Who is let in at every stage, half-done ones included, compared with who was before, less what the report names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec import Struct, structs
from msgspec.structs import replace

from ambimigrate.changes import Change, Stage
from ambimigrate.convert import Conversion, after
from ambimigrate.kinds import Deployment, Service
from ambimigrate.model import Mesh, Resource
from ambimigrate.semantics.authz import settings as trust
from ambimigrate.topology import injection
from ambimigrate.verify import authorization, callers, places, requests, trip
from ambimigrate.verify.named import Verdicts, named
from ambimigrate.verify.values import UNSEEN, Ask, Caller, Place, Settings

OTHER_DOMAIN = Caller(UNSEEN, "web", "front", domain="other.local")
MINOR = {authorization.STATUS}


class Witness(Struct, frozen=True):
    """A call that is judged otherwise at a stage, and that the report does not name."""

    stage: str
    place: Place
    caller: Caller
    ask: Ask
    found: Verdicts

    def __str__(self) -> str:
        ask = f"{self.ask.method} {self.ask.path} {dict(self.ask.headers) or ''}" if self.place.is_http else "a connection"
        way = f"to a pod of {self.place.host}" if self.ask.direct else f"to {self.place.host}"
        words = (authorization.text(self.found.before), authorization.text(self.found.after))
        return (
            f"{self.stage}: {self.found.kind} at {self.found.workload}: {ask} {way}:{self.place.port} by {self.caller}"
            f"\n  before: {words[0]}\n  after:  {words[1]}"
        )


Converts = Callable[[Stage], Conversion]


def states(mesh: Mesh, converts: Converts) -> Iterator[tuple[str, Mesh, tuple[Change, ...]]]:
    """The mesh at every stage that changes it; while pods restart some of them still have their sidecars."""
    for stage in Stage:
        changes = converts(stage).changes
        if any(each.stage is stage for each in changes):
            found = after(mesh, changes)
            yield stage.name, found, changes
            if stage is Stage.enroll:
                yield from ((f"enroll, {words}", half, changes) for words, half in _half(mesh, found))


def _half(before: Mesh, found: Mesh) -> Iterator[tuple[str, Mesh]]:
    names = [
        (each.namespace, each.name)
        for each in before.of(Deployment)
        if _mode(before, each.namespace, each.name) == injection.SIDECAR
        and _mode(found, each.namespace, each.name) == injection.AMBIENT
    ]
    for one in names:
        yield f"{one[1]} alone restarted", _with_sidecars(found, {each for each in names if each != one})
        if len(names) > 2:
            yield f"{one[1]} not yet restarted", _with_sidecars(found, {one})


def _mode(mesh: Mesh, namespace: str, name: str) -> str:
    found = callers.find(mesh, Caller("workload", namespace, workload=name))
    return injection.workload_mode(mesh, found) if found else ""


def _with_sidecars(mesh: Mesh, names: set[tuple[str, str]]) -> Mesh:
    resources = (
        _running(each) if each.kind == "Deployment" and (each.namespace, each.name) in names else each
        for each in mesh.resources
    )
    return structs.replace(mesh, resources=tuple(resources), _memo={})


def _running(resource: Resource[Any]) -> Resource[Any]:
    """The workload with pods that run as they were injected."""
    template = resource.body.spec.template
    metadata = replace(template.metadata, annotations={**template.metadata.annotations, injection.STATUS: "{}"})
    spec = replace(resource.body.spec, template=replace(template, metadata=metadata))
    return structs.replace(resource, body=replace(resource.body, spec=spec))


def unnamed(mesh: Mesh, converts: Converts, effort: int = 30) -> Iterator[Witness]:
    """The calls that are judged otherwise at some stage without a word of the report."""
    for stage, found, changes in states(mesh, converts):
        yield from differing(stage, mesh, found, changes, effort)


def differing(stage: str, mesh: Mesh, found: Mesh, changes: Iterable[Change], effort: int) -> Iterator[Witness]:
    for place, service, caller, ask in _calls(mesh, found, effort):
        old, new = (trip.travel(each, caller, place, ask, service) for each in (mesh, found))
        for kind, workload, one, other in authorization.differing(old.verdicts, new.verdicts):
            verdicts = Verdicts(kind, workload, one, other)
            if not _is_known(caller, verdicts) and not named(mesh, changes, verdicts):
                yield Witness(stage, place, caller, ask, verdicts)


def _calls(mesh: Mesh, found: Mesh, effort: int) -> Iterator[tuple[Place, Resource[Service] | None, Caller, Ask]]:
    for place in places.places(mesh, found):
        service = places.service(mesh, place) or places.service(found, place)
        own = (*callers.callers(mesh, found, place), *strangers(mesh))
        for ask in requests.asked(mesh, found, place, Settings(requests=effort)):
            yield from ((place, service, caller, ask) for caller in own)


def _is_known(caller: Caller, found: Verdicts) -> bool:
    """What changes nobody's access, and what the scan names for the whole mesh: other trust domains at ztunnel (PF012)."""
    if found.kind == authorization.AUDIT:
        return found.after.audit or found.is_past
    return found.kind in MINOR or (bool(caller.domain) and found.kind == authorization.NARROWER)


def strangers(mesh: Mesh) -> tuple[Caller, ...]:
    """A caller of another trust domain, where the mesh believes in one."""
    return (OTHER_DOMAIN,) if "other.local" in trust.trust_domains(mesh) else ()
