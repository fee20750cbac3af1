"""PF012: settings of the mesh that ztunnel does not know."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.pods import listed
from ambimigrate.kinds import ConfigMap, HelmValues, IstioOperator, SailIstio
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import meshconfig
from ambimigrate.topology.meshconfig import Source, dig

_DRAINING = ("terminationDrainDuration", "drainDuration")


@rule("PF012", ConfigMap, HelmValues, IstioOperator, SailIstio)
def check(resource: Resource[ConfigMap | HelmValues | IstioOperator | SailIstio], mesh: Mesh) -> Iterator[Hit]:
    for source in meshconfig.sources(mesh):
        if source.resource is resource:
            yield from _of_mesh(source)
            yield from _of_values(source)


def _at(source: Source, *route: str) -> tuple[str | int, ...]:
    return source.mesh_route if source.mesh_route == ("data", "mesh") else (*source.mesh_route, *route)


def _of_mesh(source: Source) -> Iterator[Hit]:
    config, resource = source.mesh_config, source.resource
    aliases = config.get("trustDomainAliases")
    if isinstance(aliases, list) and aliases:
        yield Hit(
            resource.at(*_at(source, "trustDomainAliases")),
            f"trustDomainAliases {listed(map(str, aliases))} mean nothing to ztunnel: it refuses callers with a certificate "
            "of these domains, and policies do not match them",
            "aliases",
        )
    if config.get("accessLogFile"):
        yield Hit(
            resource.at(*_at(source, "accessLogFile")),
            "accessLogFile holds for waypoints and gateways only: pods log no requests any more, ztunnel logs connections on "
            "the node",
            "logs",
        )
    found = [key for key in _DRAINING if dig(config, ("defaultConfig", key)) is not None]
    if found:
        yield Hit(
            resource.at(*_at(source, "defaultConfig", found[0])),
            f"{found[0]}: nothing drains connections for ambient pods; those without a preStop hook cut calls in rollouts",
            "drain",
        )


def _of_values(source: Source) -> Iterator[Hit]:
    resource, values = source.resource, source.values
    for key in ("excludeOutboundPorts", "excludeInboundPorts", "excludeIPRanges", "includeIPRanges", "includeInboundPorts"):
        value = dig(values, ("global", "proxy", key))
        if value not in (None, "", "*"):
            place = resource.at(*source.values_route, "global", "proxy", key)
            yield Hit(
                place, f"global.proxy.{key} {value} is ignored: ztunnel captures this traffic of every ambient pod", "captured"
            )
    if dig(values, ("sidecarInjectorWebhook", "enableNamespacesByDefault")) is True:
        yield Hit(
            resource.at(*source.values_route, "sidecarInjectorWebhook", "enableNamespacesByDefault"),
            "enableNamespacesByDefault injects every namespace without a label: removing the label leaves the sidecars in "
            "place",
            "injected",
        )
    authority = dig(values, ("global", "caAddress"))
    if authority:
        yield Hit(
            resource.at(*source.values_route, "global", "caAddress"),
            f"certificates come from {authority}: it has to let ztunnel ask for the identities of all pods on its node",
            "authority",
        )
