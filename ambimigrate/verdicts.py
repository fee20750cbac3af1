"""Where each namespace stands: its data plane, its verdict, and the Services that need a waypoint."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct, field

from ambimigrate import catalogue
from ambimigrate.kinds import DestinationRule, GRPCRoute, HTTPRoute, Service, VirtualService
from ambimigrate.kinds.parts import deciding
from ambimigrate.model import Finding, Mesh, Problem, Severity
from ambimigrate.topology import injection, meshconfig, waypoints
from ambimigrate.topology.workloads import KINDS as WORKLOADS

UNREADABLE = "text that could not be read"
_INHERITED = frozenset(
    {
        "AuthorizationPolicy",
        "RequestAuthentication",
        "PeerAuthentication",
        "EnvoyFilter",
        "WasmPlugin",
        "TrafficExtension",
        "Telemetry",
        "Sidecar",
    }
)
_ABOUT_SERVICES = frozenset({VirtualService, DestinationRule, HTTPRoute, GRPCRoute})


class Need(Struct, frozen=True):
    """The Services of a namespace that need a waypoint, and the findings or reasons why."""

    services: tuple[str, ...]
    because: tuple[str, ...]


class Standing(Struct, frozen=True):
    """A namespace of one mesh as the report shows it."""

    name: str
    mesh: str
    assumed: bool
    mode: str
    verdict: str  # unknown | not-in-mesh | wait | needs-changes | needs-waypoint | ready
    not_seen: tuple[str, ...] = ()
    wait_for: str | None = None
    waypoint: Need | None = None
    unbound: tuple[str, ...] = field(default=())  # of the Services in need, those with no working waypoint


def standings(meshes: Iterable[Mesh], findings: Iterable[Finding]) -> tuple[Standing, ...]:
    """Every namespace of every mesh but Kubernetes' own and the root namespace, in order of mesh and name."""
    findings = tuple(findings)
    return tuple(standing for mesh in meshes for standing in _standings(mesh, findings))


def _standings(mesh: Mesh, findings: tuple[Finding, ...]) -> Iterator[Standing]:
    held: dict[str, list[Finding]] = defaultdict(list)
    everywhere: list[Finding] = []
    needs: dict[str, dict[str, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))
    for finding in findings:
        if mesh.name not in finding.meshes:
            continue
        for service in finding.hit.services:
            namespace, _, name = service.partition("/")
            needs[namespace][name][finding.rule] = None
        scope = scope_of(finding, mesh)
        if scope == "mesh":
            everywhere.append(finding)
        elif scope == "namespace":
            held[namespace_of(finding)].append(finding)
    for name in injection.namespaces(mesh):
        if injection.is_system(mesh, name):
            continue
        yield _standing(mesh, name, [*held.get(name, ()), *everywhere], needs.get(name, {}))


def scope_of(finding: Finding, mesh: Mesh) -> str:
    """What a finding holds back: `namespace` (its object's), `mesh` (every namespace) or `nothing`.

    What a policy of the root namespace does, it does to every namespace.
    """
    case = catalogue.entry(finding.rule).case(finding.hit.case, mesh.target.istio)
    holds = case.holds if case else "nothing"
    in_root = finding.ref.namespace == meshconfig.root_namespace(mesh) and finding.ref.kind in _INHERITED
    return "mesh" if in_root and holds == "namespace" else holds


def namespace_of(finding: Finding) -> str:
    """The namespace that a finding is about."""
    return finding.ref.name if finding.ref.kind == "Namespace" else finding.ref.namespace


def _standing(mesh: Mesh, name: str, held: list[Finding], needs: Mapping[str, Mapping[str, None]]) -> Standing:
    mode = injection.mode(mesh, name)
    need = _need(needs)
    unbound = tuple(service for service in sorted(needs) if not _is_bound(mesh, name, service))
    not_seen = _not_seen(mesh, name)
    worst = max((finding.severity for finding in held), default=Severity.info)
    verdict = _verdict(mode, worst, bool(not_seen), bool(unbound))
    return Standing(name, mesh.name, injection.is_assumed(mesh, name), mode, verdict, not_seen, None, need, unbound)


def _verdict(mode: str, worst: Severity, unknown: bool, unbound: bool) -> str:
    """The first that holds of design 8: not-in-mesh, unknown, wait, needs-changes, needs-waypoint, ready."""
    if mode == injection.NONE:
        return "not-in-mesh"
    if unknown:
        return "unknown"
    if worst >= Severity.error:
        return "wait" if worst is Severity.blocker else "needs-changes"
    return "needs-waypoint" if unbound else "ready"


def _need(needs: Mapping[str, Mapping[str, None]]) -> Need | None:
    if not needs:
        return None
    return Need(tuple(sorted(needs)), tuple(sorted({rule for rules in needs.values() for rule in rules})))


def _is_bound(mesh: Mesh, namespace: str, name: str) -> bool:
    service = mesh.find(Service, namespace, name)
    return service is not None and waypoints.is_bound(mesh, service)


def _not_seen(mesh: Mesh, namespace: str) -> tuple[str, ...]:
    """What the verdict depends on and was not read: kinds, and UNREADABLE for problems that name none."""
    own = injection.by_namespace(mesh).get(namespace, ())
    kinds = {type(resource.body) for resource in own}
    missing = []
    if mesh.source == "files":
        if kinds.isdisjoint(WORKLOADS):
            missing.append("workloads")
        if Service not in kinds and not kinds.isdisjoint(_ABOUT_SERVICES):
            missing.append("Service")
    missing += [problem.kind or UNREADABLE for problem in mesh.problems if _concerns(mesh, problem, namespace)]
    return tuple(dict.fromkeys(missing))


def _concerns(mesh: Mesh, problem: Problem, namespace: str) -> bool:
    """Whether what could not be read may tell about the namespace.

    Of a cluster, kinds that no verdict depends on do not: they are problems of the report only.
    Where the text names none, these are the namespaces of the other objects in its folder and below; all if there are none.
    """
    if mesh.source != "files" and problem.kind is not None and problem.kind not in deciding():
        return False
    if problem.namespace is not None or not problem.file:
        return problem.namespace in {namespace, None}
    around = mesh.index(_by_folder).get(problem.file.rpartition("/")[0])
    return around is None or namespace in around


def _by_folder(mesh: Mesh) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for resource in mesh.resources if mesh.problems else ():
        if type(resource.body).NAMESPACED:
            folder = resource.file
            while "/" in folder:
                folder = folder.rpartition("/")[0]
                found[folder].add(resource.namespace)
    return found
