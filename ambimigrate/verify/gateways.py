"""Sends requests through the gateways of both meshes, and keeps one small witness for each way in which they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from ambimigrate.kinds import IstioGateway, Service
from ambimigrate.model import Mesh, Ref
from ambimigrate.semantics import gateways
from ambimigrate.semantics.decision import Request
from ambimigrate.topology.workloads import matches
from ambimigrate.verify import callers, entrances, routing, sources
from ambimigrate.verify.entrances import Entrance
from ambimigrate.verify.seen import Case, Found, Seen
from ambimigrate.verify.values import GATEWAY, OUTSIDE, Ask, Caller, Difference, Place, Settings, Side

_SHOWN = 6  # ways in which one port differs
_COALESCED = "GW903"  # agreed to: connections that were opened for another host
_CLIENT = Caller(OUTSIDE, ip=callers.OUTSIDE_IP)
Fields = Mapping[str, Any]


class Gateways:
    """Two meshes of one name, and what comparing their gateways has come to so far."""

    def __init__(self, before: Mesh, after: Mesh, settings: Settings) -> None:
        self.before, self.after, self.settings = before, after, settings
        self.routing = self.left_out = 0
        self.tried: dict[Place, int] = {}

    def differences(self) -> Iterator[Difference]:
        for entrance in entrances.entrances(self.before, self.after):
            best: dict[tuple[Any, ...], Seen] = {}
            for case, found in self._differing(entrance):
                best.setdefault(found.signature, Seen(case, found)).add(case, found)
            shown: Counter[str] = Counter()
            for seen in best.values():
                shown[seen.found.kind] += 1
                if shown[seen.found.kind] <= _SHOWN:
                    yield self._made(entrance, seen)
                else:
                    self.left_out += 1

    def _differing(self, entrance: Entrance) -> Iterator[tuple[Case, Found]]:
        asked = tuple(dict.fromkeys(entrances.asks(self.before, self.after, entrance, self.settings)))
        self.tried[entrance.place] = len(asked)
        self.routing += len(asked)
        for ask in asked:
            old, new = (_handled(mesh, pods, entrance, ask) for mesh, pods in self._sides(entrance))
            if old == new:
                continue
            one, other = _fields(old), _fields(new)
            names = routing.differing(one, other)
            if names:
                yield Case(entrance.place, None, _CLIENT, ask), self._found(entrance, ask, names, (one, other))

    def _sides(self, entrance: Entrance) -> tuple[tuple[Mesh, gateways.Pods | None], ...]:
        return (self.before, entrance.before), (self.after, entrance.after)

    def _found(self, entrance: Entrance, ask: Ask, names: tuple[str, ...], sides: tuple[Fields, Fields]) -> Found:
        one, other = sides
        is_minor = _is_default_port(ask, names) or (
            not {"retries", "policy"} & set(names) and routing.is_minor(names, one, other, self.before)
        )
        by = self._agreed(entrance, ask) if one["backends"] or one["location"] else ()  # nobody agreed to an opening
        kind = "routing minor" if is_minor else "routing"
        tls = one["tls"], other["tls"]
        way = (names,) if names == ("tls",) else routing.signature(names, one, other)  # if that alone differs, the rest is one
        return Found(kind, (is_minor, by, tls, *way), names, named=by)

    def _agreed(self, entrance: Entrance, ask: Ask) -> tuple[str, ...]:
        """The id under which a conversion of a Gateway of the pods names connections that were opened for another host."""
        if not ask.tls or ask.sni == ask.host.partition(":")[0].lower() or entrance.before is None:
            return ()
        labels = dict(entrance.before.labels)
        agreed = (each for each in self.settings.changes if each.mesh == self.before.name and _COALESCED in each.because)
        subjects = (each.subject.body for each in agreed if each.verdict == "differs" and each.subject)
        found = (each.spec.selector for each in subjects if isinstance(each, IstioGateway))
        return (_COALESCED,) if any(matches(each, labels) for each in found) else ()

    # --- its report -------------------------------------------------------------------------------------------------

    def _made(self, entrance: Entrance, seen: Seen) -> Difference:
        ask, found = seen.case.ask, seen.found
        one, other = (self._side(mesh, pods, entrance, (ask, found)) for mesh, pods in self._sides(entrance))
        is_minor = found.kind != "routing"
        because = routing.words(found.names, other.fields, minor=False)
        because += " for a Host header that names the default port" if _is_default_port(ask, found.names) else ""
        if one.sources or other.sources:
            because += f": {_by(one)} decides before, {_by(other)} after"
        return Difference(
            "routing",
            is_minor,
            self.before.name,
            self._owner(entrance),
            replace(entrance.place, is_http={*one.fields["status"], *other.fields["status"]} != {0}),
            _CLIENT,
            ask,
            one,
            other,
            because=because,
            others=len(seen.cases) - 1,
            named=found.named,
        )

    def _side(self, mesh: Mesh, pods: gateways.Pods | None, entrance: Entrance, witness: tuple[Ask, Found]) -> Side:
        ask, found = witness
        fields = _fields(_handled(mesh, pods, entrance, ask))
        name = ask.host.partition(":")[0].lower() or ask.sni
        by = sources.among(mesh, entrances.deciding(mesh, name), lambda one: _fields(_handled(one, pods, entrance, ask)))
        plain = {key: value for key, value in fields.items() if key != "ends"}
        return Side(routing.text(fields, found.names), plain, GATEWAY, by)

    def _owner(self, entrance: Entrance) -> Ref:
        """The Service in front of the pods, else the pods themselves."""
        name = entrance.place.host.partition(".")[0]
        found = (
            self.before.find(Service, entrance.place.namespace, name),
            self.after.find(Service, entrance.place.namespace, name),
        )
        pods = entrance.before or entrance.after
        assert pods is not None
        return next((each.ref for each in found if each), Ref("Pod", "", pods.namespace, pods.name))


def _handled(mesh: Mesh, pods: gateways.Pods | None, entrance: Entrance, ask: Ask) -> gateways.Handled:
    return gateways.decide(mesh, pods, _arrival(entrance.place, ask)) if pods else gateways.CLOSED


def _fields(found: gateways.Handled) -> dict[str, Any]:
    return {**routing.fields(found.decision), "tls": found.terms}


def _arrival(place: Place, ask: Ask) -> gateways.Arrival:
    request = Request("", place.port, ask.method, ask.path, ask.host, ask.headers, reply=ask.reply)
    return gateways.Arrival(place.port, request, ask.tls, ask.sni)


def _is_default_port(ask: Ask, names: tuple[str, ...]) -> bool:
    """Whether a redirect differs for a Host header that names the default port, which no usual client sends."""
    return names == ("location",) and ask.host.endswith((":443",) if ask.tls else (":80",))


def _by(side: Side) -> str:
    if not side.sources:
        return "no object"
    first = side.sources[0]
    route = first.position.route[1:]
    return f"{first.ref}{f' {route[0]}[{route[1]}]' if len(route) == 2 else ''}"
