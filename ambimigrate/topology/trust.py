"""The trust domain of the mesh: as the target or MeshConfig states it, as the policies agree, else that of a new mesh."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.model import Mesh
from ambimigrate.topology import meshconfig

DEFAULT = "cluster.local"


def own(mesh: Mesh) -> str:
    """The trust domain that identities of the mesh begin with, as far as the input shows it."""
    return mesh.index(_own)


def _own(mesh: Mesh) -> str:
    stated = meshconfig.trust_domain(mesh)
    found = named(mesh)
    return stated or (found[0] if len(found) == 1 else DEFAULT)


def named(mesh: Mesh) -> tuple[str, ...]:
    """The trust domains that principals name; proxies read `cluster.local` as the mesh's own, whichever that is."""
    return mesh.index(_named)


def _named(mesh: Mesh) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for each in _written(mesh) if each != DEFAULT))


def _written(mesh: Mesh) -> Iterator[str]:
    rules = (rule for policy in mesh.of(AuthorizationPolicy) for rule in policy.body.spec.rules or ())
    sources = (each.source for rule in rules for each in rule.from_ if each.source)
    for text in (text for each in sources for text in (*each.principals, *each.not_principals)):
        name, slash, _ = text.partition("/ns/")
        if slash and name and "*" not in name and "/" not in name:
            yield name
