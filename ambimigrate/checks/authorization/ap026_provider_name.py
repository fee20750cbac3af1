"""AP026: an external authorizer by a name that no proxy finds, so that all that the policy matches is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ambimigrate import support
from ambimigrate.checks import rule
from ambimigrate.checks.pods import listed
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import meshconfig, reach

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@rule("AP026", AuthorizationPolicy)
def check(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Hit]:
    provider = policy.body.spec.provider
    if provider is None or not provider.name or not reach.has_members(mesh):
        return
    where = policy.at("spec", "provider", "name")
    known = meshconfig.extension_providers(mesh)
    if known and provider.name not in known:
        others = listed(sorted(known))
        message = f"no extensionProviders entry is called {provider.name}, only {others}: all that it matches is refused"
        yield Hit(where, message, "unknown")
    elif not _LABEL.fullmatch(provider.name) and _wants_labels(mesh):
        message = f"{provider.name} is no lower-case DNS label: Istio {mesh.target.istio} refuses all that the policy matches"
        yield Hit(where, message, "label")


def _wants_labels(mesh: Mesh) -> bool:
    return support.status("provider-names", "waypoint", mesh.target.istio) == "fails closed"
