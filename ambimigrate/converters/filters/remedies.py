"""Why no waypoint takes a patch over, and what a person can do about it, with the names of this mesh."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ambimigrate.checks.envoyfilter import shapes as kinds
from ambimigrate.converters.filters import requests, settings, shapes, values
from ambimigrate.converters.filters.lost import Lost
from ambimigrate.converters.outcome import Refused
from ambimigrate.model import Route
from ambimigrate.topology import policies

OUTBOUND = "SIDECAR_OUTBOUND"


class Told(Refused):
    """A refusal that says by itself what a person can do."""

    def __init__(self, refused: Refused, remedy: str) -> None:
        super().__init__(refused.case, refused.route, str(refused), refused.witness)
        self.remedy = remedy


def refused(lost: Lost, route: Route) -> Told:
    """Why the patch is not carried over, and what to do."""
    what, where = kinds.shape(lost.patch).words, kinds.context(lost.patch) or "ANY"
    names = policies.listed(each.name for each in lost.aim.services) or policies.listed(map(str, lost.aim.workloads))
    reason = f"{what} ({lost.patch.apply_to or 'no applyTo'}, {where}) for {names}: lost with the sidecars; {_why(lost)}"
    case = kinds.shape(lost.patch).case
    known = case if case in _REMEDIES else "default"
    plain = Refused(known, route, reason, f"a request for {names}: without {what} then")
    outgoing = where == OUTBOUND and case not in _OF_HOSTS
    return Told(plain, (_outgoing if outgoing else _REMEDIES.get(case, _default))(lost))


def _why(lost: Lost) -> str:
    if kinds.context(lost.patch) == OUTBOUND:
        return "nothing runs on the side of callers"
    read = values.filtered(lost.patch)
    if lost.patch.apply_to == "HTTP_FILTER" and read is not None:
        other = () if read[1].endswith(".Lua") else shapes.other_fields(*read)
        if other and other[0] in read[2]:
            return f"{policies.listed(other)} may mean something else there"
        if not other and not read[1].endswith(".Lua"):
            return "it is put neither first nor before the router of all chains"
    return "it is no shape with a known replacement"


def _outgoing(lost: Lost) -> str:
    """What is for the calls that pods make has its place in front of what they call."""
    who = policies.listed(map(str, lost.aim.workloads)) or "the pods"
    return f"Do it in {who}, or for the Services that they call, where it then holds for all callers; or {_agree(lost)}."


def _agree(lost: Lost) -> str:
    return f"agree with --accept EF901:{lost.aim.subject.namespace}/{lost.aim.subject.name} that it ends"


def _default(lost: Lost) -> str:
    agree = _agree(lost)
    if lost.patch.apply_to == "HTTP_FILTER" and kinds.context(lost.patch) in kinds.INBOUND:
        own = f"test an EnvoyFilter of your own with targetRefs to {lost.waypoint}"
        return f"Do it in the application or at the ingress gateway; or {own}; or {agree}."
    return f"Do it in the application: no waypoint does it; or {agree}."


_REMEDIES: Mapping[str, Callable[[Lost], str]] = {
    "rate-limit": requests.limit, "ext-authz": requests.authorizer, "jwt": requests.tokens, "rbac": requests.roles,
    "lua": requests.script, "wasm": requests.plugin, "cors": requests.cors, "grpc-web": requests.grpc_web,
    "retry": requests.retries, "headers": settings.headers, "upstream": settings.upstream, "tuning": settings.tuning,
    "observe": settings.observe, "tls": settings.tls,
}  # fmt: skip
_OF_HOSTS = frozenset({"upstream", "tls"})  # which name what is called
CASES = frozenset({*_REMEDIES, "default"})
