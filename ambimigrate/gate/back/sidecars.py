"""SC801: a Sidecar object about pods of a migrated namespace, which nobody reads."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.gate.back.compare import Found, Pair, State, content, gained, meant
from ambimigrate.kinds import Sidecar
from ambimigrate.model import Mesh
from ambimigrate.topology import policies


def check(pair: Pair) -> Iterator[Found]:
    yield from gained(pair, _states)


def _states(mesh: Mesh, spaces: frozenset[str]) -> Iterator[State]:
    """Only those of the namespaces themselves: one of the root namespace is for sidecars that are left elsewhere."""
    for sidecar in mesh.within(Sidecar, *sorted(spaces)):
        if policies.is_root(mesh, sidecar) or not meant(mesh, sidecar, spaces):
            continue
        words = policies.scope(mesh, sidecar).words
        outbound = sidecar.body.spec.outbound_traffic_policy
        key = (sidecar.namespace, *content(sidecar.body.spec))
        if outbound is not None and outbound.mode == "REGISTRY_ONLY":
            message = f"fails open: ztunnel ignores REGISTRY_ONLY, so {words} reaches any destination"
            yield key, Found(sidecar, ("spec", "outboundTrafficPolicy"), message, "outbound")
        else:
            message = f"ztunnel ignores Sidecar objects, so this one limits nothing that {words} sees or receives"
            yield key, Found(sidecar, ("metadata", "name"), message)
