"""SC001: the hosts that a Sidecar lets its pods see, which isolate nothing in ambient mode."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.sidecar.scope import namespaces
from ambimigrate.kinds import Sidecar
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import reach

EVERYTHING = {"*/*", "*"}


@rule("SC001", Sidecar)
def check(sidecar: Resource[Sidecar], mesh: Mesh) -> Iterator[Hit]:
    own = namespaces(mesh, sidecar)
    hosts = [host for listener in sidecar.body.spec.egress for host in listener.hosts]
    if own and hosts and EVERYTHING.isdisjoint(hosts):
        number = next(i for i, listener in enumerate(sidecar.body.spec.egress) if listener.hosts)
        yield Hit(
            sidecar.at("spec", "egress", number, "hosts"),
            f"egress hosts {reach.listed(hosts)} are ignored: once ambient, pods of {reach.listed(own)} reach every Service of"
            " the mesh",
        )
