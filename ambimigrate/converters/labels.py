"""Enrolling a namespace: injection off and the ambient label on, for the namespace and for pods that speak for themselves."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.changes import Change, Delete, Edit, Held, Set, Stage
from ambimigrate.converters import injected, made
from ambimigrate.converters.outcome import Outcome, Refused, held
from ambimigrate.kinds import Namespace
from ambimigrate.model import Mesh, Ref, Resource, Route
from ambimigrate.topology import injection, owners
from ambimigrate.topology.injection import AMBIENT, INJECT, INJECTION, MODE, REVISION, SIDECAR
from ambimigrate.topology.owners import Owner
from ambimigrate.topology.workloads import Workload, in_namespace

ENROLLED, MISSING, PODS, GATEWAY, COMMITTED = "NS901", "NS902", "WL902", "WL910", "WL911"
_LABELS: Route = ("metadata", "labels")


def enroll(mesh: Mesh, name: str, pilot: str = "") -> Outcome:
    """The label edits of one namespace, or why they cannot be made; with `pilot` those of that workload only."""
    namespace = injection.namespaces(mesh).get(name)
    owner = owners.owner(mesh, name) if namespace is None else None
    if namespace is None and owner is None:
        return Outcome(held=(_unseen(mesh, name),))
    changes: list[Change] = list(_owned(mesh, name, owner)) if owner and not pilot else []
    refusals: list[Held] = []
    members = in_namespace(mesh, name)
    if namespace is not None and not pilot and not is_of_gateways(members):
        try:
            if edits := tuple(_namespace(mesh, namespace)):
                changes.append(
                    Change(Stage.enroll, name, mesh.name, namespace.ref, edits, namespace, (ENROLLED,), (namespace.at(),))
                )
        except Refused as refused:
            refusals.append(held(mesh, namespace, MISSING, refused, name))
    for workload in members:
        try:
            changes += _workload(mesh, workload, pilot)
        except Refused as refused:
            refusals.append(held(mesh, workload.resource, PODS, refused))
    return Outcome(tuple(changes), tuple(refusals))


def is_of_gateways(members: tuple[Workload, ...]) -> bool:
    """Whether gateways are all that runs here: they keep their sidecar template, and nothing is there to enrol."""
    return bool(members) and all(injection.is_gateway(each) for each in members)


def _owned(mesh: Mesh, name: str, owner: Owner) -> Iterator[Change]:
    """The edit of the Application that makes the namespace and sets its labels."""
    if not injection.injects(mesh, name):
        return
    edits: list[Edit] = [] if owner.labels.get(MODE) == AMBIENT else [Set((*owner.route, MODE), AMBIENT)]
    edits += [Delete((*owner.route, key)) for key in (INJECTION, REVISION) if key in owner.labels]
    if edits:
        place = owner.resource.at(*owner.route)
        yield Change(Stage.enroll, name, mesh.name, owner.resource.ref, tuple(edits), owner.resource, (ENROLLED,), (place,))


def _unseen(mesh: Mesh, name: str) -> Held:
    """A Namespace object is never made: whoever owns it sets the label."""
    first = injection.by_namespace(mesh)[name][0]
    command = f"kubectl label namespace {name} {INJECTION}- {REVISION}- {MODE}={AMBIENT}"
    lacking = (
        f"Add it to the tree, or name the cluster that has it (--context, --snapshot); by hand, when its turn is: {command}"
    )
    way = lacking if name else "Name it with -n, or in the objects."
    reason = f"the Namespace object of {name} is not in the input" if name else "the objects name no namespace"
    return Held(mesh.name, name, Ref("Namespace", "", "", name), first.at(), reason, (MISSING,), None, way)


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


def _workload(mesh: Mesh, workload: Workload, pilot: str) -> Iterator[Change]:
    if injection.is_gateway(workload):
        yield from _change(mesh, workload, Stage.prepare, tuple(_stay(mesh, workload)), GATEWAY)
    elif workload.pod.host_network or (pilot and not is_pilot(workload, pilot)):
        return
    elif injection.workload_mode(mesh, workload) == SIDECAR:
        yield from _change(mesh, workload, Stage.enroll, tuple(_leave(mesh, workload, is_alone=bool(pilot))), _why(workload))
    elif injection.is_meshed(mesh, workload.namespace):
        yield from _change(mesh, workload, Stage.enroll, tuple(injected.marks(workload)), COMMITTED)
        yield from _change(mesh, workload, Stage.enroll, () if pilot else tuple(_piloted(mesh, workload)), ENROLLED)


def is_pilot(workload: Workload, named: str) -> bool:
    """Whether `--pilot` means the workload."""
    return is_named(workload.resource.ref, named)


def is_named(ref: Ref, named: str) -> bool:
    """Whether a text names the object by its name, or by kind and name."""
    return named in {ref.name, f"{ref.kind}/{ref.name}"}


def _why(workload: Workload) -> str:
    return COMMITTED if injected.is_marked(workload) else ENROLLED


def _metadata(workload: Workload) -> Route:
    return (*workload.template, "metadata")


def _stay(mesh: Mesh, workload: Workload) -> Iterator[Edit]:
    """What keeps the pods of a gateway as they are once the namespace no longer injects.

    A pod is injected by its own label where its namespace has none: `istio.io/rev` for a revision, else
    `sidecar.istio.io/inject` (Istio, manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml).
    """
    labels = (*_metadata(workload), "labels")
    if injection.injects(mesh, workload.namespace) and _is_filled_in(workload):
        own = injection.labels(mesh, workload.namespace)
        if workload.labels.get(INJECT) != "true" and REVISION not in workload.labels:
            key, value = (INJECT, "true") if INJECTION in own or REVISION not in own else (REVISION, own[REVISION])
            yield Set((*labels, key), value)
    if MODE not in workload.labels and injection.is_meshed(mesh, workload.namespace):
        yield Set((*labels, MODE), injection.NONE)


def _is_filled_in(workload: Workload) -> bool:
    """Whether the injector makes the gateway's container."""
    image = next((each.image for each in workload.pod.containers if each.name == "istio-proxy"), "")
    return image in {"", "auto"}


