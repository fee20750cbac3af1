"""Objects against the CRDs of targets: what an API server would refuse, field by field, and whether all rules are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ambimigrate import catalogue, crds
from ambimigrate.crds import cel, store
from ambimigrate.crds.cel_functions import Failed, duration, is_url
from ambimigrate.crds.metadata import named
from ambimigrate.crds.quick import KEYWORDS
from ambimigrate.model import Target
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API, parse
from ambimigrate.yamlio import documents, values
from tests.conftest import FIXTURES

FOLDER = FIXTURES / "crds"
CASES = sorted(FOLDER.glob("*.yaml"))
MADE = ("HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "Gateway", "AuthorizationPolicy", "RequestAuthentication")
EDITED = ("PeerAuthentication", "DestinationRule", "VirtualService")
NOT_OURS = (  # about fields that we never write
    "AbsoluteTimeout must be",
    "Hostname value must be",
    "Hostname values must be",
    "IPAddress values",
    "Port for TLS configuration",
    "cookieConfig can only",
    "grpc must be specified",
    "http must be specified",
    "protocol must be",
)


def target(case: Path) -> Target:
    """The newest of everything, unless the name says `@VERSION` or `+experimental`."""
    name, _, channel = case.stem.partition("+")
    line = name.partition("@")[2]
    if "security" in case.read_text(encoding="utf-8"):
        return Target(parse(line) if line else NEWEST, NEWEST_GATEWAY_API)
    return Target(NEWEST, parse(line) if line else NEWEST_GATEWAY_API, channel or "standard")


def objects(case: Path) -> Iterator[Any]:
    for document in documents(case.name, case.read_text(encoding="utf-8")):
        yield values(document).value


def line(fault: crds.Fault) -> str:
    return f"{'.'.join(map(str, fault.route))}: {fault.reason}"


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_case(case: Path, golden: Callable[[Path, str], None]) -> None:
    to = target(case)
    found = {tree["metadata"]["name"]: [line(fault) for fault in crds.faults(tree, to)] for tree in objects(case)}
    text = "".join(f"{name}\n" + "".join(f"  {each}\n" for each in lines or ["passes"]) for name, lines in found.items())
    golden(case.with_suffix(".txt"), text)


def test_every_rule_about_what_we_write_refuses_something() -> None:
    said = {fault.reason for case in CASES for tree in objects(case) for fault in crds.faults(tree, target(case))}
    wanted = {
        each["message"]
        for kind in (*MADE, *EDITED)
        for channel in ("standard", "experimental")
        for each in rules(definition(kind, channel))
        if not each["message"].startswith(NOT_OURS) and "oldSelf" not in each["rule"]
    }
    assert wanted
    assert wanted <= said


def definition(kind: str, channel: str) -> store.Schema:
    to = Target(NEWEST, NEWEST_GATEWAY_API, channel)
    groups = (store.GATEWAY_API, "security.istio.io", "networking.istio.io")
    found = next(each for group in groups if (each := store.definition(group, kind, "v1", to)) is not None)
    assert found.schema is not None
    return found.schema


def rules(schema: store.Schema) -> Iterator[dict[str, str]]:
    for each in parts(schema):
        yield from each.get("x-kubernetes-validations", ())


def parts(schema: store.Schema) -> Iterator[store.Schema]:
    yield schema
    inner = (*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties"), schema.get("not"))
    alternatives = (*schema.get("oneOf", ()), *schema.get("anyOf", ()), *schema.get("allOf", ()))
    for each in (*inner, *alternatives):
        if isinstance(each, dict):
            yield from parts(each)


def every() -> Iterator[store.Schema]:
    """All schemas of the package."""
    for path in sorted((catalogue.folder() / "schemas" / "crds").glob("*.json")):
        group, _, kind = path.stem.partition("_")
        known = {id(schema): schema for schema in store._schemas(group, kind).values()}
        yield from known.values()


def test_all_keywords_and_rules_are_understood() -> None:
    keywords: set[str] = set()
    known: set[str] = set()
    for schema in every():
        for part in parts(schema):
            keywords |= part.keys()
            known |= {each["rule"] for each in part.get("x-kubernetes-validations", ())}
    for text in known:
        cel.rule(text)
    assert len(known) > 100
    handled = {"properties", "additionalProperties", "default", "nullable", "x-kubernetes-preserve-unknown-fields"}
    no_check = {"x-kubernetes-list-map-keys", "x-kubernetes-map-type"}
    assert keywords == KEYWORDS.keys() | handled | no_check


@pytest.mark.parametrize(
    ("istio", "gateway", "name", "exact"),
    [
        ("1.31.1", "1.6", "Istio 1.31.1", True),
        ("1.27.9", "1.6", "Istio 1.27.0", True),
        ("1.33.0", "1.6", "Istio 1.31.1", False),
        ("1.20.0", "1.6", "Istio 1.22.0", False),
    ],
)
def test_the_nearest_release_is_taken(istio: str, gateway: str, name: str, exact: bool) -> None:
    found = store.definition("networking.istio.io", "VirtualService", "v1", Target(parse(istio), parse(gateway)))
    assert found is not None
    assert (found.name, found.exact) == (name, exact)


def test_other_kinds_are_not_judged() -> None:
    assert crds.faults({"apiVersion": "v1", "kind": "Service", "spec": {"x": 1}}, Target(NEWEST, NEWEST_GATEWAY_API)) == ()


@pytest.mark.parametrize(
    ("text", "value"),
    [("1s", 10**9), ("1.5h", 5400 * 10**9), ("1h30m", 5400 * 10**9), (".5s", 5 * 10**8), ("-1ms", -(10**6)), ("0", 0)],
)
def test_durations(text: str, value: int) -> None:
    assert duration(text) == value


@pytest.mark.parametrize("text", ["", "1", "s", "1 s", "1d", "."])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(Failed):
        duration(text)


def test_urls() -> None:
    assert all(map(is_url, ("http://a/b", "/x", "oci://a:80", "file:///x", "a:80")))
    assert not any(map(is_url, ("test", "#%x", "http://#%b@", "http://a#b", "", "http://a b")))


@pytest.mark.parametrize(
    ("rule", "value", "holds"),
    [
        ("has(self.a) && self.a.b > 1", {}, False),
        ("self.a || self.b", {"b": True}, True),  # what fails is outweighed by what decides
        ("self.b && self.a", {"b": False}, True is None),
        ("!(self.a || self.b)", {"b": False}, False),
        ("self.all(k, k.startsWith('a'))", {"ab": 1, "ac": 2}, True),
        ("self.exists_one(x, x == 1)", [1, 2, 1], False),
        ("self.filter(x, x in [1, 2]).size() == 2", [1, 2, 3], True),
        ("self[1] + 1 == 3 ? self[0] == 1 : false", [1, 2], True),
        ("self.__namespace__ == ''", {"namespace": ""}, True),
        ('self.matches(r"""^a\\.b$""")', "a.b", True),
        ("self == oldSelf", 1, True),
    ],
)
def test_rules(rule: str, value: Any, holds: bool) -> None:
    assert cel.rule(rule)(value) is holds


def test_metadata() -> None:
    tree = {
        "kind": "Service",
        "metadata": {"name": "1a", "labels": {"a b": "c", "x/y": "z" * 64}, "annotations": {"/a": "b"}},
    }
    assert [fault.route[1:] for fault in named(tree)] == [
        ("name",),
        ("labels", "a b"),
        ("labels", "x/y"),
        ("annotations", "/a"),
    ]
    assert not list(named({"kind": "HTTPRoute", "metadata": {"name": "1a.b", "labels": {"a.example/b": ""}}}))
