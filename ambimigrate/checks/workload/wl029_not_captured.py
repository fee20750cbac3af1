"""WL029: pods that run outside the data plane that their labels say, or in none at all."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import Namespace, Pod
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection, running
from ambimigrate.topology.running import has_sidecar, is_captured, owner


@rule("WL029", Namespace)
def check(namespace: Resource[Namespace], mesh: Mesh) -> Iterator[Hit]:
    is_ambient = namespace.body.metadata.labels.get(injection.MODE) == injection.AMBIENT
    members = [each for each in running.pods(mesh, namespace.name) if _belongs(each)]
    missed = [each for each in members if not is_captured(each)]
    place = namespace.at("metadata", "labels", injection.MODE)
    if is_ambient and missed:
        said = "carry neither a sidecar nor ztunnel's redirection: their traffic is plaintext and no policy holds for it"
        yield Hit(place, f"{len(missed)} of {len(members)} pods ({owner(missed[0])}) {said}", "missed")
    stray = [each for each in running.pods(mesh, namespace.name) if is_captured(each) and not _may(each, is_ambient)]
    if stray:
        said = "are captured by ztunnel, though neither the namespace nor the pod has the ambient label"
        yield Hit(namespace.at("metadata"), f"{len(stray)} pods ({owner(stray[0])}) {said}", "stray")
    bare = [each for each in members if _is_bare(each)] if injection.injects(mesh, namespace.name) and not is_ambient else []
    if bare:
        said = "run with neither a sidecar nor ztunnel, though the namespace injects sidecars: their traffic is plaintext"
        yield Hit(namespace.at("metadata"), f"{len(bare)} of {len(members)} pods ({owner(bare[0])}) {said}", "bare")


def _belongs(pod: Resource[Pod]) -> bool:
    """Host networking, sidecars and an opt-out keep a pod out (Istio, cni/pkg/util/podutil.go)."""
    wanted = pod.body.metadata.labels.get(injection.MODE)
    return not pod.body.spec.host_network and not has_sidecar(pod) and wanted in {None, injection.AMBIENT}


def _is_bare(pod: Resource[Pod]) -> bool:
    """Whether nothing carries the pod's traffic, and it did not ask for that."""
    metadata = pod.body.metadata
    asked = metadata.labels.get(injection.INJECT) or metadata.annotations.get(injection.INJECT)
    return not is_captured(pod) and asked != "false" and metadata.labels.get(injection.MODE) != injection.NONE


def _may(pod: Resource[Pod], is_ambient: bool) -> bool:
    return is_ambient or pod.body.metadata.labels.get(injection.MODE) == injection.AMBIENT
