"""SE007: several entries for one host, of which ambient takes one for everybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ambimigrate.checks import rule
from ambimigrate.checks.serviceentry.entries import concerns
from ambimigrate.kinds import ServiceEntry
from ambimigrate.model import Hit, Mesh, Resource, grouped
from ambimigrate.topology import reach


@rule("SE007", ServiceEntry)
def check(entry: Resource[ServiceEntry], mesh: Mesh) -> Iterator[Hit]:
    if not concerns(mesh, entry):
        return
    for number, host in enumerate(entry.body.spec.hosts):
        first = next((each for each in mesh.index(_by_host)[host] if reach.key(each) != reach.key(entry)), None)
        if first and _age(first) < _age(entry) and ((entry.namespace and first.namespace) or first.file == entry.file):
            yield Hit(
                entry.at("spec", "hosts", number),
                f"{host} is also {first.ref}: ambient clients of every namespace may get either, exportTo does not part them",
                related=(first.at("metadata", "name"),),
            )


def _by_host(mesh: Mesh) -> Mapping[str, tuple[Resource[ServiceEntry], ...]]:
    called = sorted((each for each in mesh.of(ServiceEntry) if concerns(mesh, each)), key=_age)
    found = grouped((host, each) for each in reach.once(called) for host in each.body.spec.hosts)
    return found | {host: () for each in mesh.of(ServiceEntry) for host in each.body.spec.hosts if host not in found}


def _age(entry: Resource[ServiceEntry]) -> tuple[str, str, str]:
    return entry.body.metadata.creation_timestamp or "", entry.namespace, entry.name
