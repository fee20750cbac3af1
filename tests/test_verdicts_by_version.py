"""The same mesh on several versions: each namespace stands on one fact of the table of support, and its verdict follows it."""

from __future__ import annotations

from functools import cache

import pytest

from ambimigrate.analyse import analyse
from ambimigrate.model import Target
from ambimigrate.outlook import awaited
from ambimigrate.sources.read import read_files
from ambimigrate.support import status
from ambimigrate.verdicts import Standing, standings
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API, Version, parse
from tests.conftest import FIXTURES

REPOSITORY = FIXTURES / "repos" / "versions"
TARGETS = (parse("1.24"), parse("1.27"), NEWEST)
GOOD = {"stable", "beta", "alpha", "experimental"}

# namespace -> the fact that it stands on, and its verdict where that fact is not among GOOD (else it is ready)
FACTS = {
    "accounts": ("service-accounts-in-policies", "ztunnel", "needs-changes"),
    "callers": ("match-gateways", "waypoint", "needs-changes"),
    "connections": ("virtual-service-tcp-tls", "waypoint", "needs-changes"),
    "dry-run": ("dry-run", "ztunnel", "needs-changes"),
    "extension": ("traffic-extension", "waypoint", "needs-changes"),
    "filters": ("envoy-filter", "waypoint", "needs-changes"),
    "plain": ("mtls", "ztunnel", "wait"),
    "ranges": ("service-entry-cidr", "ztunnel", "needs-changes"),
    "rules": ("virtual-service", "ztunnel", "needs-waypoint"),
    "spire": ("spire", "ztunnel", "wait"),
    "sticky": ("consistent-hash", "waypoint", "needs-changes"),
    "unresolved": ("service-entry-none", "ztunnel", "needs-changes"),
    "written-tls": ("explicit-istio-mutual", "sidecar", "needs-changes"),
}
ENOUGH = {"dry-run": {"ignored"}, "connections": {"partial"}}  # what is no more than these need to be ready


@cache
def found(istio: Version) -> dict[str, Standing]:
    reading = read_files([str(REPOSITORY)], Target(istio, NEWEST_GATEWAY_API))
    assert not reading.problems
    findings = analyse(reading.meshes)
    return {each.name: each for each in awaited(reading.meshes, standings(reading.meshes, findings), findings)}


@pytest.mark.parametrize("istio", TARGETS, ids=str)
@pytest.mark.parametrize("namespace", FACTS)
def test_verdict_is_what_the_table_says(namespace: str, istio: Version) -> None:
    feature, plane, otherwise = FACTS[namespace]
    is_good = status(feature, plane, istio) in GOOD | ENOUGH.get(namespace, set())
    assert found(istio)[namespace].verdict == ("ready" if is_good else otherwise)


@pytest.mark.parametrize("istio", TARGETS, ids=str)
def test_every_namespace_stands_on_a_fact(istio: Version) -> None:
    assert found(istio).keys() == FACTS.keys() | {"edge"}
    assert found(istio)["edge"].verdict == "not-in-mesh"


def test_the_versions_tell_verdicts_apart() -> None:
    ready = [sum(each.verdict == "ready" for each in found(istio).values()) for istio in TARGETS]
    assert ready == sorted(set(ready))


def test_what_no_version_has_waits_for_an_issue() -> None:
    assert all((found(istio)["spire"].wait_for or "").startswith("https://") for istio in TARGETS)
