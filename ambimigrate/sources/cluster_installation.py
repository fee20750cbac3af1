"""Where Istio runs in a cluster and in which version, by the Deployments of istiod."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from ambimigrate.kinds import CustomResourceDefinition, Deployment
from ambimigrate.model import Resource
from ambimigrate.sources.cluster_lists import REVISION, Listed, Listing, read
from ambimigrate.sources.cluster_server import Server
from ambimigrate.topology.gatewayapi import BUNDLE, CHANNEL, GATEWAYS
from ambimigrate.topology.meshconfig import DEFAULT_ROOT
from ambimigrate.versions import Version, parse

_ISTIOD = "app=istiod"  # of the charts, istioctl and the Sail operator alike, whatever the revision
_VERSION = "app.kubernetes.io/version"  # of the chart from Istio 1.24 on, for images named by digest


class Installation(Struct, frozen=True):
    """The namespaces of istiod and the version of each of them; no versions if none was seen."""

    namespaces: tuple[str, ...] = (DEFAULT_ROOT,)
    versions: tuple[Version, ...] = ()
    revisions: tuple[str, ...] = ()

    @property
    def version(self) -> Version | None:
        """During an upgrade there are two; what holds for the older one is what holds for the whole mesh."""
        return min(self.versions, default=None)

    def notes(self, taken: Version) -> Iterator[str]:
        """What to tell if the version is not the user's own choice."""
        if not self.versions:
            yield f"No istiod was seen whose version is known: taken for {taken}. --istio-version says otherwise."
        elif len(self.versions) > 1:
            every = ", ".join(map(str, self.versions))
            yield f"Istiod runs in versions {every}: taken for the oldest. --istio-version says otherwise."


def installation(server: Server) -> Installation:
    """What the cluster shows, or else what may be seen of the namespace where Istio usually is."""
    everywhere = Listing("Deployment", Deployment, "v1", labels=_ISTIOD)
    found = read(server, everywhere)
    if found.failed:
        found = read(server, Listing("Deployment", Deployment, "v1", DEFAULT_ROOT, labels=_ISTIOD))
    return of(found)


def gateway_api(resources: Iterable[Resource[Any]]) -> tuple[Version, str] | None:
    """Version and channel of the Gateway API, as the CRD of gateways tells them."""
    for each in resources:
        if isinstance(each.body, CustomResourceDefinition) and each.name == GATEWAYS:
            annotations = each.body.metadata.annotations
            try:
                return parse(annotations.get(BUNDLE, "").removeprefix("v")), annotations.get(CHANNEL, "standard")
            except ValueError:
                return None
    return None


def of(found: Listed) -> Installation:
    """The installation that these Deployments are."""
    if not found.resources:
        return Installation()
    versions = {version for each in found.resources if (version := _version(each)) is not None}
    revisions = {each.body.metadata.labels.get(REVISION, "") for each in found.resources} - {""}
    namespaces = {each.namespace for each in found.resources}
    return Installation(tuple(sorted(namespaces)), tuple(sorted(versions)), tuple(sorted(revisions)))


def _version(istiod: Resource[Deployment]) -> Version | None:
    template = istiod.body.spec.template
    containers = template.spec.containers if template else ()
    discovery = next((each for each in containers if each.name == "discovery"), containers[0] if containers else None)
    tag = _tag(discovery.image) if discovery else ""
    for text in (tag, istiod.body.metadata.labels.get(_VERSION, "")):
        try:
            return parse(text)
        except ValueError:
            continue
    return None


def _tag(image: str) -> str:
    """The tag of an image; a colon before a slash parts host and port of the registry."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2]
