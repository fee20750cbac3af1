"""DR003: Istio mTLS written out, which sidecars and gateways then also speak to pods that are ambient."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.destinationrule.policies import named, parts, subjects
from ambimigrate.kinds import DestinationRule, Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import hosts


@rule("DR003", DestinationRule)
def check(dr: Resource[DestinationRule], mesh: Mesh) -> Iterator[Hit]:
    if not any(policy.tls is not None and policy.tls.mode == "ISTIO_MUTUAL" for _, policy in parts(dr.body)):
        return
    found = [each for each in subjects(mesh, dr) if isinstance(each.body, Service)]
    headless = [each for each in found if hosts.is_headless(each)]
    others = [each for each in found if not hosts.is_headless(each)]
    for route, policy in parts(dr.body):
        if policy.tls is None or policy.tls.mode != "ISTIO_MUTUAL":
            continue
        place = dr.at(*route, "tls")
        if others:
            yield Hit(
                place,
                f"Istio {mesh.target.istio} sends Istio mTLS inside HBONE: calls of sidecars and gateways to ambient pods of"
                f" {named(others)} fail",
                case="breaks",
            )
        if headless:
            yield Hit(
                place,
                f"{named(headless)} is headless: sidecars keep sending Istio mTLS to its pods, which fails once they are"
                " ambient",
                case="headless",
            )
