"""PF011: the installed release is too old for the move, or older than the one that the verdicts are for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.platform import install
from ambimigrate.kinds import Deployment, HelmValues, IstioOperator, SailIstio
from ambimigrate.model import Hit, Mesh, Position, Resource
from ambimigrate.topology.meshconfig import dig
from ambimigrate.topology.workloads import of_resource
from ambimigrate.versions import Version, parse

_TAG = re.compile(r"pilot[\w-]*:v?(\d+\.\d+\.\d+)")
_LEVELS = (("beta", Version(1, 24)), ("early", Version(1, 28)), ("older", Version(1, 30)))


@rule("PF011", IstioOperator, SailIstio, HelmValues, Deployment, Mesh)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if isinstance(resource.body, Mesh):
        if mesh.target.istio < _LEVELS[0][1]:
            said = f"Istio {mesh.target.istio} has ambient mode as beta only; it is stable from 1.24 on"
            yield Hit(Position("", None, None), said, "target")
        return
    for place, version in _installed(resource, mesh):
        if version < mesh.target.istio:
            case = next((name for name, bound in _LEVELS if version < bound), "behind")
            said = f"{resource.ref} installs Istio {version}; what is said here holds for {mesh.target.istio}"
            yield Hit(place, said, case)


def _installed(resource: Resource[Any], mesh: Mesh) -> Iterator[tuple[Position, Version]]:
    body = resource.body
    if isinstance(body, Deployment):
        yield from _running(resource, mesh)
        return
    if isinstance(body, HelmValues):
        version = _parsed(body.version) if install.is_installation(resource) else None
        if version is not None:
            yield resource.at("version"), version
        return
    told = (("spec", "version") if isinstance(body, SailIstio) else ("spec", "tag"), ("spec", "values", "global", "tag"))
    texts = (body.spec.version if isinstance(body, SailIstio) else body.spec.tag, dig(body.spec.values, ("global", "tag")))
    for route, text in zip(told, texts, strict=True):
        version = _parsed(text)
        if version is not None:
            yield resource.at(*route), version
            return


def _running(resource: Resource[Any], mesh: Mesh) -> Iterator[tuple[Position, Version]]:
    workload = of_resource(mesh, resource)
    if workload is None or not install.is_istiod(workload):
        return
    for each in workload.pod.containers:
        if found := _TAG.search(each.image):
            yield resource.at("spec", "template", "spec", "containers"), parse(found[1])


def _parsed(text: Any) -> Version | None:
    """The version that a tag names; `latest`, digests and names of builds say nothing."""
    try:
        return parse(str(text)) if text not in (None, "") else None
    except ValueError:
        return None
