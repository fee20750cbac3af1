"""Witnesses of what is refused as a whole: hosts that no route can name, and differences that users may agree to."""

from __future__ import annotations

from typing import Any

import pytest

from ambimigrate.changes import Held
from ambimigrate.convert import after
from ambimigrate.converters.settings import DEFAULT, Accepted, Settings
from ambimigrate.model import Mesh
from ambimigrate.semantics import sidecar_connections, waypoint_connections
from ambimigrate.semantics.connections import Connection
from ambimigrate.semantics.decision import Client, Request
from tests.oracle import candidates, worlds

BASE = [worlds.namespace(worlds.SHOP), *worlds.app("web", 80), *worlds.app("other", 80)]
NEW = worlds.app("new", 80)
TO_OTHER = "{route: [{destination: {host: other}}]}"


def refused(objects: list[Any], case: str) -> tuple[Mesh, Held]:
    mesh = worlds.read([*BASE, *objects])
    found = [each for each in worlds.converted(mesh).held if each.because == ("VS901",)]
    return mesh, next(each for each in found if candidates.case_of(each) == case)


def agreed(mesh: Mesh, id: str) -> Mesh:
    """The mesh as it would be for users who agree."""
    conversion = worlds.converted(mesh, Settings((Accepted(id, worlds.SHOP, "*"),)) if id else DEFAULT)
    assert not conversion.held
    return after(mesh, conversion.changes)


def named(held: Held) -> Request:
    """The request at the beginning of a witness."""
    method, url = (held.witness or "").split(" ")[:2]
    host, _, path = url.rstrip(":").removeprefix("http://").partition("/")
    name, _, port = host.partition(":")
    return Request(name, int(port or 80), method, f"/{path}", name)


def test_a_name_that_is_no_service_is_routed_by_sidecars_alone() -> None:
    mesh, held = refused([worlds.vs("web", worlds.http(TO_OTHER, hosts="old.example"))], "host")
    request = named(held)
    assert worlds.ends(worlds.by_sidecar(mesh, request)) == "other"
    assert worlds.ends(worlds.by_waypoint(agreed(mesh, "VS916"), request)) != "other"


def test_a_wildcard_is_for_services_that_come_later() -> None:
    spec = worlds.http(TO_OTHER, hosts="'*.shop.svc.cluster.local'")
    mesh, held = refused([worlds.vs("web", spec)], "wildcard")
    request = named(held)
    assert request.to == worlds.full("new")
    later = worlds.read([*BASE, *NEW, worlds.vs("web", spec)])
    end = agreed(mesh, "VS911")
    with_new = Mesh(end.name, (*end.resources, *(each for each in later.resources if each.name == "new")), end.target)
    assert worlds.ends(worlds.by_sidecar(later, request)) == "other"
    assert worlds.ends(worlds.by_waypoint(with_new, request)) == "new"


def test_rules_that_nothing_meets_refuse_all_requests() -> None:
    rule = worlds.rule("other", "match: [{scheme: {exact: https}}]")
    mesh, held = refused([worlds.vs("web", worlds.http(rule, hosts="web"))], "nothing")
    without = Mesh(mesh.name, tuple(each for each in mesh.resources if each.kind != "VirtualService"), mesh.target)
    request = named(held)
    assert worlds.ends(worlds.by_sidecar(mesh, request)) == "404"
    assert worlds.ends(worlds.by_waypoint(without, request)) == "web"


def test_callers_that_do_not_see_it_get_its_rules_then() -> None:
    objects = [
        worlds.namespace("far"),
        *worlds.app("far", namespace="far"),
        worlds.vs("web", f"{{hosts: [web], exportTo: ['.'], http: [{TO_OTHER}]}}"),
    ]
    mesh, held = refused(objects, "export")
    assert "from a namespace that does not see web" in (held.witness or "")
    request = Request(worlds.full("web"), 80, host=worlds.full("web"))
    assert worlds.ends(worlds.by_sidecar(mesh, request, Client("far"))) == "web"
    assert worlds.ends(worlds.by_waypoint(agreed(mesh, "VS923"), request)) == "other"


@pytest.mark.parametrize("sni", [worlds.full("web"), "web"])
def test_other_server_names_meet_no_rule_for_connections(sni: str) -> None:
    tls = "{match: [{sniHosts: [web.shop.svc.cluster.local]}], route: [{destination: {host: other}}]}"
    objects = [each for each in BASE if each["metadata"]["name"] != "web" or each["kind"] != "Service"]
    objects += [worlds.service("web", 80, protocol="tls"), worlds.vs("web", f"{{hosts: [web], tls: [{tls}]}}")]
    mesh = worlds.read(objects)
    held = next(each for each in worlds.converted(mesh).held if each.because == ("VS901",))
    assert candidates.case_of(held) == "sni"
    assert (held.witness or "").endswith("with server name web: today web itself")
    asked = Connection(worlds.full("web"), 80, sni)
    before = worlds.ends(sidecar_connections.decide(mesh, Client(worlds.SHOP), asked))
    then = worlds.ends(waypoint_connections.decide(agreed(mesh, "VS913"), asked))
    assert (before == then) is (sni == worlds.full("web"))
