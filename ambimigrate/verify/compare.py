"""Sends every request through both meshes, and keeps one small witness for each way in which they differ."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from msgspec.structs import replace

from ambimigrate.model import Mesh, Ref
from ambimigrate.semantics import authz, registry, sidecar
from ambimigrate.semantics.decision import Client
from ambimigrate.topology import injection
from ambimigrate.verify import authorization, callers, places, requests, routing, sources, trip
from ambimigrate.verify.named import Verdicts, bound, named, outside, unretried, unseen
from ambimigrate.verify.seen import Case, Found, Seen, folded
from ambimigrate.verify.values import GATEWAY, OUTSIDE, Ask, Difference, Place, Settings, Side, Source

_SHOWN = 4  # ways in which one place differs, for each kind
ROUTING = "routing"


class Comparison:
    """Two meshes of one name, and what comparing them has come to so far."""

    def __init__(self, before: Mesh, after: Mesh, settings: Settings) -> None:
        self.before, self.after, self.settings = before, after, settings
        self.routing = self.authorization = self.left_out = 0
        self.tried: dict[Place, int] = {}
        self.crowded: dict[Place, int] = {}  # places with more callers than are tried, and their number

    def differences(self) -> Iterator[Difference]:
        by_host: dict[str, list[Place]] = defaultdict(list)
        for place in places.places(self.before, self.after):
            by_host[place.host].append(place)
        for group in by_host.values():
            yield from self._of_host(group)

    def _of_host(self, group: list[Place]) -> Iterator[Difference]:
        best: dict[tuple[Any, ...], Seen] = {}
        for case, found in self._every(group):
            seen = best.setdefault(found.signature, Seen(case, found))
            seen.add(case, found)
        shown: Counter[str] = Counter()
        for seen in folded(best):
            shown[seen.found.kind] += 1
            if shown[seen.found.kind] <= _SHOWN:
                yield self._made(self._shrunk(seen.case, seen.found), seen)
            else:
                self.left_out += 1

    def _every(self, group: list[Place]) -> Iterator[tuple[Case, Found]]:
        for case in chain.from_iterable(map(self._cases, group)):
            yield from ((case, found) for found in self._differing(case))

    def _cases(self, place: Place) -> Iterator[Case]:
        service = places.called(self.before, place) or places.called(self.after, place)
        asked = requests.asked(self.before, self.after, place, self.settings)
        self.tried[place] = len(asked)
        every = callers.every(self.before, self.after, place)
        if len(every) > callers.MOST:
            self.crowded[place] = len(every)
        for ask in asked:
            for caller in every[: callers.MOST]:
                yield Case(place, service, caller, ask)

    # --- one case ---------------------------------------------------------------------------------------------------

    def _differing(self, case: Case) -> Iterator[Found]:
        old, new = (self._trip(mesh, case) for mesh in (self.before, self.after))
        if self._routes(case):
            self.routing += 1
            yield from self._routed_otherwise(case, old, new)
        self.authorization += bool(old.verdicts or new.verdicts)
        for kind, workload, one, other in authorization.differing(old.verdicts, new.verdicts):
            by = self._named(case, Verdicts(kind, workload, one, other))
            outside, direct = case.caller.kind == OUTSIDE, case.ask.direct
            yield Found(kind, (kind, one.because, other.because, by, outside, direct), (), workload, by)

    def _named(self, case: Case, found: Verdicts) -> tuple[str, ...]:
        changes = self.settings.changes
        if not changes:
            return ()
        return named(self.before, changes, found) or outside(self.before, changes, case.service.ref if case.service else None)

    def _trip(self, mesh: Mesh, case: Case) -> trip.Trip:
        return trip.travel(mesh, case.caller, case.place, case.ask, case.service)

    def _routes(self, case: Case) -> bool:
        """Gateways route by objects that are not compared, and what is new was called by nobody before."""
        aside = case.ask.direct or case.ask.foreign or case.caller.kind == GATEWAY or self._is_far(case)
        known = trip.exists(self.before, case.place) or not trip.exists(self.after, case.place)
        return known and not aside

    def _is_far(self, case: Case) -> bool:
        """A name without a dot means something else in other namespaces."""
        return "." not in case.ask.host and bool(case.ask.host) and case.caller.namespace != case.place.namespace

    def _routed_otherwise(self, case: Case, old: trip.Trip, new: trip.Trip) -> Iterator[Found]:
        if old.routed == new.routed:
            return
        one, other = (routing.fields(each.routed) for each in (old, new))
        names = routing.differing(one, other)
        if names and not (_is_refused(old, one) and _is_refused(new, other)):
            minor = routing.is_minor(names, one, other, self.before) or self._is_no_call(case)
            gains = routing.gains_retries(names, other, self.before)
            minor = minor or (gains and (self._was_ambient(case) or self._was_unknown(case)))
            by = unseen(self.before, self.settings.changes, case.caller.namespace, case.place.host)
            by = by or (bound(self.before, self.settings.changes, case.service) if self._begins(case, other) else ())
            lost = unretried(self.before, self.settings.changes, case.caller.namespace, case.service)
            by = by or (lost if set(names) == {"retries"} else ())
            by = by or outside(self.before, self.settings.changes, case.service.ref if case.service else None)
            kind = f"{ROUTING} minor" if minor else ROUTING
            yield Found(kind, (minor, by, *routing.signature(names, one, other)), names, named=by)

    def _is_no_call(self, case: Case) -> bool:
        """What no gRPC client sends: a route for a service of gRPC may treat it otherwise (vector R21)."""
        called = case.ask.method == "POST" and case.ask.path.partition("?")[0].count("/") == 2
        return case.place.is_http and not called and places.is_grpc(self.before, case.place)

    def _begins(self, case: Case, other: Mapping[str, Any]) -> bool:
        """Whether a caller that is ambient already begins to follow the routes, as callers with sidecars do today."""
        if not self._was_ambient(case):
            return False
        meant = routing.fields(trip.meant(self.before, case.caller, case.place, case.ask))
        names = routing.differing(meant, other)
        return not names or routing.is_minor(names, meant, other, self.before)

    def _was_ambient(self, case: Case) -> bool:
        return callers.mode(self.before, case.caller, case.place) == injection.AMBIENT

    def _was_unknown(self, case: Case) -> bool:
        """Whether the caller's sidecar was kept from knowing the host, so that it passed the request on as it was."""
        if callers.mode(self.before, case.caller, case.place) != injection.SIDECAR:
            return False
        client = Client(case.caller.namespace, case.caller.labels)
        return not sidecar.knows(self.before, client, case.ask.host, case.place.port)

    def _shrunk(self, case: Case, found: Found) -> Case:
        """The case with everything left out that its difference does not need."""
        is_smaller = True
        while is_smaller:
            is_smaller = False
            for ask in _smaller(case.ask, case.place):
                other = replace(case, ask=ask)
                if ask.size < case.ask.size and any(each.signature == found.signature for each in self._differing(other)):
                    case, is_smaller = other, True
                    break
        return case

    # --- its report -------------------------------------------------------------------------------------------------

    def _made(self, case: Case, seen: Seen) -> Difference:
        found = seen.found
        if found.workload:
            return self._of_verdict(case, seen)
        sides = self._side(self.before, case, found), self._side(self.after, case, found)
        because = routing.words(found.names, sides[1].fields, minor=found.kind != ROUTING)
        because += " for what is no gRPC call" if found.kind != ROUTING and self._is_no_call(case) else ""
        if sides[0].sources or sides[1].sources:
            because += f": {_by(sides[0].sources)} decides before, {_by(sides[1].sources)} after"
        return self._difference(case, (ROUTING, found.kind != ROUTING), sides, because, seen)

    def _side(self, mesh: Mesh, case: Case, found: Found) -> Side:
        def decide(one: Mesh) -> dict[str, Any]:
            return routing.fields(trip.routed(one, case.caller, case.place, case.ask))

        fields = decide(mesh)
        by = sources.of_routing(mesh, case.place, decide)
        plain = {name: value for name, value in fields.items() if name != "ends"}
        return Side(routing.text(fields, found.names), plain, callers.mode(mesh, case.caller, case.place), by)

    def _of_verdict(self, case: Case, seen: Seen) -> Difference:
        kind, workload = seen.found.kind, seen.found.workload
        sides = self._verdict_side(self.before, case, workload), self._verdict_side(self.after, case, workload)
        because = f"{authorization.words(kind)} at {', '.join(sorted(seen.workloads))}"
        if kind == authorization.WIDER and sides[0].sources:
            there = {each.ref for each in self.after.resources}
            because += "".join(
                f": {each.ref} {'is there still but does not act on this call' if each.ref in there else 'is gone'}"
                for each in sides[0].sources[:1]
            )
        return self._difference(case, (kind, authorization.is_minor(kind)), sides, because, seen)

    def _verdict_side(self, mesh: Mesh, case: Case, workload: str) -> Side:
        def decide(one: Mesh) -> authz.Decision | None:
            return self._trip(one, case).verdicts.get(workload)

        found = decide(mesh)
        assert found is not None
        fields = {"verdict": found.verdict.value, "status": found.status, "path": [str(hop) for hop in found.path]}
        fields |= {"because": found.because, "providers": list(found.providers), "audit": found.audit}
        by = sources.of_verdict(mesh, case.place, found, decide)
        return Side(authorization.text(found), fields, callers.mode(mesh, case.caller, case.place), by)

    def _difference(self, case: Case, kind: tuple[str, bool], sides: tuple[Side, Side], because: str, seen: Seen) -> Difference:
        name, minor = kind
        return Difference(
            name,
            minor,
            self.before.name,
            self.owner(case.place),
            case.place,
            case.caller,
            case.ask,
            *sides,
            because=because,
            others=len(seen.cases) - 1,
            callers=tuple(seen.callers),
            named=seen.found.named,
        )

    def owner(self, place: Place) -> Ref:
        """The object that a place stands for: a Service, a ServiceEntry, or a VirtualService that alone knows the name."""
        service = places.service(self.before, place) or places.service(self.after, place)
        if service is not None:
            return service.ref
        entries = (registry.entries(mesh).get(place.host) for mesh in (self.before, self.after))
        owner = next((each.owner.ref for each in entries if each), None)
        if owner is not None:
            return owner
        found = (each.ref for mesh in (self.before, self.after) for each in places.routing(mesh, place))
        return next(found)


