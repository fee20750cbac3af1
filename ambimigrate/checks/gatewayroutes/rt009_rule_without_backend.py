"""RT009: a rule without backends, which Istio 1.30 answers with 404."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.gatewayroutes.parents import is_of_mesh
from ambimigrate.kinds import HTTPRoute
from ambimigrate.model import Hit, Mesh, Resource


@rule("RT009", HTTPRoute)
def check(route: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if not is_of_mesh(mesh, route):
        return
    for number, each in enumerate(route.body.spec.rules):
        if not each.backend_refs and not any(filter_.request_redirect for filter_ in each.filters):
            message = f"a rule without backends: Istio {mesh.target.istio} answers 404, other releases 500"
            yield Hit(route.at("spec", "rules", number), message)
