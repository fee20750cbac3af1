"""The steps of a namespace's move: files, commands, and how to gate, verify and undo each of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from ambimigrate.changes import Change, Create, Stage
from ambimigrate.converters import shared
from ambimigrate.kinds import CronJob, Job, Service
from ambimigrate.model import Mesh
from ambimigrate.plan import deletions, live
from ambimigrate.plan.values import Step
from ambimigrate.topology import injection
from ambimigrate.topology.workloads import Workload, in_namespace

_TITLES = {
    Stage.prepare: "Apply the neutral edits",
    Stage.waypoints: "Deploy the waypoints, used by nobody yet",
    Stage.policies: "Add the policies of the ambient side",
    Stage.bind: "Bind the Services to their waypoints",
    Stage.swap: "Replace the old selector policies",
    Stage.enroll: "Enrol: ambient label on, injection off, restart",
    Stage.retire: "Retire what sidecars needed",
    Stage.tighten: "Remove the temporary exceptions",
}
_APART = "# two commits: what is new first; what is deleted once the gate holds, so that nothing is without both"
_RESTARTABLE = frozenset({"Deployment", "StatefulSet", "DaemonSet"})


class Source(Struct, frozen=True):
    """Where the files are: the path that `convert` is called with, and the files that stand for several meshes."""

    path: str
    shared: frozenset[str] = frozenset()


class Work(Struct, frozen=True):
    """What the steps are made of."""

    mesh: Mesh
    changes: tuple[Change, ...]
    source: Source

    def steps(self, stages: Iterable[Stage], namespaces: Iterable[str]) -> Iterator[Step]:
        """A step for each stage in which some file of the namespaces changes."""
        for stage in stages:
            concerned = tuple(name for name in namespaces if self._of(stage, (name,)))
            if concerned:
                yield self.step(stage, concerned)

    def step(self, stage: Stage, namespaces: tuple[str, ...]) -> Step:
        """The step of one stage for these namespaces."""
        changes = self._of(stage, namespaces)
        gate, verify = _checks(stage, changes, self.mesh)
        gone = tuple(deletions.commands(self.mesh, changes)) if self.source.path else ()
        return Step(
            f"{_TITLES[stage]}: {', '.join(namespaces)}",
            stage,
            self._files(changes),
            (*self._convert(stage, namespaces), *gone),
            (*gate, *deletions.gates(self.mesh, changes)),
            verify,
            _undo(stage, changes),
            changes=changes,
        )

    def enroll(self, namespaces: tuple[str, ...]) -> Step:
        """The window in which the namespaces become ambient."""
        changes = self._of(Stage.enroll, namespaces)
        restarts = tuple(command for name in namespaces for command in _restarts(self.mesh, name))
        gate = tuple(line for name in namespaces for line in _captured(name))
        return Step(
            f"{_TITLES[Stage.enroll]}: {', '.join(namespaces)}",
            Stage.enroll if changes else None,
            self._files(changes),
            (*self._convert(Stage.enroll, namespaces), *restarts),
            gate,
            tuple(
                f"istioctl ztunnel-config workload --workload-namespace {name}    # HBONE for every pod" for name in namespaces
            ),
            ("git revert the commit of this step and let it be applied", *restarts),
            changes=changes,
            enrolls=namespaces,
        )

    def _of(self, stage: Stage, namespaces: tuple[str, ...]) -> tuple[Change, ...]:
        return tuple(each for each in self.changes if each.stage is stage and each.namespace in namespaces)

    def _files(self, changes: Iterable[Change]) -> tuple[str, ...]:
        return tuple(sorted({_place(change) for change in changes}))

    def _convert(self, stage: Stage, namespaces: tuple[str, ...]) -> tuple[str, ...]:
        changes = self._of(stage, namespaces)
        if not changes:
            return ()
        if not self.source.path:
            return tuple(command for change in changes for command in live.commands(change))
        only = " ".join(f"--only {name}" for name in namespaces)
        alone = self.mesh.name and self.source.shared.isdisjoint(_file(change) for change in changes if not change.alone)
        mesh = f" --mesh {self.mesh.name}" if alone else ""  # a file of several meshes changes for all of them at once
        command = f"ambimigrate convert {self.source.path}{mesh} --stage {stage.name} {only} --write"
        return (command, _APART) if {"create", "delete"} <= {change.verb for change in changes} else (command,)


def _file(change: Change) -> str:
    return change.action.beside.file if isinstance(change.action, Create) else change.subject.file if change.subject else ""


def _place(change: Change) -> str:
    if isinstance(change.action, Create):
        return f"{shared.beside(change)} (new {change.ref} beside it)"
    return ", ".join(shared.files(change)) if change.subject else str(change.ref)


def _checks(stage: Stage, changes: tuple[Change, ...], mesh: Mesh) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Gate and verification of a stage."""
    match stage:
        case Stage.waypoints:
            return _waypoint_checks(changes)
        case Stage.bind:
            return _bind_checks(changes, mesh)
        case Stage.retire:
            return _route_checks(changes)
    names = sorted({change.namespace for change in changes})
    applied = tuple(f"kubectl -n {name} get authorizationpolicies,networkpolicies" for name in names)
    return ("the change is applied in the cluster and CI is green",), applied