def _leave(mesh: Mesh, workload: Workload, *, is_alone: bool) -> Iterator[Edit]:
    """What ends injection of the pods; where no label of the namespace does, they ask for ambient mode themselves."""
    labels = (*_metadata(workload), "labels")
    injects = injection.injects(mesh, workload.namespace)
    own = injection.labels(mesh, workload.namespace)
    if (is_alone or not injects) and MODE not in workload.labels and own.get(MODE) != AMBIENT:
        yield Set((*labels, MODE), AMBIENT)
    stripped = tuple(injected.strip(workload)) if _why(workload) == COMMITTED else ()
    yield from stripped
    keeps_out = is_alone and injects
    if keeps_out:
        yield Set((*labels, INJECT), "false")
    yield from (each for each in _asked(workload, keeps_out=keeps_out) if each not in stripped)


def _asked(workload: Workload, *, keeps_out: bool) -> Iterator[Edit]:
    """The labels and annotations by which the pods ask for a sidecar, or for a revision of it."""
    text = injected.template(workload)
    asked = [("labels", key) for key in (INJECT, REVISION) if key in workload.labels and not (keeps_out and key == INJECT)]
    asked += [("annotations", key) for key in (INJECT, REVISION) if key in workload.annotations]
    for kind, key in asked:
        if key not in text.texts(kind):
            raise Refused("overlay", (*_metadata(workload), kind), f"{key} is set by a kustomization, not in the object")
        yield Delete((*_metadata(workload), kind, key))


def _piloted(mesh: Mesh, workload: Workload) -> Iterator[Edit]:
    """Both labels of a pilot go once its namespace is enrolled, which then says the same."""
    is_one = workload.labels.get(INJECT) == "false" and workload.labels.get(MODE) == AMBIENT
    if is_one and injection.injects(mesh, workload.namespace):
        yield from (Delete((*_metadata(workload), "labels", key)) for key in (INJECT, MODE))


def _change(mesh: Mesh, workload: Workload, stage: Stage, edits: tuple[Edit, ...], because: str) -> Iterator[Change]:
    if edits:
        resource = workload.resource
        yield Change(stage, workload.namespace, mesh.name, resource.ref, edits, resource, (because,), (resource.at(),))
