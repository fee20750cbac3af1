"""Telemetry by selector: twins for the waypoints of the same Services; without selector waypoints follow it as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.changes import Change, Held
from ambimigrate.converters import twin_targets, twins
from ambimigrate.converters.outcome import Account, Outcome, Refused, held
from ambimigrate.converters.serving import Plan
from ambimigrate.converters.settings import Settings
from ambimigrate.converters.twin_targets import Aim
from ambimigrate.converters.twins import Said
from ambimigrate.kinds import Telemetry
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import policies
from ambimigrate.topology.meshconfig import dig
from ambimigrate.versions import at_least

TWIN, HELD = "TE901", "TE902"
METRICS_SINCE = "1.24.0"  # Istio, RN:ambient-telemetry: metrics of waypoints can be customised
FAR_SINCE = "1.30.3"  # Istio, RN:60665: settings of the Service's namespace at a waypoint of another


def convert(mesh: Mesh, namespace: str, plan: Plan, settings: Settings) -> Outcome:
    """The twins of the settings by selector for Services that a waypoint serves; the rest ends with the sidecars (TE001)."""
    changes: list[Change] = []
    refusals: list[Held] = []
    for aim in twins.applying(mesh, Telemetry, namespace, settings):
        if twins.is_idle(mesh, aim) or not _is_served(mesh, aim, plan):
            continue
        account = Account()
        try:
            if not twins.known(mesh, aim):
                _check(mesh, aim, plan, account, settings)
            said = Said(TWIN, account, _since(aim, plan))
            changes += tuple(twins.changes(mesh, aim, plan, twins.spec_of(aim.subject), said))
        except Refused as refused:
            refusals.append(held(mesh, aim.subject, HELD, refused, namespace))
    return Outcome(tuple(changes), tuple(refusals))


def _is_served(mesh: Mesh, aim: Aim, plan: Plan) -> bool:
    """Whether it selects pods of its own namespace and a waypoint will serve each of their Services."""
    if policies.form(mesh, aim.subject) != policies.SELECTOR or aim.subject.namespace != aim.namespace:
        return False
    served = [(each.namespace, each.name) in plan.by_service for each in aim.services]
    return bool(served) and all(served)


def _since(aim: Aim, plan: Plan) -> str | None:
    if twin_targets.foreign(aim, plan):
        return FAR_SINCE
    return METRICS_SINCE if aim.subject.body.spec.metrics else None


def _check(mesh: Mesh, aim: Aim, plan: Plan, account: Account, settings: Settings) -> None:
    twins.check_whole(mesh, aim)
    since = _since(aim, plan)
    if since and not at_least(mesh.target.istio, since):
        reason = f"waypoints follow these settings from Istio {since} on"
        account.agree(settings, HELD, aim.subject, Refused("version", ("spec",), reason, _lost(aim)))
    for route, what in _of_clients(aim.subject):
        reason = f"{what} for mode CLIENT: waypoints report as servers, so that it is lost"
        account.agree(settings, HELD, aim.subject, Refused("client", route, reason, _lost(aim)))


def _lost(aim: Aim) -> str:
    who = aim.workloads[0] if aim.workloads else aim.services[0].name
    return f"a call of {who} to another Service: reported with these settings before, without them then"


def _of_clients(subject: Resource[Telemetry]) -> Iterator[tuple[Route, str]]:
    """What holds only for calls that the pods make."""
    spec = subject.body.spec
    for number, metrics in enumerate(spec.metrics):
        for index, override in enumerate(metrics.overrides):
            if override.match and override.match.mode == "CLIENT":
                yield ("spec", "metrics", number, "overrides", index, "match", "mode"), "an override of metrics"
    parts: dict[str, tuple[dict[str, Any], ...]] = {"accessLogging": spec.access_logging, "tracing": spec.tracing}
    for name, members in parts.items():
        for number, each in enumerate(members):
            if dig(each, ("match", "mode")) == "CLIENT":
                yield ("spec", name, number, "match", "mode"), name
