"""Which of the kinds that we read a cluster serves, and in which versions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

import msgspec

from ambimigrate.kinds import KINDS
from ambimigrate.sources.cluster_access import ClusterError
from ambimigrate.sources.cluster_reviews import unusable
from ambimigrate.sources.cluster_server import JSON, Failed, Server

# Kubernetes 1.30 and later answer v2, 1.27 to 1.29 v2beta1, older ones a plain list of groups.
AGGREGATED = ",".join(
    [*(f"{JSON};g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList" for version in ("v2", "v2beta1")), JSON]
)
Served = Mapping[tuple[str, str], tuple[str, ...]]  # (group, plural) -> versions


class _Named(msgspec.Struct, frozen=True):
    name: str = ""


class _Resource(msgspec.Struct, frozen=True):
    resource: str = ""  # in aggregated answers
    name: str = ""  # in plain ones


class _Version(msgspec.Struct, frozen=True):
    version: str = ""
    resources: tuple[_Resource, ...] = ()
    freshness: str = ""


class _Group(msgspec.Struct, frozen=True):
    name: str = ""  # in plain answers
    metadata: _Named = _Named()
    versions: tuple[_Version, ...] = ()


class _Groups(msgspec.Struct, frozen=True):
    kind: str = ""
    items: tuple[_Group, ...] = ()  # in aggregated answers
    groups: tuple[_Group, ...] = ()  # in plain ones


class _Resources(msgspec.Struct, frozen=True):
    resources: tuple[_Resource, ...] = ()


def served(server: Server) -> Served | Failed:
    """What the server offers, or its refusal to say so; ClusterError without a server, or without an identity."""
    try:
        answer = msgspec.json.decode(server.get("/apis", AGGREGATED), type=_Groups)
        if answer.kind == "APIGroupDiscoveryList":
            return _aggregated(answer)
        if answer.kind == "APIGroupList":
            return _plain(server, answer)
    except Failed as failed:
        if failed.status == 403 and not failed.is_anonymous:
            return failed
        raise unusable(server, failed) from None
    except msgspec.DecodeError:
        pass
    raise ClusterError(f"context {server.context!r}: {server.url} is no API server of Kubernetes")


def _aggregated(answer: _Groups) -> Served:
    found = _core()
    for group in answer.items:
        name = group.metadata.name
        for version in group.versions:
            is_down = version.freshness == "Stale" and not version.resources  # an API server behind this one
            offered = _known(name, version.version) if is_down else (each.resource for each in version.resources)
            for plural in offered:
                found[name, plural] += (version.version,)
    return found


def _plain(server: Server, answer: _Groups) -> Served:
    found = _core()
    versions = [(group.name, each.version) for group in answer.groups for each in group.versions]
    for group, version in versions:
        if any(_known(group, version)):
            for plural in _offered(server, group, version):
                found[group, plural] += (version,)
    return found


def _offered(server: Server, group: str, version: str) -> Iterator[str]:
    try:
        body = server.get(f"/apis/{group}/{version}")
    except Failed:  # the lists will tell why
        return _known(group, version)
    return (each.name for each in msgspec.json.decode(body, type=_Resources).resources)


def _core() -> dict[tuple[str, str], tuple[str, ...]]:
    """The group without a name is not below /apis; it has had one version since Kubernetes 1.0."""
    return defaultdict(tuple, {("", plural): ("v1",) for plural in _known("", "v1")})


def _known(group: str, version: str) -> Iterator[str]:
    """The plurals of the kinds that we read in the version of the group."""
    return (view.PLURAL for (name, _), view in KINDS.items() if name == group and version in view.VERSIONS)
