"""WasmPlugins and TrafficExtensions: twins that waypoints load in place of the sidecars of the pods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.changes import Change, Held
from ambimigrate.converters import twin_targets, twins
from ambimigrate.converters.outcome import Account, Outcome, Refused, held
from ambimigrate.converters.routing import routed
from ambimigrate.converters.serving import Plan
from ambimigrate.converters.settings import Settings
from ambimigrate.converters.twin_targets import Aim
from ambimigrate.converters.twins import Said
from ambimigrate.kinds import TrafficExtension, WasmPlugin
from ambimigrate.kinds.extensions import TrafficSelector
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import policies
from ambimigrate.topology.meshconfig import dig
from ambimigrate.topology.protocols import carries_http
from ambimigrate.topology.workloads import target_port
from ambimigrate.versions import at_least

TWIN, HELD = "EX901", "EX902"
KINDS: tuple[type[Any], ...] = (WasmPlugin, TrafficExtension)
EXTENSIONS_SINCE = "1.30.0"  # Istio, release note trafficextension: the kind is new
FAR_SINCE = "1.30.3"  # Istio #60530: up to then a waypoint of another namespace does not start, or does not load it


def convert(mesh: Mesh, namespace: str, plan: Plan, settings: Settings) -> Outcome:
    """The twins of what sidecars of the namespace load, and the end of the originals."""
    changes: list[Change] = []
    refusals: list[Held] = []
    for aim in _applying(mesh, namespace, settings):
        if twins.is_idle(mesh, aim):
            continue
        account = Account()
        try:
            if not twins.known(mesh, aim):
                _check(mesh, aim, plan, account, settings)
            said = Said(TWIN, account, FAR_SINCE if twin_targets.foreign(aim, plan) else None)
            changes += tuple(twins.changes(mesh, aim, plan, twins.spec_of(aim.subject, "match"), said))
        except Refused as refused:
            refusals.append(held(mesh, aim.subject, HELD, refused, namespace))
    return Outcome(tuple(changes), tuple(refusals))


def needs(mesh: Mesh, namespace: str) -> Iterator[str]:
    """The Services of the namespace whose waypoint has to load an extension."""
    for aim in _applying(mesh, namespace):
        yield from (each.name for each in aim.services)


def _applying(mesh: Mesh, namespace: str, settings: Settings | None = None) -> Iterator[Aim]:
    """Before 1.30 there is no kind TrafficExtension, and what is written of it does nothing."""
    for kind in KINDS:
        if kind is not TrafficExtension or at_least(mesh.target.istio, EXTENSIONS_SINCE):
            yield from twins.applying(mesh, kind, namespace, settings)


def _check(mesh: Mesh, aim: Aim, plan: Plan, account: Account, settings: Settings) -> None:
    _check_loadable(aim.subject)
    twins.check_whole(mesh, aim)
    far = twin_targets.foreign(aim, plan)
    if far and not at_least(mesh.target.istio, FAR_SINCE):
        reason = f"the waypoint of {far.name} lies in another namespace; before Istio {FAR_SINCE} it does not load it"
        raise Refused("far", ("spec",), reason)
    for refused in (*_secret(mesh, aim, plan), *_sides(mesh, aim), *past(mesh, aim), *rewritten(mesh, aim)):
        account.agree(settings, HELD, aim.subject, refused)


def _check_loadable(subject: Resource[Any]) -> None:
    """Raises Refused if a proxy in another pod cannot load it as this one does."""
    spec = subject.body.spec
    wasm, route = (spec.wasm or {}, ("spec", "wasm")) if isinstance(subject.body, TrafficExtension) else (None, ("spec",))
    url = str(wasm.get("url", "")) if wasm is not None else spec.url
    if url.startswith("file:"):
        raise Refused("file", (*route, "url"), f"{url} is a file in the sidecar, which the pods of a waypoint do not have")
    vm = wasm.get("vmConfig") if wasm is not None else spec.vm_config
    variables = dig(vm, ("env",))
    for number, variable in enumerate(variables if isinstance(variables, list) else ()):
        if isinstance(variable, dict) and variable.get("valueFrom") == "HOST":
            place: Route = (*route, "vmConfig", "env", number)
            raise Refused("host-env", place, f"{variable.get('name')} comes from the sidecar's environment, not the waypoint's")
    kind = wasm.get("type") if wasm is not None else spec.type
    if kind == "NETWORK":
        raise Refused("network", (*route, "type"), "a network filter sees connections of one pod, a waypoint those of all")


def _secret(mesh: Mesh, aim: Aim, plan: Plan) -> Iterator[Refused]:
    """A Secret by which it is pulled lies in the namespace of the plugin (istio/api, `imagePullSecret`)."""
    spec = aim.subject.body.spec
    wasm, route = (spec.wasm or {}, ("spec", "wasm")) if isinstance(aim.subject.body, TrafficExtension) else (None, ("spec",))
    name = spec.image_pull_secret if wasm is None else str(wasm.get("imagePullSecret", ""))
    for namespace, _ in twin_targets.targets(mesh, aim, plan) if name else ():
        if namespace != aim.subject.namespace:
            reason = f"its copy for {namespace} looks for imagePullSecret {name} there, and it lies in {aim.subject.namespace}"
            witness = f"a request for {aim.services[0].name}: 500 if its waypoint cannot pull the module"
            yield Refused("secret", (*route, "imagePullSecret"), reason, witness)
            return


# --- what it ran for ---------------------------------------------------------------------------------------------------


def _sides(mesh: Mesh, aim: Aim) -> Iterator[Refused]:
    """A waypoint's listeners are servers without a port (Istio, pilot/pkg/model/extensions.go)."""
    matches = aim.subject.body.spec.match
    where: Route = ("spec", "match") if matches else ("spec",)
    served = [each for each in matches if each.mode != "CLIENT"]
    if matches and not served:
        raise Refused(
            "client", (*where, 0, "mode"), "it runs for calls that the pods make, and nothing of theirs runs in ambient mode"
        )
    if not matches or any(each.mode != "SERVER" for each in matches):
        who = aim.workloads[0] if aim.workloads else "the pods"
        reason = f"it also runs for calls that {who} makes to others; a waypoint runs it for calls to its Services only"
        yield Refused(
            "outbound", where, reason, f"a request of {who} to another Service: passes the extension before, not then"
        )
    if served and (ports := _left_out(aim, served)):
        service, port = ports
        reason = f"it runs on some ports only; at a waypoint match.ports never applies, and without it port {port} is taken in"
        yield Refused(
            "ports", (*where, 0, "ports"), reason, f"GET http://{service}:{port}/ passes the extension, which it did not"
        )


