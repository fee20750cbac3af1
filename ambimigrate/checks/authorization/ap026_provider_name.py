"""AP026: an external authorizer by a name that no proxy finds, so that all that the policy matches is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ambimigrate import support
from ambimigrate.checks import rule
from ambimigrate.checks.pods import listed
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import attachment, flags, meshconfig, reach

_SEVERAL = "PILOT_ENABLE_MULTIPLE_CUSTOM_AUTHZ_PROVIDERS"
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@rule("AP026", AuthorizationPolicy)
def check(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Hit]:
    provider = policy.body.spec.provider
    if provider is None or not provider.name or not reach.has_members(mesh):
        return
    where = policy.at("spec", "provider", "name")
    known = meshconfig.extension_providers(mesh)
    if known is not None and provider.name not in known:
        others = listed(sorted(known)) or "none"
        message = f"no extensionProviders entry is called {provider.name} (there: {others}): all that it matches is refused"
        yield Hit(where, message, "unknown")
    elif found := _meeting(policy, mesh):
        names = " and ".join(found[1])
        message = f"{names} meet at the waypoint of {found[0]}: every request that a policy of theirs matches is refused"
        yield Hit(where, message, "several")
    elif not _LABEL.fullmatch(provider.name) and _wants_labels(mesh):
        message = f"{provider.name} is no lower-case DNS label: Istio {mesh.target.istio} refuses all that the policy matches"
        yield Hit(where, message, "label")


def _meeting(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> tuple[str, list[str]] | None:
    """A Service on whose chain several authorizers meet, and who they are; None if none is seen."""
    if flags.pilot_env(mesh, _SEVERAL) and support.status("several-providers", "waypoint", mesh.target.istio) == "experimental":
        return None
    for target in attachment.reached(mesh, policy):
        applied = (each.body.spec for each in attachment.applied(mesh).get(id(target), ()))
        names = sorted({each.provider.name for each in applied if each.action == "CUSTOM" and each.provider})
        if len(names) > 1:
            return target.name, names
    return None


def _wants_labels(mesh: Mesh) -> bool:
    return support.status("provider-names", "waypoint", mesh.target.istio) == "fails closed"
