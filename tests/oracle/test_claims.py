"""The 49 HTTP vectors of the reference: convert carries what has an exact form, and holds what has none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from ambimigrate.model import Mesh, Target
from ambimigrate.semantics.decision import Client, Decision, Request
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests.oracle import worlds
from tests.semantics.test_routing_claims import (
    BACKEND,
    CLAIMS,
    FULL_NAME,
    PORT,
    expected,
    holds,
    names,
    request_of,
    shares_of,
    simple,
)

LOADED = list(yaml.safe_load_all(CLAIMS.read_text(encoding="utf-8")))
BY_ID = {each["id"]: each for each in LOADED}
IMPOSSIBLE = {each["id"] for each in LOADED if each.get("exact") == "none"}


def mesh_of(claim: dict[str, Any]) -> Mesh:
    """The VirtualService of the claim, in a namespace with sidecars, and all Services that it names."""
    ports = (PORT, 9090) if "9090" in str(claim) else (PORT,)
    spec = {"hosts": ["reviews"], "http": claim["vs"]}
    objects = [worlds.namespace("default"), worlds.thing("VirtualService", "reviews", spec, "default")]
    for name in names(claim):
        objects += worlds.app(name, *ports, namespace="default")
    return worlds.read(objects, Target(NEWEST, NEWEST_GATEWAY_API, "experimental"))


def asked(claim: dict[str, Any]) -> Iterator[tuple[Client, Request, str]]:
    for case in claim["cases"]:
        client = Client(case.get("srcNamespace", "default"), tuple(case.get("srcLabels", {}).items()))
        yield client, request_of(case), str(case["vs"])


@pytest.mark.parametrize("name", sorted(BY_ID.keys() - IMPOSSIBLE))
def test_what_has_an_exact_form_is_converted_to_one(name: str) -> None:
    mesh = mesh_of(BY_ID[name])
    conversion = worlds.converted(mesh)
    assert not conversion.held, [(each.reason, each.witness) for each in conversion.held]
    for client, request, wanted in asked(BY_ID[name]):
        before = worlds.by_sidecar(mesh, request, client)
        is_known = request.host.partition(":")[0] in {"reviews", FULL_NAME}  # others have no virtual host at a sidecar (R02)
        assert not is_known or as_claimed(wanted, before), before
        for stage, end in worlds.at_stages(mesh, conversion).items():
            found = worlds.by_waypoint(end, request)
            assert as_claimed(wanted, found), (stage, request, found)
            assert not is_known or worlds.plain(found) == worlds.plain(before), (stage, request)


@pytest.mark.parametrize("name", sorted(IMPOSSIBLE))
def test_what_has_no_exact_form_is_held(name: str) -> None:
    mesh = mesh_of(BY_ID[name])
    conversion = worlds.converted(mesh)
    assert [each for each in conversion.held if each.ref.kind == "VirtualService"]
    assert not [each for each in conversion.changes if each.ref.kind in {"HTTPRoute", "VirtualService"}]


def as_claimed(wanted: str, decision: Decision) -> bool:
    words = simple(wanted).split()
    weights = {found[1]: found[2] for word in words if (found := BACKEND.fullmatch(word))}
    rest = all(holds(word, decision) for word in words if not BACKEND.fullmatch(word))
    return rest and (not weights or shares_of(decision) == expected(weights))


def test_every_vector_is_there() -> None:
    assert BY_ID.keys() == {f"V{number:02}" for number in range(1, 51)} - {"V29"}
