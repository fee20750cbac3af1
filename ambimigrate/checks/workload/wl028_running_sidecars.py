"""WL028: sidecars that run without what the move needs of them: HBONE, the current injection template, no leftovers."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.platform import install
from ambimigrate.kinds import Namespace, Pod
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection, running
from ambimigrate.topology.running import has_sidecar, owner


@rule("WL028", Namespace)
def check(namespace: Resource[Namespace], mesh: Mesh) -> Iterator[Hit]:
    members = running.pods(mesh, namespace.name)
    sidecars = [each for each in members if has_sidecar(each)]
    if not sidecars:
        return
    place = namespace.at("metadata")
    if not injection.injects(mesh, namespace.name):
        left = [each for each in sidecars if each.body.metadata.labels.get(injection.INJECT) != "true"]
        if left:
            yield Hit(place, f"{_told(left, members)} still run a sidecar, though the namespace injects none", "left")
        return
    deaf = [each for each in sidecars if each.body.metadata.labels.get(running.TUNNEL) != "http"]
    if deaf:
        said = "have a sidecar that speaks no HBONE: ambient pods call them in plaintext, which STRICT refuses"
        yield Hit(place, f"{_told(deaf, sidecars)} {said}", "hbone")
    images = (one.image for each in install.istiods(mesh) for one in each.pod.containers)
    newest = max((found for each in images if (found := running.version(each))), default=None)
    old = [each for each in sidecars if newest and (own := running.proxy_version(each)) and own < newest]
    if newest and old:
        yield Hit(
            place, f"{_told(old, sidecars)} have a sidecar older than istiod {newest}: they were not restarted since", "old"
        )


def _told(some: list[Resource[Pod]], every: list[Resource[Pod]] | tuple[Resource[Pod], ...]) -> str:
    owners = list(dict.fromkeys(owner(each) for each in some))
    more = f" and {len(owners) - 2} more" if len(owners) > 2 else ""
    return f"{len(some)} of {len(every)} pods ({', '.join(owners[:2])}{more})"
