"""RT014: a route that Argo CD applies without the fields that the API server fills in."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.controllers import argocd
from ambimigrate.checks.pods import listed
from ambimigrate.kinds import HTTPRoute
from ambimigrate.model import Hit, Mesh, Resource, Route

_SERVER_SIDE = "ServerSideDiff=true"  # Argo CD, user guide "Diff strategies": the API server fills in both sides


@rule("RT014", HTTPRoute)
def check(route: Resource[HTTPRoute], mesh: Mesh) -> Iterator[Hit]:
    who = _manager(mesh, route)
    lacking = [each for each in _defaulted(route) if route.at(*each).route != each] if who else []
    if lacking:
        fields = listed(f"{each[-3]}.{each[-1]}" for each in lacking)
        yield Hit(
            route.at(*lacking[0][:-1]),
            f"{route.name} leaves out {fields}, which the API server fills in: {who} shows the route as out of sync for ever",
        )


def _manager(mesh: Mesh, route: Resource[HTTPRoute]) -> str | None:
    """Who compares the route with its file on the client's side, None if Argo CD is not seen to."""
    metadata = route.body.metadata
    if _SERVER_SIDE in metadata.annotations.get(argocd.COMPARE, ""):
        return None
    found = list(argocd.applications(mesh, route))
    if found:
        plain = (each for each in found if _SERVER_SIDE not in each.body.metadata.annotations.get(argocd.COMPARE, ""))
        return next((f"Argo CD ({each.name})" for each in plain), None)
    return "Argo CD" if argocd.TRACKING_ID in metadata.annotations or argocd.INSTANCE in metadata.labels else None


def _defaulted(route: Resource[HTTPRoute]) -> Iterator[Route]:
    """The fields with a default in the CRD of HTTPRoute (Gateway API, standard channel)."""
    spec = route.body.spec
    for i in range(len(spec.parent_refs)):
        yield from (("spec", "parentRefs", i, field) for field in ("group", "kind"))
    for i, each in enumerate(spec.rules):
        for j in range(len(each.backend_refs)):
            yield from (("spec", "rules", i, "backendRefs", j, field) for field in ("group", "kind", "weight"))
