"""Host names with wildcards, as Istio compares them and as Envoy chooses among them.

Istio, pkg/config/host/name.go and names.go; Envoy, source/common/router/config_impl.cc `findVirtualHost`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

from ambimigrate.topology.hosts import covers


def intersection(one: Iterable[str], other: Iterable[str]) -> tuple[str, ...]:
    """The narrower name of every pair of which one covers the other, in order (names.go `Intersection`)."""
    found: dict[str, None] = {}
    others = tuple(other)
    for mine in one:
        for theirs in others:
            if covers(theirs, mine):
                found.setdefault(mine)
            elif covers(mine, theirs):
                found.setdefault(theirs)
    return tuple(found)


def of_namespace(hosts: Iterable[str], namespace: str) -> tuple[str, ...]:
    """The hosts of a server that VirtualServices of a namespace may have (names.go `NamesForNamespace`)."""
    parts = (each.partition("/") for each in hosts)
    return tuple(name if slash else place for place, slash, name in parts if not slash or place in {namespace, "*"})


def without_namespace(host: str) -> str:
    place, slash, name = host.partition("/")
    return name if slash else place


def chosen(known: Container[str], name: str) -> str | None:
    """Of domains the name itself, else the longest wildcard that ends like it, else `*`."""
    wild = (f"*{name[at:]}" for at in range(1, len(name)))
    return next((each for each in (name, *wild, "*") if each in known), None)
