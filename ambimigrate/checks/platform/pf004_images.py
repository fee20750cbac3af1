"""PF004: images come from places where nothing is published any more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.platform import install
from ambimigrate.checks.pods import at, containers
from ambimigrate.kinds import HelmValues, IstioOperator, SailIstio
from ambimigrate.model import Hit, Mesh, Position, Resource
from ambimigrate.topology.workloads import KINDS, of_resource

# Istio 1.31 release notes: from 1.31 images and charts are published neither there nor under these hosts.
_GONE = ("gcr.io/istio-release", "registry.istio.io", "istio-release.storage.googleapis.com")


@rule("PF004", HelmValues, IstioOperator, SailIstio, *KINDS)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    for place, image in _images(resource, mesh):
        if image.removeprefix("https://").startswith(_GONE):
            what = "the chart" if isinstance(resource.body, HelmValues) and image in resource.body.said else "images"
            then = "nothing is published there from 1.31 on, and it closes at the end of 2026"
            said = f"{resource.ref} takes {what} from {image}: {then}"
            yield Hit(place, said, "gone")
            yield Hit(place, said, "going")


def _images(resource: Resource[Any], mesh: Mesh) -> Iterator[tuple[Position, str]]:
    if not isinstance(resource.body, HelmValues | IstioOperator | SailIstio):
        workload = of_resource(mesh, resource)
        for route, each in containers(workload) if workload else ():
            if workload and each.image.startswith(_GONE):
                yield at(workload, *route, "image"), each.image
        return
    if isinstance(resource.body, HelmValues):
        sources = (word.removeprefix("oci://") for word in resource.body.said.split())
        yield from ((resource.at("version"), each) for each in sources)
    if isinstance(resource.body, IstioOperator) and resource.body.spec.hub:
        yield resource.at("spec", "hub"), resource.body.spec.hub
    for route in (("global", "hub"), *((("hub",),) if isinstance(resource.body, HelmValues) else ())):
        if isinstance(hub := install.value(resource, *route), str):
            yield install.at(resource, *route), hub
