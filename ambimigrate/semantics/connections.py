"""Connections that carry no HTTP: which endpoints they reach, in shares."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from ambimigrate.semantics.decision import Decision, Outcome
from ambimigrate.semantics.envoy import Cluster


class Connection(Struct, frozen=True):
    """What a client dials, by full name or address, and the server name that it asks for in TLS."""

    to: str
    port: int
    sni: str = ""


def shared(clusters: Iterable[tuple[Cluster, int]]) -> Decision:
    """A single cluster gets everything, whatever its weight; of several, one without weight gets nothing.

    An outcome has no status; a cluster that does not exist takes the connection and closes it.
    """
    found = tuple(clusters)
    weighted = ((found[0][0], 1),) if len(found) == 1 else tuple((each, weight) for each, weight in found if weight > 0)
    total = sum(weight for _, weight in weighted)
    return Decision(
        tuple((100.0 * weight / total, Outcome(0, each.backends or (), policy=each.policy)) for each, weight in weighted),
        errors=tuple(each.name for each, _ in weighted if each.backends is None),
    )
