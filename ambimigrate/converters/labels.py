"""Enrolling a namespace: injection off and the ambient label on, for the namespace and for pods that speak for themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.changes import Change, Delete, Edit, Held, Set, Stage
from ambimigrate.converters import made
from ambimigrate.converters.outcome import Outcome, Refused, held, written
from ambimigrate.kinds import Namespace
from ambimigrate.model import Mesh, Ref, Resource, Route
from ambimigrate.topology import injection
from ambimigrate.topology.injection import AMBIENT, INJECT, INJECTION, MODE, REVISION, SIDECAR
from ambimigrate.topology.workloads import Workload, in_namespace

ENROLLED, MISSING, PODS = "NS901", "NS902", "WL902"
_LABELS: Route = ("metadata", "labels")


def enroll(mesh: Mesh, name: str) -> Outcome:
    """The label edits of one namespace, or why they cannot be made."""
    namespace = injection.namespaces(mesh).get(name)
    if namespace is None:
        return Outcome(held=(_unseen(mesh, name),))
    changes: list[Change] = []
    refusals: list[Held] = []
    try:
        if edits := tuple(_namespace(mesh, namespace)):
            changes.append(
                Change(Stage.enroll, name, mesh.name, namespace.ref, edits, namespace, (ENROLLED,), (namespace.at(),))
            )
    except Refused as refused:
        refusals.append(held(mesh, namespace, MISSING, refused, name))
    for workload in in_namespace(mesh, name):
        try:
            changes += _workload(mesh, workload)
        except Refused as refused:
            refusals.append(held(mesh, workload.resource, PODS, refused))
    return Outcome(tuple(changes), tuple(refusals))


def _unseen(mesh: Mesh, name: str) -> Held:
    """A Namespace object is never made: whoever owns it sets the label."""
    first = injection.by_namespace(mesh)[name][0]
    shown = name or "(none given)"
    command = (
        f"kubectl label namespace {name} {INJECTION}- {REVISION}- {MODE}={AMBIENT}"
        if name
        else "name it with -n, or in the objects"
    )
    reason = f"the Namespace object of {shown} is not in the input"
    return Held(mesh.name, name, Ref("Namespace", "", "", name), first.at(), reason, (MISSING,), None, command)


def _namespace(mesh: Mesh, namespace: Resource[Namespace]) -> Iterator[Edit]:
    """The edits of the Namespace; none if it does not inject, since its pods then speak for themselves."""
    if not injection.injects(mesh, namespace.name):
        return
    labels = namespace.body.metadata.labels
    if labels.get(MODE) != AMBIENT:
        yield Set((*_LABELS, MODE), AMBIENT)
    for key in (INJECTION, REVISION):
        if key in labels:
            if key not in (made.own_metadata(namespace).get("labels") or {}):
                raise Refused("overlay", _LABELS, f"the label {key} is set by a kustomization, not in the object")
            yield Delete((*_LABELS, key))


def _workload(mesh: Mesh, workload: Workload) -> Iterator[Change]:
    if injection.is_gateway(workload):
        reason = f"{workload} is an injected gateway: without injection its pods have no proxy at all"
        raise Refused("gateway", (*workload.template, "metadata"), reason)
    if injection.has_proxy(workload):
        raise Refused("manual", (*workload.template, "spec"), f"the proxy of {workload} is written into its template")
    if workload.pod.host_network:
        return
    if injection.workload_mode(mesh, workload) == SIDECAR:
        yield from _change(mesh, workload, Stage.enroll, tuple(_leave(mesh, workload)), ENROLLED)


def _metadata(workload: Workload) -> Route:
    return (*workload.template, "metadata")


def _leave(mesh: Mesh, workload: Workload) -> Iterator[Edit]:
    """The labels and annotations by which the pods ask for a sidecar; where only they do, they ask for ambient mode."""
    if not injection.injects(mesh, workload.namespace) and workload.labels.get(MODE) != AMBIENT:
        yield Set((*_metadata(workload), "labels", MODE), AMBIENT)
    text = _template(workload)
    asked = [("labels", key) for key in (INJECT, REVISION) if key in workload.labels]
    asked += [("annotations", INJECT)] if INJECT in workload.annotations else []
    for kind, key in asked:
        if key not in (text.get(kind) or {}):
            raise Refused("overlay", (*_metadata(workload), kind), f"{key} is set by a kustomization, not in the object")
        yield Delete((*_metadata(workload), kind, key))


def _template(workload: Workload) -> dict[str, Any]:
    tree: Any = written(workload.resource)
    for step in _metadata(workload):
        tree = tree.get(step) if isinstance(tree, dict) else None
    return tree if isinstance(tree, dict) else {}


def _change(mesh: Mesh, workload: Workload, stage: Stage, edits: tuple[Edit, ...], because: str) -> Iterator[Change]:
    if edits:
        resource = workload.resource
        yield Change(stage, workload.namespace, mesh.name, resource.ref, edits, resource, (because,), (resource.at(),))
