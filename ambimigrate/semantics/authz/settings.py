"""What authorization reads of the mesh's configuration: trust domains, authorizers, path normalisation, switches."""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

from ambimigrate.model import Mesh
from ambimigrate.semantics.authz import paths
from ambimigrate.topology import flags, meshconfig, trust
from ambimigrate.versions import at_least

LAYERED = "ENABLE_LAYERED_WAYPOINT_AUTHORIZATION_POLICIES"
AUTO_ALLOW = "PILOT_AUTO_ALLOW_WAYPOINT_POLICY"
SEVERAL_PROVIDERS = "PILOT_ENABLE_MULTIPLE_CUSTOM_AUTHZ_PROVIDERS"
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


class Provider(Struct, frozen=True):
    """An external authorizer: whether it exists, and whether it can be asked about a TCP connection."""

    exists: bool
    speaks_tcp: bool


def trust_domain(mesh: Mesh) -> str:
    return trust.own(mesh)


def trust_domains(mesh: Mesh) -> tuple[str, ...]:
    """The mesh's own trust domain and its aliases."""
    return mesh.index(_domains)


def _domains(mesh: Mesh) -> tuple[str, ...]:
    found = meshconfig.settings(mesh, "trustDomainAliases")
    aliases = (alias for each in found if isinstance(each.value, list) for alias in each.value if isinstance(alias, str))
    return tuple(dict.fromkeys((trust_domain(mesh), *aliases)))


def normalisation(mesh: Mesh) -> str:
    return mesh.index(_normalisation)


def _normalisation(mesh: Mesh) -> str:
    found = next((each.value for each in meshconfig.settings(mesh, "pathNormalization", "normalization")), None)
    return found if found in {paths.NONE, paths.MERGE, paths.DECODE} else paths.BASE


def is_on(mesh: Mesh, switch: str) -> bool:
    """Whether an environment variable of istiod is set to true; all of them are off by default."""
    return mesh.once(flags.pilot_env, switch, switch) is True


def provider(mesh: Mesh, name: str) -> Provider:
    """The external authorizer of a CUSTOM policy; where no mesh configuration was read it is taken to exist.

    A name that is no lower-case DNS label does not work from 1.30 on (observed-1.28-1.30.md 3).
    """
    if at_least(mesh.target.istio, "1.30.0") and not _LABEL.fullmatch(name):
        return Provider(exists=False, speaks_tcp=False)
    if not meshconfig.sources(mesh):
        return Provider(exists=True, speaks_tcp=True)
    found = mesh.index(_providers).get(name)
    if found is None or not ("envoyExtAuthzHttp" in found or "envoyExtAuthzGrpc" in found):
        return Provider(exists=False, speaks_tcp=False)
    return Provider(exists=True, speaks_tcp="envoyExtAuthzGrpc" in found)


def _providers(mesh: Mesh) -> dict[str, dict[str, Any]]:
    lists = (each.value for each in meshconfig.settings(mesh, "extensionProviders") if isinstance(each.value, list))
    entries = (each for one in lists for each in one if isinstance(each, dict))
    return {name: each for each in entries if isinstance(name := each.get("name"), str)}
