"""EF006: matches on the filter of a WasmPlugin by its name, which changed with 1.30."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.kinds import EnvoyFilter
from ambimigrate.model import Hit, Mesh, Resource

OLD = "extensions.istio.io/wasmplugin/"  # from 1.30 extensions.istio.io/trafficextension/<ns>.<name>~istio-translated-…


@rule("EF006", EnvoyFilter)
def check(envoy: Resource[EnvoyFilter], mesh: Mesh) -> Iterator[Hit]:
    for number, patch in enumerate(envoy.body.spec.config_patches):
        name = next(_old_names(patch.match), None)
        if name:
            new = name.replace(OLD, "extensions.istio.io/trafficextension/") + "~istio-translated-wasmplugin"
            where = envoy.at("spec", "configPatches", number, "match")
            yield Hit(
                where, f"no filter is called {name} on Istio {mesh.target.istio}, where it is {new}: the patch does nothing"
            )


def _old_names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _old_names(inner)
    elif isinstance(value, str) and value.startswith(OLD):
        yield value
