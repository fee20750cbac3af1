"""The trust domain in which waypoints have their identity: as told, as configured, as policies agree, else assumed."""

from __future__ import annotations

from msgspec import Struct

from ambimigrate.converters.outcome import Refused
from ambimigrate.model import Mesh
from ambimigrate.topology import meshconfig, trust

DEFAULT = trust.DEFAULT


class Domain(Struct, frozen=True):
    """The trust domain; `assumed` if no source states it (a wrong guess only denies)."""

    name: str
    assumed: bool = False
    dispute: tuple[str, ...] = ()

    def check(self) -> None:
        """Raises Refused where two sources disagree."""
        if self.dispute:
            named = " and ".join(self.dispute)
            raise Refused("trust", ("spec", "rules"), f"the input names the trust domains {named}; a waypoint has one identity")


def domain(mesh: Mesh) -> Domain:
    """The trust domain of the mesh."""
    return mesh.index(_domain)


def _domain(mesh: Mesh) -> Domain:
    if mesh.target.trust_domain:
        return Domain(mesh.target.trust_domain)
    stated = dict.fromkeys(each.value for each in meshconfig.settings(mesh, "trustDomain") if isinstance(each.value, str))
    found = tuple(stated) or trust.named(mesh)
    if len(found) > 1:
        return Domain(found[0], dispute=found[:2])
    return Domain(found[0]) if found else Domain(DEFAULT, assumed=True)
