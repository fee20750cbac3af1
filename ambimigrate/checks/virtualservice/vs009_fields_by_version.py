"""VS009: fields of http rules that older waypoints leave out."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import VirtualService
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import reach


@rule("VS009", VirtualService)
def check(vs: Resource[VirtualService], mesh: Mesh) -> Iterator[Hit]:
    found = reach.readers(mesh, vs)
    if not found:
        return
    names = reach.listed(each.name for each in found)
    for number, http in enumerate(vs.body.spec.http):
        place = ("spec", "http", number)
        if http.rewrite and http.rewrite.uri_regex_rewrite:
            message = f"the waypoint of {names} does not do uriRegexRewrite: requests arrive with their old path"
            yield Hit(vs.at(*place, "rewrite", "uriRegexRewrite"), message, case="regex-rewrite")
        if http.mirror or http.mirrors:
            field = "mirror" if http.mirror else "mirrors"
            yield Hit(vs.at(*place, field), f"the waypoint of {names} does not mirror: the shadow gets nothing", case="mirror")
        for index, match in enumerate(http.match):
            if match.stat_prefix:
                message = f"the waypoint of {names} makes no statistics by statPrefix {match.stat_prefix}"
                yield Hit(vs.at(*place, "match", index, "statPrefix"), message, case="stat-prefix")