def _waypoint_checks(changes: tuple[Change, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    made = [change.ref for change in changes if change.ref.kind == "Gateway"]
    gate = tuple(f"kubectl -n {ref.namespace} wait --for=condition=Programmed gateway/{ref.name} --timeout=5m" for ref in made)
    verify = tuple(f"kubectl -n {ref.namespace} rollout status deployment/{ref.name}" for ref in made)
    return gate or ("the change is applied",), verify or ("kubectl get gateways -A",)


def _bind_checks(changes: tuple[Change, ...], mesh: Mesh) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names = [(ref.namespace, ref.name) for ref in (change.ref for change in changes) if ref.kind == "Service"]
    spaces = [change.ref.name for change in changes if change.ref.kind == "Namespace"]
    names += [(each.namespace, each.name) for each in mesh.of(Service) if each.namespace in spaces]
    gate = tuple(
        f"kubectl -n {namespace} wait --for=condition=istio.io/WaypointBound service/{name} --timeout=2m"
        for namespace, name in sorted(set(names))
    )
    verify = tuple(
        f"istioctl ztunnel-config service --service-namespace {name}" for name in sorted({each[0] for each in names})
    )
    return gate or ("the labels are applied",), verify or ("istioctl ztunnel-config service",)


def _route_checks(changes: tuple[Change, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    routes = [change.ref for change in changes if change.ref.kind == "HTTPRoute"]
    gate = tuple(
        f"kubectl -n {ref.namespace} get httproute {ref.name} -o jsonpath='{{.status.parents[*].conditions}}'    # all True"
        for ref in routes
    )
    return gate or ("no sidecar is left in the namespace",), ("error rate and latency of its Services are as in the baseline",)


def _undo(stage: Stage, changes: tuple[Change, ...]) -> tuple[str, ...]:
    made = [change.ref for change in changes if isinstance(change.action, Create)]
    deleted = tuple(
        f"kubectl -n {ref.namespace} delete {ref.kind.lower()} {ref.name}    # if nothing prunes it" for ref in made
    )
    return "git revert the commit of this step and let it be applied", *deleted


def _restarts(mesh: Mesh, namespace: str) -> Iterator[str]:
    """Restarts of everything that has a sidecar; Jobs take effect with their next run."""
    members = [each for each in in_namespace(mesh, namespace) if _has_sidecar(mesh, each)]
    names = " ".join(f"{each.resource.kind.lower()}/{each.name}" for each in members if each.resource.kind in _RESTARTABLE)
    if names:
        yield f"kubectl -n {namespace} rollout restart {names}"
        yield f"kubectl -n {namespace} rollout status {names.split()[0]}"
    jobs = [each.name for each in members if isinstance(each.resource.body, CronJob | Job)]
    if jobs:
        yield f"kubectl -n {namespace} get pods    # {', '.join(jobs)}: ambient from the next run on"


def _has_sidecar(mesh: Mesh, workload: Workload) -> bool:
    return injection.workload_mode(mesh, workload) == injection.SIDECAR and not injection.is_gateway(workload)


def _captured(namespace: str) -> Iterator[str]:
    shown = r"{range .items[*]}{.metadata.name} {.metadata.annotations.ambient\.istio\.io/redirection}{\"\n\"}{end}"
    yield f"kubectl -n {namespace} get pods -l security.istio.io/tlsMode=istio    # prints no pod"
    yield f'kubectl -n {namespace} get pods -o jsonpath="{shown}"    # enabled behind every pod'
