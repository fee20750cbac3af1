"""Host names as VirtualServices and DestinationRules write them, and the Services and ServiceEntries behind them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from ambimigrate.kinds import Service, ServiceEntry
from ambimigrate.model import Mesh, Resource, grouped

DOMAIN = "svc.cluster.local"


def full_name(host: str, namespace: str) -> str:
    """A name without a dot is completed with the namespace of the object that writes it; any other stands for itself.

    Istio, pkg/model/config.go `ResolveShortnameToFQDN`: `reviews.prod` is not completed and names no Service.
    """
    return host if "." in host or host.startswith("*") else f"{host}.{namespace}.{DOMAIN}"


def host_of(service: Resource[Service]) -> str:
    """The full name of a Service."""
    return f"{service.name}.{service.namespace}.{DOMAIN}"


def service(mesh: Mesh, host: str, namespace: str, near: str = "") -> Resource[Service] | None:
    """The Service that a host written in `namespace` names exactly, or None."""
    name, _, rest = full_name(host, namespace).partition(".")
    if not rest.endswith(f".{DOMAIN}"):
        return None
    return mesh.find(Service, rest.removesuffix(f".{DOMAIN}"), name, near)


def service_entries(mesh: Mesh, host: str, namespace: str) -> tuple[Resource[ServiceEntry], ...]:
    """The ServiceEntries that list the host literally."""
    return mesh.index(_entries).get(full_name(host, namespace), ())


def _entries(mesh: Mesh) -> dict[str, tuple[Resource[ServiceEntry], ...]]:
    found: dict[str, list[Resource[ServiceEntry]]] = defaultdict(list)
    for entry in mesh.of(ServiceEntry):
        for host in entry.body.spec.hosts:
            found[host].append(entry)
    return {host: tuple(entries) for host, entries in found.items()}


def covers(pattern: str, host: str) -> bool:
    """Whether a host pattern (`*`, `*.example.com`, a name) covers a full name."""
    return host == pattern or (pattern.startswith("*") and host.endswith(pattern[1:]))


def meet(one: str, other: str) -> bool:
    """Whether one of the patterns covers the other, so that some host is meant by both (pkg/config/host/name.go `Matches`)."""
    return covers(one, other) or covers(other, one)


def services(mesh: Mesh, pattern: str, namespace: str, near: str = "") -> tuple[Resource[Service], ...]:
    """The Services that a host or wildcard written in `namespace` means."""
    if not pattern.startswith("*"):
        found = service(mesh, pattern, namespace, near)
        return (found,) if found else ()
    if pattern.startswith("*."):
        return mesh.index(_services_below).get(pattern[1:], ())
    return tuple(each for each in mesh.of(Service) if covers(pattern, host_of(each)))


def _services_below(mesh: Mesh) -> dict[str, tuple[Resource[Service], ...]]:
    """The Services by each domain that they are in: `.shop.svc.cluster.local`, `.svc.cluster.local`, …"""
    return grouped((domain, each) for each in mesh.of(Service) for domain in domains(host_of(each)))


def domains(host: str) -> Iterator[str]:
    """Every part of a name that begins with a dot."""
    return (host[at:] for at, letter in enumerate(host) if letter == ".")


def entries_below(mesh: Mesh, domain: str) -> tuple[Resource[ServiceEntry], ...]:
    """The ServiceEntries that list a host which ends in the domain (`.example.com`)."""
    return mesh.index(_entries_below).get(domain, ())


def _entries_below(mesh: Mesh) -> dict[str, tuple[Resource[ServiceEntry], ...]]:
    return grouped((domain, each) for each in mesh.of(ServiceEntry) for domain in _all_domains(each.body.spec.hosts))


def _all_domains(names: Iterable[str]) -> dict[str, None]:
    return dict.fromkeys(domain for name in names for domain in domains(name))


def is_headless(service: Resource[Service]) -> bool:
    return service.body.spec.cluster_ip == "None"