def _left_out(aim: Aim, served: list[TrafficSelector]) -> tuple[str, int] | None:
    """A port of a Service that the matches leave out, with the name of the Service."""
    if any(not each.ports for each in served):
        return None
    return other_port(aim, {port.number for each in served for port in each.ports})


def other_port(aim: Aim, wanted: set[int]) -> tuple[str, int] | None:
    """A port for HTTP that leads to another port of the pods than these, with the name of its Service."""
    for service in aim.services:
        for port in service.body.spec.ports:
            if carries_http(port) and not {target_port(port, each) for each in aim.workloads} <= wanted:
                return service.name, port.port
    return None


def past(mesh: Mesh, aim: Aim) -> Iterator[Refused]:
    """Calls by which pods are reached past every waypoint, as the input shows them."""
    where = policies.selector_route(aim.subject)
    if aim.past:
        name = aim.past[0].name
        reason = f"calls to headless Service {name} never cross a waypoint, and go past it"
        yield Refused("past", where, reason, f"GET http://{name}/: passes the extension before, not then")
    elif not aim.services:
        pods = twins.unserved(mesh, aim) or aim.workloads
        reason = f"no Service with an address stands in front of {pods[0]}: no waypoint gets its calls"
        yield Refused(
            "past", where, reason, f"a call of a pod of {pods[0]} by its address: passes the extension before, not then"
        )


def rewritten(mesh: Mesh, aim: Aim) -> Iterator[Refused]:
    """A plugin at the pod sees what routing made of a request, one at the waypoint what the caller sent."""
    for service in aim.services:
        for vs in routed.routing(mesh, service):
            changing = [
                each for each in vs.body.spec.http if each.rewrite or each.headers or any(one.headers for one in each.route)
            ]
            if changing:
                reason = f"{vs.ref} changes requests; at the waypoint the extension sees them before that"
                yield Refused("rewritten", ("spec",), reason, f"a request for {service.name} that it rewrites")
                return
