"""PF025: switches of istiod that change whom waypoints and ztunnel admit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import listed
from ambimigrate.kinds import HelmValues, IstioOperator, Namespace, SailIstio, Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import meshconfig, waypoints
from ambimigrate.topology.meshconfig import Setting

_ALLOW, _INGRESS, _POLICY = "PILOT_AUTO_ALLOW_WAYPOINT_POLICY", "ENABLE_INGRESS_WAYPOINT_ROUTING", "COMPLIANCE_POLICY"


@rule("PF025", IstioOperator, HelmValues, SailIstio)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    for setting in _said(mesh, resource, _ALLOW):
        if _text(setting) == "true":
            message = f"{_ALLOW}: pods behind a waypoint admit nobody but it, so sidecars, gateways and scrapers are refused"
            yield Hit(resource.at(*setting.route), message, "auto-allow")
    for setting in _said(mesh, resource, _INGRESS):
        asking = [str(each.ref) for each in _asking(mesh)]
        if _text(setting) == "false" and asking:
            message = (
                f"fails open: {_INGRESS} is off, so gateways go past the waypoints of {listed(asking)}, whatever their label"
            )
            yield Hit(resource.at(*setting.route), message, "ingress")
    for setting in _said(mesh, resource, _POLICY):
        agents = {str(each.value) for each in meshconfig.helm_settings(mesh, "ztunnel", "env", _POLICY)}
        if setting.value and agents != {str(setting.value)}:
            theirs = listed(sorted(agents)) or "none"
            message = f"istiod has {_POLICY} {setting.value}, ztunnel has {theirs}: its connections do not keep to the policy"
            yield Hit(resource.at(*setting.route), message, "compliance")


def _said(mesh: Mesh, resource: Resource[Any], name: str) -> Iterator[Setting]:
    return (each for each in meshconfig.helm_settings(mesh, "pilot", "env", name) if each.resource is resource)


def _text(setting: Setting) -> str:
    return str(setting.value).lower()


def _asking(mesh: Mesh) -> Iterator[Resource[Any]]:
    for kind in (Namespace, Service):
        yield from (each for each in mesh.of(kind) if each.body.metadata.labels.get(waypoints.INGRESS_USE) == "true")
