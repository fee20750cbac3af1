"""DR009: preference for endpoints nearby, which ztunnel does not take from Istio's settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.destinationrule.policies import named, parts, subjects
from ambimigrate.kinds import ConfigMap, DestinationRule, HelmValues, IstioOperator, SailIstio, Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import meshconfig, reach, waypoints

ANNOTATION = "networking.istio.io/traffic-distribution"


@rule("DR009", DestinationRule, ConfigMap, HelmValues, IstioOperator, SailIstio)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if isinstance(resource.body, DestinationRule):
        yield from _of_rule(resource, mesh)
        return
    for setting in meshconfig.settings(mesh, "localityLbSetting"):
        if setting.resource is resource and reach.has_members(mesh) and _says_something(setting.value):
            message = "localityLbSetting of the mesh: ztunnel does not read it, traffic of ambient callers crosses zones"
            yield Hit(resource.at(*setting.route), message, case="mesh")


def _of_rule(dr: Resource[DestinationRule], mesh: Mesh) -> Iterator[Hit]:
    found = subjects(mesh, dr)
    for route, policy in parts(dr.body):
        balancer = policy.load_balancer
        if not found or balancer is None:
            continue
        if balancer.locality_lb_setting and _says_something(balancer.locality_lb_setting):
            place = dr.at(*route, "loadBalancer", "localityLbSetting")
            unbound = [each for each in found if not waypoints.is_bound(mesh, each)]
            if unbound and all(map(_is_said, unbound)):
                continue
            if unbound:
                message = f"ztunnel does not read localityLbSetting: ambient callers of {named(found)} use all zones alike"
            else:
                message = f"locality of {named(found)} is counted from the pod of the waypoint, not from the caller"
            yield Hit(place, message, case="rule")
        if balancer.zone_aware_lb_setting:
            message = f"zoneAwareLbSetting is for sidecars: at the waypoint of {named(found)} it is plain locality"
            yield Hit(dr.at(*route, "loadBalancer", "zoneAwareLbSetting"), message, case="zone-aware")


def _is_said(target: Resource[Any]) -> bool:
    """Whether it says for ztunnel that endpoints nearby are preferred."""
    own = isinstance(target.body, Service) and target.body.spec.traffic_distribution
    return bool(own or target.body.metadata.annotations.get(ANNOTATION))


def _says_something(setting: Any) -> bool:
    """Whether a locality setting is on and prefers anything; `{}` is the default."""
    return isinstance(setting, dict) and setting.get("enabled") is not False and bool(setting)
