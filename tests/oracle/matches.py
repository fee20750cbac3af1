"""Random matches of VirtualServices: paths that overlap and nearly do, and conditions of every kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.oracle.grammar import Draw

PATHS = ("/", "/a", "/a/", "/ab", "/a/b", "/a/b/", "/A", "/c", "/c/x", "/a.b", "/a/..%2f")
PATTERNS = ("/a.*", "/[ab]+", ".*", "/a/b|/c", "/c/.*x", "/a(/.*)?", "(?i)/a", "/a/[0-9]{2}")
VALUES = ("1", "on", "12", "a,b")
NAMES = ("x-a", "X-B")
AUTHORITIES = ("web", "web.shop", "web.shop.svc.cluster.local", "web.shop.svc.cluster.local:80")
Tree = dict[str, Any]


def text(draw: Draw, texts: tuple[str, ...], patterns: tuple[str, ...]) -> dict[str, str]:
    kinds = ["exact", "exact", "prefix", "prefix"] + (["regex", "regex"] if "regex" in draw.features else [])
    kind = draw.random.choice(kinds)
    return {kind: draw.random.choice(patterns if kind == "regex" else texts)}


def match(draw: Draw) -> Tree:
    found: Tree = {}
    if draw.random.random() < 0.8:
        found["uri"] = text(draw, PATHS, PATTERNS)
        if draw.on("case"):
            found["ignoreUriCase"] = True
    for feature, field, make in (
        ("headers", "headers", _headers),
        ("without", "withoutHeaders", _headers),
        ("method", "method", lambda one: text(one, ("GET", "POST", "P", "PURGE"), ("GET|POST", "P.*"))),
        ("authority", "authority", lambda one: text(one, AUTHORITIES, ("web.*", ".*:80"))),
        ("scheme", "scheme", lambda one: text(one, ("http", "https"), ("https?",))),
        ("query", "queryParams", lambda one: {"q": condition(one)}),
        ("port", "port", lambda one: one.one(80, 81, 82)),
        ("gateways", "gateways", lambda one: one.one(["mesh"], ["ingress"], ["ingress", "mesh"])),
    ):
        made = draw.some(feature, make)
        if made is not None:
            found[field] = made
    if draw.on("source"):
        found |= draw.one({"sourceLabels": {"app": "other"}}, {"sourceNamespace": "shop"}, {"sourceNamespace": "web"})
    return found


def condition(draw: Draw) -> dict[str, str]:
    return {} if draw.random.random() < 0.25 else text(draw, VALUES, ("1.*", "[0-9]+", ".*", "(1|on)?"))


def _headers(draw: Draw) -> Tree:
    return {draw.random.choice(NAMES): condition(draw)} | ({"x-c": condition(draw)} if draw.random.random() < 0.2 else {})
