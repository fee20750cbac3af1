"""PF002: sidecars are not told to speak HBONE with ambient pods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.platform import install
from ambimigrate.kinds import ConfigMap, HelmValues, IstioOperator, SailIstio
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection, meshconfig

HBONE = "ISTIO_META_ENABLE_HBONE"


@rule("PF002", ConfigMap, HelmValues, IstioOperator, SailIstio)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    source = next((each for each in meshconfig.sources(mesh) if each.resource is resource and each.mesh_config), None)
    if source is None or _is_on(mesh) or not _has_sidecars(mesh):
        return
    route = ("defaultConfig",) if source.mesh_route != ("data", "mesh") else ()
    yield Hit(
        resource.at(*source.mesh_route, *route),
        f"defaultConfig.proxyMetadata lacks {HBONE}: ambient pods call sidecars in plaintext, which STRICT refuses, until it "
        "is set and the sidecars are restarted",
    )


def _is_on(mesh: Mesh) -> bool:
    found = meshconfig.settings(mesh, "defaultConfig", "proxyMetadata", HBONE)
    if any(str(each.value).lower() == "true" for each in found):
        return True
    return any(install.has_ambient_profile(each) for each in install.installations(mesh))


def _has_sidecars(mesh: Mesh) -> bool:
    return any(injection.mode(mesh, each) in {injection.SIDECAR, injection.MIXED} for each in injection.namespaces(mesh))
