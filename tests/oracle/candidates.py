"""The best that could be written in spite of a refusal: without what is refused, or with the entries in Istio's order."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

from ambimigrate import catalogue
from ambimigrate.changes import Held
from ambimigrate.convert import after
from ambimigrate.converters.outcome import Account
from ambimigrate.converters.routing.conditions import METHODS
from ambimigrate.converters.routing.entries import Fate
from ambimigrate.converters.routing.flat import flatten
from ambimigrate.converters.routing.ladder import arranged
from ambimigrate.converters.routing.lists import Port, grouped
from ambimigrate.converters.routing.order import Clash, Order
from ambimigrate.converters.settings import DEFAULT, Accepted, Settings
from ambimigrate.kinds import Service, VirtualService
from ambimigrate.model import Mesh, Target
from ambimigrate.semantics.decision import Request
from tests.oracle import worlds

CASES = {entry.fix: case for case, entry in catalogue.entry("VS901").cases.items()}
AGREED = {"cors-near": "VS922"}  # cases whose best candidate users can have by agreeing to it
LATER = "from Istio 1.31 on: "  # the request has two lines of one header, which proxies compared joined before
_REQUEST = re.compile(r"([A-Z-]+) http://([^/:]+):(\d+)(/[^ ]*?)(?: with (.*?))?(?:: (?:today|allowed|becomes|access-).*)?$")
_AGREED_TO = re.compile(r"(--accept \w+:)[^\s`]+")
_DELEGATE = re.compile(r"in its delegate (\S+?):")


def case_of(held: Held) -> str:
    """The case of VS901 that a refusal is."""
    said = _AGREED_TO.sub(r"\1NAMESPACE/NAME", held.alternative or "")
    return next(CASES[fix] for fix in CASES if said.startswith(fix))


def asked(witness: str) -> Request | None:
    """The request that a witness names, as a client sends it; None for one in words."""
    found = _REQUEST.match(witness.removeprefix(LATER))
    if found is None:
        return None
    method, name, port, path, headers = found.groups()
    lines = [(key, value) for key, _, value in (each.partition(": ") for each in (headers or "").split(", ")) if key]
    host = dict(lines).get("Host") or (name if port == "80" else f"{name}:{port}")
    sent = tuple((key.lower(), value) for key, value in lines if key != "Host")
    return Request(name, int(port), method, path, host, sent)


def best(objects: list[worlds.Tree], target: Target, held: Held) -> tuple[Mesh, Mesh] | None:
    """The mesh that would be converted in spite of the refusal, and what it would become; None if more is refused."""
    case, mesh = case_of(held), worlds.read(objects, target)
    if case == "order":
        end = ordered(mesh, objects)
        return None if end is None else (mesh, end)
    settings = DEFAULT
    if case in AGREED:
        settings = Settings((Accepted(AGREED[case], worlds.SHOP, "*"),))
    elif (other := without(objects, held)) is None:
        return None
    else:
        mesh = worlds.read(other, target)
    conversion = worlds.converted(mesh, settings)
    return None if conversion.held or not conversion.changes else (mesh, after(mesh, conversion.changes))


def without(objects: list[worlds.Tree], held: Held) -> list[worlds.Tree] | None:
    """The objects without the field that is refused; a rule that is nothing without it goes."""
    found = copy.deepcopy(objects)
    delegate = _DELEGATE.match(held.reason)
    name = delegate[1] if delegate else held.ref.name
    spec = next(each["spec"] for each in found if each["kind"] == "VirtualService" and each["metadata"]["name"] == name)
    route = list(held.position.route[1:])
    if route[-1] == "method":
        return found if _keep_named(spec, route) else None
    if "directResponse" in route or route[-1] == "redirect":
        route = route[:2]
    if "destination" in route and route[-1] != "subset":
        route = route[:4]
    try:
        node: Any = spec
        for step in route[:-1]:
            node = node[step]
        del node[route[-1]]
    except (KeyError, IndexError):
        return None  # what is refused is that the field is missing
    return found


def _keep_named(spec: worlds.Tree, route: list[Any]) -> bool:
    """Leaves of a test of the method what HTTPRoutes can name; without such a method the entry goes."""
    rule = spec["http"][route[1]]
    match = rule["match"][route[3]]
    ((kind, text),) = match["method"].items()
    takes = {"exact": text.__eq__, "prefix": lambda each: each.startswith(text), "regex": re.compile(text).fullmatch}[kind]
    if named := [each for each in METHODS if takes(each)]:
        match["method"] = {"regex": "|".join(named)}
    elif len(rule["match"]) > 1:
        rule["match"].remove(match)
    else:
        spec["http"].remove(rule)
    return True


def ordered(mesh: Mesh, objects: list[worlds.Tree]) -> Mesh | None:
    """A mesh with the routes whose order could not be kept, as they stood when that became clear."""
    made = [
        worlds.thing("HTTPRoute", f"best-{number}", {"parentRefs": [parent], "rules": rules})
        for number, (parent, rules) in enumerate(_turned(mesh))
    ]
    kept = [each for each in objects if each["kind"] not in {"Namespace", "VirtualService"}]
    return worlds.read([*worlds.at_waypoint(), *kept, *made], mesh.target) if made else None


def _turned(mesh: Mesh) -> Iterator[tuple[worlds.Tree, list[worlds.Tree]]]:
    vs = next(each for each in mesh.of(VirtualService) if each.name == "web")
    flat = flatten(vs, mesh, Account())
    service = next(each for each in mesh.of(Service) if each.name == "web")
    for number in [each.port for each in service.body.spec.ports]:
        port = Port(flat, mesh, worlds.full("web"), number)
        found = arranged(port.kept(Fate()), port.act, Order())
        if isinstance(found, Clash):
            parent = {"group": "", "kind": "Service", "name": "web", "port": number}
            yield parent, grouped(found.lines)
