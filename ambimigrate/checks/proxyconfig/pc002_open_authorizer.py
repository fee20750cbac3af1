"""PC002: an external authorizer whose failure lets requests pass, called by other proxies than today."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.kinds import ConfigMap, HelmValues, IstioOperator, SailIstio
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import meshconfig, reach

KINDS = ("envoyExtAuthzHttp", "envoyExtAuthzGrpc")


@rule("PC002", ConfigMap, HelmValues, IstioOperator, SailIstio)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    for setting in meshconfig.settings(mesh, "extensionProviders"):
        if setting.resource is resource and isinstance(setting.value, list) and reach.has_members(mesh):
            for name, service in _open(setting.value):
                yield Hit(
                    resource.at(*setting.route),
                    f"fails open: provider {name} has failOpen, and waypoints call {service} from now on: if they cannot reach"
                    " it, every request passes",
                )


def _open(providers: list[Any]) -> Iterator[tuple[str, str]]:
    for provider in providers:
        found = (meshconfig.dig(provider, (kind,)) for kind in KINDS)
        yield from ((str(provider.get("name")), str(each.get("service"))) for each in found if _is_open(each))


def _is_open(authorizer: Any) -> bool:
    return isinstance(authorizer, dict) and authorizer.get("failOpen") is True
