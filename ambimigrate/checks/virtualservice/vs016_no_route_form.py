"""VS016: rules that no HTTPRoute can express, so that the VirtualService stays."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.virtualservice.conditions import in_mesh
from ambimigrate.kinds import VirtualService
from ambimigrate.kinds.routes import HTTPRule
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import reach


@rule("VS016", VirtualService)
def check(vs: Resource[VirtualService], mesh: Mesh) -> Iterator[Hit]:
    if not reach.readers(mesh, vs):
        return
    for number, http in enumerate(vs.body.spec.http):
        if http.match and not any(in_mesh(match) for match in http.match):
            continue
        for field in _fields(http):
            name = "retries with attempts 0" if field == ("retries",) else ".".join(field)
            message = f"{name} has no form in an HTTPRoute: this VirtualService stays and needs a waypoint that reads it"
            yield Hit(vs.at("spec", "http", number, *field), message)


def _fields(http: HTTPRule) -> Iterator[tuple[str, ...]]:
    if http.fault:
        yield ("fault",)
    if http.direct_response and not (http.direct_response.status == 500 and http.direct_response.body is None):
        yield ("directResponse",)
    if http.rewrite and http.rewrite.uri_regex_rewrite:
        yield ("rewrite", "uriRegexRewrite")
    if http.retries and http.retries.attempts == 0:
        yield ("retries",)
