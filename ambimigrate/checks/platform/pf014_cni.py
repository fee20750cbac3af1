"""PF014: pods that istio-cni leaves out: of excluded namespaces, or started before it is ready."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.platform import install
from ambimigrate.checks.pods import listed
from ambimigrate.kinds import HelmValues, IstioOperator, SailIstio
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection

_OWNED = ("cni", "istioOwnedCNIConfig")  # 1.27, opt-in: nodes have no network before istio-cni is there
_UNTAINT = "PILOT_ENABLE_NODE_UNTAINT_CONTROLLERS"


@rule("PF014", IstioOperator, SailIstio, HelmValues)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    excluded = install.value(resource, "cni", "excludeNamespaces")
    found = [str(each) for each in excluded if injection.is_meshed(mesh, str(each))] if isinstance(excluded, list) else []
    if found:
        yield Hit(
            install.at(resource, "cni", "excludeNamespaces"),
            f"istio-cni excludes {listed(found)}: pods there are not captured, whatever the labels say",
            "excluded",
        )
    if not install.installs_cni(resource) or not install.is_whole(resource):
        return
    if not install.has_ambient_profile(resource) or install.value(resource, *_OWNED) is True:
        return
    if not any(install.is_true(install.environment(each, _UNTAINT)) for each in install.installations(mesh)):
        yield Hit(
            install.at(resource),
            "fails open: pods that start on a new or rebooted node before istio-cni is ready run outside of the mesh, in "
            "plaintext",
            "late",
        )
