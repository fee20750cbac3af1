"""A reading of clusters as one JSON object, and back: what `--save` keeps, for work without the cluster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from ambimigrate import __version__
from ambimigrate.decode import Counts, Reading
from ambimigrate.kinds import KINDS, Object
from ambimigrate.model import Mesh, Origin, Position, Problem, Ref, Resource, Route, Target
from ambimigrate.topology import releases
from ambimigrate.versions import parse

SCHEMA = "ambimigrate.snapshot/v1"

# Annotations that something here reads are of these domains and those below; others may hold what is nobody's business.
_DOMAINS = (
    "ambimigrate.io",
    "amazonaws.com",
    "argoproj.io",
    "azure.com",
    "cilium.io",
    "cncf.io",
    "flagger.app",
    "fluxcd.io",
    "google.com",
    "helm.sh",
    "istio.io",
    "k8s.io",
    "knative.dev",
    "kserve.io",
    "kubernetes.io",
    "projectcalico.org",
    "prometheus.io",
    "traefik.io",
)
_WHOLE_OBJECTS = ("last-applied-configuration",)


class NoSnapshot(ValueError):
    """Why a text is no snapshot that can be read."""


class Recalled(msgspec.Struct, frozen=True):
    """The origin of an object of a snapshot: the place of the live object."""

    file: str

    def at(self, route: Route) -> Position:
        """The object as a whole: there is no text."""
        return Position(self.file, None, None, route)


class _Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    message: str
    file: str
    namespace: str | None = None
    kind: str | None = None


class _Cluster(msgspec.Struct, frozen=True):
    name: str
    target: dict[str, str | None]
    objects: tuple[dict[str, Any], ...]
    scope: tuple[str, ...] = ()
    problems: tuple[_Problem, ...] = ()


class _Snapshot(msgspec.Struct, frozen=True):
    schema: str
    tool: dict[str, str]
    clusters: tuple[_Cluster, ...]
    counts: dict[str, dict[str, int]]
    notes: tuple[str, ...] = ()


def record(reading: Reading) -> bytes:
    """The reading as JSON: typed fields only, no values of variables, no annotations of other tools, no Secrets."""
    clusters = tuple(
        _Cluster(
            mesh.name,
            _versions(mesh.target),
            tuple(_object(each) for each in mesh.resources if (each.ref.group, each.kind) in KINDS),
            mesh.scope,
            tuple(_Problem(each.message, each.file, each.namespace, each.kind) for each in mesh.problems),
        )
        for mesh in reading.meshes
    )
    counts = {"objects": dict(reading.counts.objects), "skipped": dict(reading.counts.skipped)}
    tool = {"name": "ambimigrate", "version": __version__}
    return msgspec.json.encode(_Snapshot(SCHEMA, tool, clusters, counts, reading.notes))


def _versions(target: Target) -> dict[str, str | None]:
    versions = {"istio": str(target.istio), "gateway_api": str(target.gateway_api)}
    return {**versions, "channel": target.channel, "platform": target.platform, "trust_domain": target.trust_domain}


def _object(resource: Resource[Any]) -> dict[str, Any]:
    body = resource.body
    version = type(body).VERSIONS[0]
    tree = msgspec.to_builtins(body)
    annotations = tree.get("metadata", {}).get("annotations", {})
    for name in [name for name in annotations if not _is_ours(name)]:
        del annotations[name]
    group = resource.ref.group
    return {"apiVersion": f"{group}/{version}" if group else version, "kind": resource.kind, **tree}


def _is_ours(annotation: str) -> bool:
    domain = annotation.partition("/")[0]
    return domain.endswith(_DOMAINS) and not annotation.endswith(_WHOLE_OBJECTS)


def restored(text: bytes, target: Target, given: Collection[str] = ()) -> Reading:
    """What was recorded; the versions are those of the clusters unless they are among the given fields of the target."""
    try:
        found = msgspec.json.decode(text, type=_Snapshot)
    except msgspec.DecodeError as error:
        raise NoSnapshot(f"is no snapshot: {error}") from None
    if found.schema != SCHEMA:
        raise NoSnapshot(f"is a snapshot of another version: {found.schema}, not {SCHEMA}")
    meshes = tuple(_mesh(each, target, given) for each in found.clusters)
    counts = Counts(0, sum(found.counts["objects"].values()), Counter(found.counts["objects"]))
    counts.skipped.update(found.counts["skipped"])
    problems = tuple(problem for mesh in meshes for problem in mesh.problems)
    return Reading(meshes, problems, counts, None, found.notes)


def _mesh(cluster: _Cluster, target: Target, given: Collection[str]) -> Mesh:
    problems = tuple(Problem(each.message, each.file, None, each.namespace, each.kind) for each in cluster.problems)
    resources = tuple(_resources(cluster))
    resources += tuple(releases.values(resources))
    return Mesh(cluster.name, resources, _target(target, cluster.target, given), problems, "cluster", cluster.scope)


def _resources(cluster: _Cluster) -> Iterator[Resource[Any]]:
    for tree in cluster.objects:
        group, kind = str(tree.get("apiVersion")).rpartition("/")[0], str(tree.get("kind"))
        view = KINDS.get((group, kind))
        if view is None:
            raise NoSnapshot(f"holds a kind that this version does not know: {kind}")
        try:
            body: Object = msgspec.convert(tree, view)
        except msgspec.ValidationError as error:
            raise NoSnapshot(f"holds a {kind} that cannot be read: {error}") from None
        namespace = body.metadata.namespace if view.NAMESPACED else ""
        origin: Origin = Recalled(f"cluster/{namespace}/{kind}/{body.metadata.name}")
        yield Resource(Ref(kind, group, namespace, body.metadata.name), body, origin)


def _target(target: Target, own: Mapping[str, str | None], given: Collection[str]) -> Target:
    versions = {name: parse(own[name] or "") for name in ("istio", "gateway_api") if name not in given and own.get(name)}
    words = {name: own.get(name) for name in ("channel", "platform", "trust_domain") if name not in given and own.get(name)}
    return replace(target, **versions, **words)
