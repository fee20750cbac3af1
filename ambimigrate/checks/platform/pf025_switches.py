"""PF025: switches of istiod that change whom waypoints and ztunnel admit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate import support
from ambimigrate.checks import rule
from ambimigrate.checks.pods import listed
from ambimigrate.kinds import HelmValues, IstioOperator, Namespace, SailIstio, Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import flags, meshconfig, waypoints
from ambimigrate.topology.booleans import FALSE
from ambimigrate.topology.meshconfig import Setting

_ALLOW, _INGRESS = "PILOT_AUTO_ALLOW_WAYPOINT_POLICY", "ENABLE_INGRESS_WAYPOINT_ROUTING"
_POLICY, _OLD_TLS = "COMPLIANCE_POLICY", "TLS12_ENABLED"
_FIPS, _PQC = "fips-140-2", "pqc"


@rule("PF025", IstioOperator, HelmValues, SailIstio)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    for setting in _said(mesh, resource, _ALLOW):
        if flags.said(setting.value):
            message = f"{_ALLOW}: pods behind a waypoint admit nobody but it, so sidecars, gateways and scrapers are refused"
            yield Hit(resource.at(*setting.route), message, "auto-allow")
    for setting in _said(mesh, resource, _INGRESS):
        asking = [str(each.ref) for each in _asking(mesh)]
        if str(setting.value) in FALSE and asking:
            message = (
                f"fails open: {_INGRESS} is off, so gateways go past the waypoints of {listed(asking)}, whatever their label"
            )
            yield Hit(resource.at(*setting.route), message, "ingress")
    for setting in _said(mesh, resource, _POLICY):
        if (found := _unkept(mesh, str(setting.value))) is not None:
            yield Hit(resource.at(*setting.route), *found)


def _unkept(mesh: Mesh, policy: str) -> tuple[str, str] | None:
    """What comes of a policy of istiod that ztunnel does not keep, and the case.

    istiod and Envoy speak TLS 1.2 alone under fips-140-2 (istio/istio, pkg/model/fips.go). ztunnel knows pqc by this name only
    (istio/ztunnel, src/lib.rs), and speaks TLS 1.2 where another variable says so.
    """
    if policy == _FIPS:
        return _without_old_tls(mesh)
    agents = {str(each) for each in _agents(mesh, _POLICY)}
    if policy == _PQC and agents != {policy}:
        theirs = listed(sorted(agents)) or "none"
        return f"istiod has {_POLICY} {policy}, ztunnel has {theirs}: its connections do not keep to the policy", "compliance"
    return None


def _without_old_tls(mesh: Mesh) -> tuple[str, str] | None:
    """ztunnel and istiod without a version of TLS in common, and the case; None if ztunnel is told to speak the older one."""
    said = f"{_POLICY} {_FIPS}: istiod speaks TLS 1.2 alone and ztunnel 1.3 alone, so ztunnel gets no configuration"
    if support.status("tls-1-2", "ztunnel", mesh.target.istio) == "unsupported":
        return said, "fips"
    return None if any(map(flags.said, _agents(mesh, _OLD_TLS))) else (f"{said} without {_OLD_TLS}", "old-tls")


def _agents(mesh: Mesh, name: str) -> Iterator[Any]:
    """What a variable of ztunnel is set to."""
    return (each.value for each in meshconfig.helm_settings(mesh, "ztunnel", "env", name))


def _said(mesh: Mesh, resource: Resource[Any], name: str) -> Iterator[Setting]:
    return (each for each in meshconfig.helm_settings(mesh, "pilot", "env", name) if each.resource is resource)


def _asking(mesh: Mesh) -> Iterator[Resource[Any]]:
    for kind in (Namespace, Service):
        yield from (each for each in mesh.of(kind) if each.body.metadata.labels.get(waypoints.INGRESS_USE) == "true")
