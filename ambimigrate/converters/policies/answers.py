"""What routes answer themselves: today before the policies of the server decide, at a waypoint after them (A26)."""

from __future__ import annotations

from msgspec.structs import replace

from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.policies.rewrites import ANSWER, OTHER, UNROUTED, answers, fits, routes, routing_of
from ambimigrate.kinds import Service, VirtualService
from ambimigrate.kinds.security import Operation, Rule, RuleTo
from ambimigrate.model import Mesh, Resource, Route

RULES: Route = ("spec", "rules")
_PREFLIGHT = "OPTIONS"


def admitted(mesh: Mesh, service: Resource[Service]) -> Rule | None:
    """A rule that admits what routes answer, for an ALLOW of the waypoint."""
    found = routes(mesh, service)
    if (vs := _with_cors(found)) is not None:
        raise Refused("answers", RULES, f"{vs.ref} answers CORS preflights, which this ALLOW would judge at the waypoint")
    paths = _answered(mesh, found)
    return Rule(to=(RuleTo(operation=Operation(paths=paths)),)) if paths else None


def spared(mesh: Mesh, service: Resource[Service], rule: Rule) -> Rule:
    """The rule of a DENY or CUSTOM without the requests that routes answer: nobody judges those today."""
    found = routes(mesh, service)
    vs = _with_cors(found)
    if vs is not None and any(_judges_preflights(each.operation) for each in rule.to or (RuleTo(),)):
        raise Refused("answers", RULES, f"{vs.ref} answers CORS preflights, which this policy would judge at the waypoint")
    paths = _answered(mesh, found)
    if not paths:
        return rule
    to = tuple(_sparing(each.operation or Operation(), paths) for each in rule.to or (RuleTo(),))
    return replace(rule, to=tuple(RuleTo(operation=each) for each in to))


def _sparing(operation: Operation, paths: tuple[str, ...]) -> Operation:
    apart = bool(operation.paths) and not any(_overlap(mine, path) for mine in operation.paths for path in paths)
    return operation if apart else replace(operation, not_paths=tuple(dict.fromkeys((*operation.not_paths, *paths))))


def _overlap(mine: str, path: str) -> bool:
    """Whether one path may fit both patterns; those with a wildcard elsewhere than at the end may fit anything."""
    if "{" in mine or mine.startswith("*"):
        return True
    return fits(mine, path.removesuffix("*")) or fits(path, mine.removesuffix("*"))


def _judges_preflights(operation: Operation | None) -> bool:
    if operation is None:
        return True
    return _PREFLIGHT not in operation.not_methods and (not operation.methods or _PREFLIGHT in operation.methods)


def _with_cors(found: tuple[Resource[VirtualService], ...]) -> Resource[VirtualService] | None:
    return next((vs for vs in found if any(each.cors_policy for each in vs.body.spec.http)), None)


def _answered(mesh: Mesh, found: tuple[Resource[VirtualService], ...]) -> tuple[str, ...]:
    """The paths that are answered, as policies write them. Raises Refused where some of them also reach the pods."""
    if not any(answers(each) for vs in found for each in vs.body.spec.http):
        return ()
    routing = routing_of(mesh, found, RULES)
    paths = tuple(each.path if each.exact else f"{each.path}*" for each in routing.steps if each.answers)
    samples = {text for each in routing.steps for text in (each.path, each.path + OTHER)}
    for path in sorted(samples):
        if any(fits(each, path) for each in paths) and routing.seen(path) not in {ANSWER, UNROUTED}:
            shown = path.replace(OTHER, "…")
            reason = f"{routing.vs.ref} answers some requests itself, and no list of paths tells them from {shown}"
            raise Refused("answers", RULES, reason, f"GET {shown}: reaches the pods")
    return paths