def _is_refused(found: trip.Trip, fields: Mapping[str, Any]) -> bool:
    """Whether nothing comes of the request: by its routes, or by the policies on its way."""
    if not fields["backends"]:
        return all(each == 0 or each >= 400 for each in fields["status"])
    verdicts = found.verdicts.values()
    return bool(verdicts) and all(each.verdict is authz.Verdict.DENY for each in verdicts)


def _by(found: tuple[Source, ...]) -> str:
    if not found:
        return "the default route"
    first = found[0]
    name = sources_field(first)
    return f"{first.ref}{f' {name}' if name else ''}"


def sources_field(source: Source) -> str:
    """The rule of an object, as people write it: `http[0]`."""
    route = source.position.route[1:]
    return f"{route[0]}[{route[1]}]" if len(route) == 2 else ""


def _smaller(ask: Ask, place: Place) -> Iterator[Ask]:
    path, _, query = ask.path.partition("?")
    parts = [each for each in query.split("&") if each]
    if place.is_http:
        yield replace(ask, host=place.host)
        yield replace(ask, method="GET")
    for index in range(len(ask.headers)):
        yield replace(ask, headers=ask.headers[:index] + ask.headers[index + 1 :])
    for index in range(len(parts)):
        left = "&".join(parts[:index] + parts[index + 1 :])
        yield replace(ask, path=path + (f"?{left}" if left else ""))
