"""PF023: how long ztunnel keeps open connections of its node when it is replaced."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.pods import listed
from ambimigrate.kinds import DaemonSet, Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection

_DEFAULT = 30  # seconds: the chart's and Kubernetes' own terminationGracePeriodSeconds
_LONG_LIVED = {5432: "PostgreSQL", 3306: "MySQL", 6379: "Redis", 9092: "Kafka", 27017: "MongoDB", 5672: "AMQP"}


@rule("PF023", DaemonSet)
def check(agent: Resource[DaemonSet], mesh: Mesh) -> Iterator[Hit]:
    template = agent.body.spec.template
    if agent.name != "ztunnel" or template is None:
        return
    grace = template.spec.termination_grace_period_seconds
    found = [each for each in mesh.of(Service) if _ports(each) and injection.is_meshed(mesh, each.namespace)]
    if found and (grace is None or grace <= _DEFAULT):
        place = agent.at("spec", "template", "spec", "terminationGracePeriodSeconds")
        names = listed(str(each.ref).partition(" ")[2] for each in found)
        said = f"ztunnel ends open connections of its node {grace or _DEFAULT} s after it is told to stop"
        yield Hit(place, f"{said}: each upgrade cuts those to {names} ({listed(sorted(_all(found)))})")


def _ports(service: Resource[Service]) -> set[str]:
    return {_LONG_LIVED[each.port] for each in service.body.spec.ports if each.port in _LONG_LIVED}


def _all(services: list[Resource[Service]]) -> set[str]:
    return {name for each in services for name in _ports(each)}
