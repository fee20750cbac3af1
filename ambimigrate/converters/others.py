"""What sidecars carry out beside routes and AuthorizationPolicies: each kind with its converter."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.converters import authentication, envoyfilters, extensions, peers, telemetry
from ambimigrate.converters.outcome import Outcome
from ambimigrate.converters.serving import Plan
from ambimigrate.converters.settings import Aims
from ambimigrate.model import Mesh

_CONVERTERS = (extensions.convert, telemetry.convert, envoyfilters.convert, peers.convert)
_NEEDS = (authentication.needs, extensions.needs, envoyfilters.needs)


def convert(mesh: Mesh, namespace: str, plan: Plan, aims: Aims) -> Iterator[Outcome]:
    """What becomes of RequestAuthentications, extensions, Telemetry, EnvoyFilters and PeerAuthentications of the namespace."""
    yield authentication.convert(mesh, namespace, plan, aims)
    for each in _CONVERTERS:
        yield each(mesh, namespace, plan, aims.settings)


def needs(mesh: Mesh, namespace: str) -> frozenset[str]:
    """The Services of the namespace that need a waypoint for them."""
    return frozenset(name for each in _NEEDS for name in each(mesh, namespace))
