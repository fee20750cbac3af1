"""EF801: an EnvoyFilter on pods of a migrated namespace, where no Envoy is left."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks.envoyfilter import shapes
from ambimigrate.gate.back.compare import Found, Pair, State, content, gained, meant
from ambimigrate.kinds import EnvoyFilter
from ambimigrate.model import Mesh
from ambimigrate.topology import policies

OPEN = {"rate-limit", "ext-authz", "jwt", "rbac"}  # shapes that keep something out


def check(pair: Pair) -> Iterator[Found]:
    yield from gained(pair, _states)


def _states(mesh: Mesh, spaces: frozenset[str]) -> Iterator[State]:
    for envoy in mesh.of(EnvoyFilter):
        if policies.targets(envoy) or shapes.is_istios(envoy) or not meant(mesh, envoy, spaces):
            continue
        where = policies.scope(mesh, envoy).words
        for number, patch in enumerate(envoy.body.spec.config_patches):
            if not shapes.of_sidecars(patch):
                continue
            found = shapes.shape(patch)
            is_open = found.case in OPEN
            message = f"{'fails open: ' if is_open else ''}{found.words} does not take place at {where}: ztunnel is no Envoy"
            key = (envoy.namespace, *content(policies.selector(envoy), patch))
            yield key, Found(envoy, ("spec", "configPatches", number), message, "open" if is_open else "default")
