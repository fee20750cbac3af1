"""The Service in front of an Istio Gateway's pods, through which a Gateway of the Gateway API reaches the same pods.

Istio, docs/tasks/traffic-management/ingress/gateway-api "Manual Deployment": a Gateway with the address of a Service (type
Hostname) configures the pods behind it, and nothing is deployed. Pods and Service keep their names, addresses and policies by
selector. push_context.go `mergeGateways`: the Gateway has to be in the namespace of the Service.
"""

from __future__ import annotations

from msgspec import Struct

from ambimigrate.converters.gateways import filters
from ambimigrate.converters.outcome import Refused
from ambimigrate.kinds import IstioGateway, Service
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import flags, injection
from ambimigrate.topology.workloads import Workload, behind, selected_anywhere, services_in_front

_OFF = ("PILOT_ENABLE_GATEWAY_API", "ENABLE_GATEWAY_API_MANUAL_DEPLOYMENT")
_CLASS = "PILOT_GATEWAY_API_DEFAULT_GATEWAYCLASS_NAME"
_SCOPED = "PILOT_SCOPE_GATEWAY_TO_NAMESPACE"
_UNTRANSLATED = "experimental.istio.io/disable-gateway-port-translation"


class Front(Struct, frozen=True, eq=False):
    """The one Service of the pods that a Gateway selects, and the revision of Istio that they follow."""

    service: Resource[Service]
    pods: tuple[Workload, ...]
    revision: str


def front(mesh: Mesh, gateway: Resource[IstioGateway]) -> Front:
    """The Service of the Gateway. Raises Refused."""
    selector = gateway.body.spec.selector
    shown = ", ".join(f"{key}: {value}" for key, value in selector.items())
    pods = selected_anywhere(mesh, selector)
    if not pods:
        raise Refused("service", ("spec", "selector"), f"the pods that it selects ({shown or 'all'}) are not in the input")
    found = services_in_front(mesh, pods)
    if len(found) != 1:
        named = ", ".join(f"{each.namespace}/{each.name}" for each in found) or "none"
        raise Refused("service", ("spec", "selector"), f"one Service in front of its pods is needed, the input has: {named}")
    (service,) = found
    if not service.namespace:
        raise Refused("namespace", (), f"the namespace of Service {service.name} is not known, and its address holds it")
    _check(mesh, gateway, service)
    _check_pods(mesh, service, pods)
    filters.check(mesh, gateway, pods)
    revisions = {_revision(mesh, each) for each in pods}
    if len(revisions) > 1:
        raise Refused(
            "service", ("spec", "selector"), f"its pods follow several revisions of Istio: {', '.join(sorted(revisions))}"
        )
    return Front(service, pods, revisions.pop())


def _check(mesh: Mesh, gateway: Resource[IstioGateway], service: Resource[Service]) -> None:
    for name in _OFF:
        if flags.pilot_env(mesh, name) is False:
            raise Refused("service", (), f"istiod runs with {name}=false, so that it configures no existing pods by a Gateway")
    if flags.pilot_env(mesh, _CLASS) is not None:
        raise Refused("service", (), f"istiod runs with {_CLASS}, so that its class has a name of its own")
    if flags.pilot_env(mesh, _SCOPED) and gateway.namespace != service.namespace:
        raise Refused(
            "service", (), f"istiod runs with {_SCOPED}=true: the Gateway has no effect on pods of {service.namespace}"
        )
    if _UNTRANSLATED in service.body.metadata.labels:
        raise Refused("service", ("spec", "selector"), f"Service {service.name} has the label {_UNTRANSLATED}")


def _check_pods(mesh: Mesh, service: Resource[Service], pods: tuple[Workload, ...]) -> None:
    """The new Gateway configures the pods behind the Service, the old one those that it selects."""
    members = behind(mesh, service)
    known = {id(each) for each in pods}
    if more := next((each for each in members if id(each) not in known), None):
        reason = f"Service {service.name} is also in front of {more}, which it does not select and a Gateway would configure"
        raise Refused("service", ("spec", "selector"), reason)
    if len(members) < len(pods):
        left = next(each for each in pods if each not in members)
        raise Refused(
            "service", ("spec", "selector"), f"it also selects {left}, which Service {service.name} is not in front of"
        )


def _revision(mesh: Mesh, workload: Workload) -> str:
    return workload.labels.get(injection.REVISION) or injection.labels(mesh, workload.namespace).get(injection.REVISION, "")
