"""Objects that an overlay changes in ways that only the real kustomize applies: what stands in no text is held."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from ambimigrate import catalogue
from ambimigrate.convert import Conversion
from ambimigrate.kinds.traffic import ClientTLS, TrafficPolicy
from ambimigrate.model import Mesh, Resource
from tests.oracle import worlds

RULE = worlds.thing("DestinationRule", "web", {"host": worlds.full("web")})
MUTUAL = TrafficPolicy(tls=ClientTLS(mode="ISTIO_MUTUAL"))


def named(vs: Resource[Any], name: str) -> Resource[Any]:
    """The object as the mesh shows it under another name."""
    body = replace(vs.body, metadata=replace(vs.body.metadata, name=name))
    return replace(vs, ref=vs.ref._replace(name=name), body=body)


def encrypting(rule: Resource[Any]) -> Resource[Any]:
    """The rule as the mesh shows it with a policy that its text lacks."""
    return replace(rule, body=replace(rule.body, spec=replace(rule.body.spec, traffic_policy=MUTUAL)))


def converted(objects: list[Any], kind: str, change: Any, version: str = "") -> Conversion:
    mesh = worlds.read([worlds.namespace(worlds.SHOP), *worlds.app("web"), *objects], version)
    found = tuple(change(each) if each.kind == kind else each for each in mesh.resources)
    return worlds.converted(Mesh(mesh.name, found, mesh.target))


@pytest.mark.parametrize(
    ("id", "case", "conversion"),
    [
        ("VS901", "renamed", converted([worlds.vs("web", worlds.http("{route: [{destination: {host: web}}]}", hosts="web"))],
                                       "VirtualService", lambda each: named(each, "frontend"))),
        ("DR951", "overlay", converted([RULE], "DestinationRule", encrypting, "1.24.6")),
    ],
)  # fmt: skip
def test_it_is_held_with_its_case(id: str, case: str, conversion: Conversion) -> None:
    fix = catalogue.entry(id).cases[case].fix
    assert [each.reason for each in conversion.held if each.because == (id,) and (each.alternative or "").startswith(fix)]
