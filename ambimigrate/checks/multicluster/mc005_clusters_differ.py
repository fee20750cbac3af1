"""MC005: clusters of one mesh that do not fit together in ambient mode."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate import support
from ambimigrate.checks import rule
from ambimigrate.checks.multicluster.clusters import Cluster, cluster, linked
from ambimigrate.checks.pods import listed
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import meshconfig

_MANY = "multicluster-multi-network"


@rule("MC005", Mesh)
def check(whole: Resource[Mesh], mesh: Mesh) -> Iterator[Hit]:
    place, own = whole.at(), cluster(mesh)
    for peer in linked(mesh):
        its, names = cluster(peer), f"{mesh.name} and {peer.name}"
        if mesh.name < peer.name:  # what concerns both is told once
            for case, message in _between(own, its, names):
                yield Hit(place, message, case)
        if its.network and not own.network:
            root = meshconfig.root_namespace(mesh)
            said = (
                f"{mesh.name} names no network, {peer.name} is on {its.network}: istiod cannot tell that a gateway lies between"
            )
            yield Hit(place, f"{said} them; label namespace {root} with topology.istio.io/network", "unnamed")
        if own.network and its.network and own.network != its.network and not own.leads_in:
            said = f"{mesh.name} has no Gateway of class istio-east-west: ambient pods of {peer.name}"
            yield Hit(place, f"{said} (network {its.network}) do not reach Services here on {own.network}", "gateway")
        if _is_behind(mesh, peer):
            said = f"{mesh.name} runs Istio {mesh.target.istio}, without several networks in ambient mode"
            yield Hit(place, f"{said}, and {peer.name} {peer.target.istio}, with it", "version")


def _between(own: Cluster, its: Cluster, names: str) -> Iterator[tuple[str, str]]:
    one, other = own.trust_domains, its.trust_domains
    if one[0] not in other or other[0] not in one:
        said = f"{names} have the trust domains {one[0]} and {other[0]}, and trustDomainAliases do not name both in each"
        yield "trust", f"{said}: a policy that names a principal of its own cluster refuses the same account of the other"
    if own.network and own.network == its.network:
        yield "single", f"{names} are both on network {own.network}: ambient mode over clusters of one network is not tested"
    if own.revisions and its.revisions and not own.revisions & its.revisions:
        found = f"{listed(sorted(own.revisions))} and {listed(sorted(its.revisions))}"
        yield (
            "revision",
            f"{names} run istiod of the revisions {found}: waypoints labelled istio.io/rev for one do not fit the other",
        )


def _is_behind(mesh: Mesh, peer: Mesh) -> bool:
    own, its = (support.status(_MANY, "ztunnel", each.target.istio) for each in (mesh, peer))
    return own == "unsupported" != its
