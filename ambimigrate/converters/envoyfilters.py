"""EnvoyFilters of sidecars: known shapes become what does the same at a waypoint; all others hold, patch by patch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from ambimigrate.changes import Change, Delete, Edit, Held, Set, Stage
from ambimigrate.checks.envoyfilter import shapes
from ambimigrate.converters import extensions, twin_targets, twins
from ambimigrate.converters.filters import logs, remedies
from ambimigrate.converters.filters import shapes as known
from ambimigrate.converters.filters.logs import Log
from ambimigrate.converters.filters.lost import Lost
from ambimigrate.converters.filters.remedies import Told
from ambimigrate.converters.filters.shapes import Filter, Lua
from ambimigrate.converters.outcome import Account, Outcome, Refused, held
from ambimigrate.converters.serving import Plan
from ambimigrate.converters.settings import Settings
from ambimigrate.converters.twin_targets import Aim
from ambimigrate.converters.twins import Said, Twin
from ambimigrate.kinds import EnvoyFilter, Telemetry, TrafficExtension
from ambimigrate.kinds.networking import ConfigPatch
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import policies
from ambimigrate.versions import at_least

REPLACED, HELD = "EF902", "EF901"
TARGETS_SINCE = "1.27.0"  # Istio, #56417: up to 1.26 targetRefs of an EnvoyFilter are ignored, and it patches every proxy
KINDS: tuple[type[Any], ...] = (TrafficExtension, EnvoyFilter, Telemetry)
Known = Filter | Lua | Log


def convert(mesh: Mesh, namespace: str, plan: Plan, settings: Settings) -> Outcome:
    """What replaces the filters on sidecars of the namespace, and their end."""
    changes: list[Change] = []
    refusals: list[Held] = []
    for aim in _applying(mesh, namespace, settings):
        if twins.is_idle(mesh, aim, *KINDS):
            continue
        try:
            changes += tuple(_changes(mesh, aim, plan, settings))
        except Refused as refused:
            found = held(mesh, aim.subject, HELD, refused, namespace)
            refusals.append(replace(found, alternative=refused.remedy) if isinstance(refused, Told) else found)
    return Outcome(tuple(changes), tuple(refusals))


def needs(mesh: Mesh, namespace: str) -> Iterator[str]:
    """The Services of the namespace whose waypoint takes over a filter."""
    for aim in _applying(mesh, namespace):
        found = [known.shape(patch) for _, patch in _patches(aim.subject)]
        if any(each is not None and _has_home(mesh, each) for each in found):
            yield from (each.name for each in aim.services)


def _has_home(mesh: Mesh, found: Known) -> bool:
    """Whether waypoints can do it: a log needs a provider of the mesh."""
    return not isinstance(found, Log) or logs.provider(mesh, found) is not None


def _applying(mesh: Mesh, namespace: str, settings: Settings | None = None) -> Iterator[Aim]:
    """Those that patch sidecars; what Istio itself installed up to 1.17 does nothing to newer proxies."""
    for aim in twins.applying(mesh, EnvoyFilter, namespace, settings):
        if not shapes.is_istios(aim.subject) and _patches(aim.subject):
            yield aim


def _patches(subject: Resource[EnvoyFilter]) -> list[tuple[int, ConfigPatch]]:
    return [(n, each) for n, each in enumerate(subject.body.spec.config_patches) if shapes.of_sidecars(each)]


def _changes(mesh: Mesh, aim: Aim, plan: Plan, settings: Settings) -> Iterator[Change]:
    account = Account()
    found: list[Known | None] = []
    if not twins.known(mesh, aim, *KINDS):
        lost = [(number, Lost(mesh, aim, plan, patch)) for number, patch in _patches(aim.subject)]
        found = [_recognised(each, number, account, settings) for number, each in lost]
        _check(mesh, aim, plan, account, settings)
    said = Said(REPLACED, account, extensions.FAR_SINCE if twin_targets.foreign(aim, plan) else None)
    for number, twin in enumerate(_twins(mesh, aim, plan, [each for each in found if each is not None]), 1):
        yield twins.create(mesh, aim, number, twin, said)
    if not policies.is_root(mesh, aim.subject):
        action = tuple(_kept(mesh, aim.subject)) or None
        yield twins.change(mesh, aim, Stage.retire, (aim.subject.ref, action), said)


def _kept(mesh: Mesh, subject: Resource[EnvoyFilter]) -> Iterator[Edit]:
    """What leaves the patches of gateways only; nothing if there are none, and the object can go."""
    patches = subject.body.spec.config_patches
    both = twins.concerns_gateways(mesh, subject)
    staying = [n for n, each in enumerate(patches) if not shapes.of_sidecars(each) or (both and _is_of_any(each))]
    for number in staying:
        if shapes.of_sidecars(patches[number]):
            yield Set(("spec", "configPatches", number, "match", "context"), "GATEWAY")
    for number in reversed(range(len(patches)) if staying else ()):
        if number not in staying:
            yield Delete(("spec", "configPatches", number))


def _is_of_any(patch: ConfigPatch) -> bool:
    return shapes.context(patch) in {"", "ANY"}


def _recognised(lost: Lost, number: int, account: Account, settings: Settings) -> Known | None:
    """The shape of a patch; None for one whose loss was agreed to. Raises Refused."""
    mesh, aim, patch = lost.mesh, lost.aim, lost.patch
    found = known.shape(patch)
    if isinstance(found, Log) and not _has_home(mesh, found):
        found = None
    route = ("spec", "configPatches", number)
    if found is None:
        account.agree(settings, HELD, aim.subject, remedies.refused(lost, route))
        return None
    where = shapes.context(patch) or "ANY"
    names = policies.listed(each.name for each in aim.services) or policies.listed(map(str, aim.workloads))
    what = shapes.shape(patch).words
    if where != "SIDECAR_INBOUND":
        reason = (
            f"{what} also holds for calls that the pods of {names} make (context {where}); a waypoint has it for calls to them"
        )
        refused = Refused(
            "outbound", (*route, "match"), reason, f"a call of these pods to another Service: without {what} then"
        )
        account.agree(settings, HELD, aim.subject, refused)
    if found.port is not None and (other := extensions.other_port(aim, {found.port})):
        reason = (
            f"{what} is for port {found.port} only; a waypoint's listener has no port, and {other[0]}:{other[1]} is taken in"
        )
        refused = Refused("ports", (*route, "match"), reason, f"GET http://{other[0]}:{other[1]}/: with {what} then")
        account.agree(settings, HELD, aim.subject, refused)
    if found.counts:
        reason = f"{what} counts per pod of {names} today; at a waypoint it counts per replica, over all pods"
        account.agree(
            settings,
            HELD,
            aim.subject,
            Refused("counts", route, reason, f"as many requests for {names} as its pods admit together: refused then"),
        )
    return found


def _check(mesh: Mesh, aim: Aim, plan: Plan, account: Account, settings: Settings) -> None:
    twins.check_whole(mesh, aim)
    for refused in (*extensions.past(mesh, aim), *extensions.rewritten(mesh, aim)):
        account.agree(settings, HELD, aim.subject, refused)
    if not all((each.namespace, each.name) in plan.by_service for each in aim.services):
        raise Refused("unserved", policies.selector_route(aim.subject), "no waypoint will serve all of its Services")


def _twins(mesh: Mesh, aim: Aim, plan: Plan, found: list[Known]) -> Iterator[Twin]:
    """Logs as Telemetry, Lua as TrafficExtensions where there are such (one each, in order), all else as EnvoyFilters."""
    for log in (each for each in found if isinstance(each, Log)):
        yield from logs.twin(mesh, aim, plan, log)
    filters = [each for each in found if not isinstance(each, Log)]
    yield from _of_requests(mesh, aim, plan, filters)


def _of_requests(mesh: Mesh, aim: Aim, plan: Plan, found: list[Filter | Lua]) -> Iterator[Twin]:
    scripts = [each for each in found if isinstance(each, Lua)]
    if at_least(mesh.target.istio, extensions.EXTENSIONS_SINCE) and found and len(scripts) == len(found):
        _check_near(mesh, aim, plan)
        for number, each in enumerate(scripts, 1):
            rank = _rank(aim.subject, len(scripts) - number, several=len(scripts) > 1)
            for namespace, refs in twin_targets.targets(mesh, aim, plan):
                spec: dict[str, Any] = {"targetRefs": list(refs), **rank, "lua": {"inlineCode": each.code}}
                yield Twin(TrafficExtension, "extensions.istio.io/v1alpha1", namespace, spec)
    elif found:
        if not at_least(mesh.target.istio, TARGETS_SINCE):
            reason = f"EnvoyFilters name a waypoint from Istio {TARGETS_SINCE} on"
            raise Refused("version", ("spec", "configPatches"), reason)
        patches = [each.patch for each in found]
        rank = {"priority": own} if (own := aim.subject.body.spec.priority) else {}
        spec = {"targetRefs": list(_gateways(mesh, aim, plan)), **rank, "configPatches": patches}
        yield Twin(EnvoyFilter, twins.version(aim.subject), aim.namespace, spec)


def _check_near(mesh: Mesh, aim: Aim, plan: Plan) -> None:
    """Raises Refused where TrafficExtensions do not reach the waypoint of a Service."""
    far = twin_targets.foreign(aim, plan)
    if far and not at_least(mesh.target.istio, extensions.FAR_SINCE):
        reason = (
            f"the waypoint of {far.name} lies in another namespace; before Istio {extensions.FAR_SINCE} it loads nothing of it"
        )
        raise Refused("shared", policies.selector_route(aim.subject), reason)


def _rank(subject: Resource[EnvoyFilter], left: int, *, several: bool) -> dict[str, int]:
    """Of EnvoyFilters those of lower priority are applied first, of TrafficExtensions those of higher priority run first."""
    own = subject.body.spec.priority
    return {"priority": left - 100 * own} if own or several else {}


def _gateways(mesh: Mesh, aim: Aim, plan: Plan) -> Iterator[dict[str, str]]:
    """EnvoyFilters name Gateways only, so that all that these serve has to be meant. Raises Refused."""
    meant = {(each.namespace, each.name) for each in aim.services}
    chosen = {each for key, each in plan.by_service.items() if key in meant}
    other = next((key[1] for key, each in sorted(plan.by_service.items()) if each in chosen and key not in meant), None)
    if other is not None or set(twin_targets.own_gateways(mesh, aim, plan)) < chosen:
        reason = f"an EnvoyFilter holds for a whole waypoint, which also serves {other or 'other namespaces'}"
        raise Refused("shared", policies.selector_route(aim.subject), reason)
    for each in sorted(chosen, key=lambda one: one.name):
        yield {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": each.name}
