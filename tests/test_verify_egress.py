"""`verify` towards hosts outside of the mesh: policies for ServiceEntries, egress gateways, and what waypoints cannot do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from ambimigrate.changes import Create, Stage
from ambimigrate.convert import Choice, after, convert
from ambimigrate.model import Mesh, Target
from ambimigrate.sources.read import read_files
from ambimigrate.verify import Difference, Settings, callers, places, requests, trip, verify
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests.conftest import FIXTURES

FOLDER = FIXTURES / "convert"
TARGET = Target(NEWEST, NEWEST_GATEWAY_API)


def mesh(*folders: Path) -> Mesh:
    (found,) = read_files(tuple(map(str, folders)), TARGET).meshes
    return found


def policy(folder: Path, kind: str, spec: str, entry: str = "payments") -> Path:
    """A folder with a policy for the ServiceEntry."""
    target = f"{{group: networking.istio.io, kind: ServiceEntry, name: {entry}}}"
    head = f"apiVersion: security.istio.io/v1\nkind: {kind}\nmetadata: {{name: more, namespace: shop}}\n"
    folder.mkdir()
    (folder / "more.yaml").write_text(f"{head}spec: {{targetRefs: [{target}], {spec}}}\n", encoding="utf-8")
    return folder


def weighty(before: Mesh, later: Mesh) -> list[Difference]:
    return [each for each in verify((before,), (later,), Settings(requests=40)).differences if not each.minor]


@pytest.mark.parametrize("case", ["egress-gateway", "egress-networks", "egress-shared", "egress-tls"])
def test_who_was_refused_stays_refused_by_a_policy(case: str) -> None:
    """503 for want of a subset before, 403 by the ALLOW at the waypoint after."""
    assert weighty(mesh(FOLDER / case / "input"), mesh(FOLDER / case / "expected")) == []


def test_without_the_policy_more_get_out() -> None:
    before, later = (mesh(FOLDER / "egress-gateway" / name) for name in ("input", "expected"))
    kept = tuple(each for each in later.resources if each.kind != "AuthorizationPolicy")
    found = weighty(before, replace(later, resources=kept, _memo={}))
    assert {each.object.name for each in found} == {"cnn"}
    assert {each.before.text for each in found} == {"status 503"}


def test_a_denial_at_the_egress_waypoint(tmp_path: Path) -> None:
    expected = FOLDER / "egress-tls" / "expected"
    more = policy(tmp_path / "more", "AuthorizationPolicy", "action: DENY, rules: [{to: [{operation: {paths: [/admin*]}}]}]")
    (found,) = weighty(mesh(FOLDER / "egress-tls" / "input"), mesh(expected, more))
    assert (found.kind, found.object.name, found.ask.path[:6]) == ("narrower", "payments", "/admin")
    assert str(found.after.sources[0].ref) == "AuthorizationPolicy shop/more"


def test_tokens_are_looked_at_by_the_egress_waypoint(tmp_path: Path) -> None:
    expected = FOLDER / "egress-tls" / "expected"
    tokens = policy(tmp_path / "one", "RequestAuthentication", "jwtRules: [{issuer: https://issuer.example}]")
    rules = "action: DENY, rules: [{from: [{source: {notRequestPrincipals: ['*']}}]}]"
    wanted = policy(tmp_path / "two", "AuthorizationPolicy", rules)
    later = mesh(expected, tokens, wanted)
    (found, *_) = weighty(mesh(FOLDER / "egress-tls" / "input"), later)
    assert (found.kind, found.object.name, found.ask.headers) == ("narrower", "payments", ())
    place = found.place
    (caller, *_) = callers.every(later, later, place)
    asks = (each for each in requests.asked(later, later, place, Settings()) if each.headers)
    ways = [trip.travel(later, caller, place, each, places.called(later, place)) for each in asks]
    assert {each.status for way in ways for each in way.verdicts.values()} >= {200, 401}


def test_a_waypoint_does_not_get_through_a_gateway_with_mutual_tls() -> None:
    """So the route past the gateway is there when clients begin to use the waypoint."""
    before = mesh(FOLDER / "egress-gateway" / "input")
    changes = convert((before,), (), Choice(stage=Stage.enroll)).changes
    (route,) = [each for each in changes if each.ref.kind == "HTTPRoute"]
    assert isinstance(route.action, Create)
    assert route.stage is Stage.enroll
    assert weighty(before, after(before, changes)) == []
    (found,) = weighty(before, after(before, tuple(each for each in changes if each is not route)))
    assert (found.object.name, found.place.port, found.after.text) == ("cnn", 80, "status 503")


def test_a_network_policy_that_lets_out_to_the_gateway_alone(tmp_path: Path) -> None:
    """Clients that go straight out are cut off by it."""
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "istio-system"}}}
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [peer]}]}
    head = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "out", "namespace": "news"}}
    (tmp_path / "out.yaml").write_text(json.dumps(head | {"spec": spec}), encoding="utf-8")
    before = mesh(FOLDER / "egress-gateway" / "input", tmp_path)
    direct = tuple(each for each in before.resources if each.kind != "VirtualService")
    found = weighty(before, replace(before, resources=direct, _memo={}))
    assert ("narrower", "tls", 443) in {(each.kind, each.object.name, each.place.port) for each in found}
