"""The names of a cluster's namespaces, for completion by a shell: one list, asked for once, and nothing where that fails."""

from __future__ import annotations

from ambimigrate.kinds import Namespace
from ambimigrate.sources import cluster_lists
from ambimigrate.sources.cluster_access import ClusterError, Where, connect, remarks
from ambimigrate.sources.cluster_lists import Listing
from ambimigrate.sources.cluster_server import Patience, Server

_SHORT = Patience(connect=2, read=3, busy=1, failing=1, silent=1)  # somebody waits at a prompt


def namespaces(where: Where) -> tuple[str, ...]:
    """As many as could be read."""
    try:
        with remarks() as logged:
            server = Server(connect(where, logged), _SHORT)
            found = cluster_lists.read(server, Listing("Namespace", Namespace, "v1"))
    except ClusterError:
        return ()
    return tuple(sorted(each.name for each in found.resources))
