"""What only sidecars read, and what goes with the last of them: Sidecar objects and annotations of pod templates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from ambimigrate.changes import Change, Delete, Edit, Held, Set, Stage
from ambimigrate.converters import injected, isolation, labels, openings
from ambimigrate.converters.outcome import Account, Outcome, Refused, held
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import AuthorizationPolicy, Sidecar
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import injection, meshconfig, mtls, outsiders, policies
from ambimigrate.topology.captured import captured
from ambimigrate.topology.workloads import Workload, in_namespace, matches
from ambimigrate.versions import at_least

GONE, ISOLATES, DEAD, FILES = "SC902", "SC901", "WL912", "WL913"
CONFIG = "proxy.istio.io/config"
EXCLUDES = "traffic.sidecar.istio.io/"
VIRTUAL = "traffic.sidecar.istio.io/kubevirtInterfaces"
REROUTE, REROUTE_SINCE = "istio.io/reroute-virtual-interfaces", "1.25.0"  # read in both modes (release notes 53933)
_PREFIXES = (
    "sidecar.istio.io/",
    "proxy.istio.io/",
    "readiness.status.sidecar.istio.io/",
    "status.sidecar.istio.io/",
    "prometheus.istio.io/",
    EXCLUDES,
)
_STAYING = frozenset({injection.INJECT, injection.STATUS})  # the one speaks of injection still, the other goes before
_MOUNTS = ("sidecar.istio.io/userVolume", "sidecar.istio.io/userVolumeMount")
_DRAINS = ("EXIT_ON_ZERO_ACTIVE_CONNECTIONS", "terminationDrainDuration")


def convert(mesh: Mesh, namespace: str, settings: Settings) -> Outcome:
    """The end of what sidecars of the namespace read, or what stands against it."""
    changes: list[Change] = []
    refusals: list[Held] = []
    for sidecar in isolation.governing(mesh, namespace):
        try:
            changes += _sidecar(mesh, sidecar, namespace, settings)
        except Refused as refused:
            found = held(mesh, sidecar, ISOLATES, refused, namespace)
            refusals.append(
                replace(found, alternative=isolation.remedy(mesh, sidecar, namespace, refused) or found.alternative)
            )
    for workload in in_namespace(mesh, namespace):
        if not captured(mesh, workload) or (settings.pilot and not labels.is_pilot(workload, settings.pilot)):
            continue
        try:
            changes += _annotations(mesh, workload, settings)
        except Refused as refused:
            refusals.append(held(mesh, workload.resource, FILES, refused))
    return Outcome(tuple(changes), tuple(refusals))


def _sidecar(mesh: Mesh, sidecar: Resource[Sidecar], namespace: str, settings: Settings) -> Iterator[Change]:
    account = Account()
    for refused in isolation.losses(mesh, sidecar, namespace):
        account.agree(settings, ISOLATES, sidecar, refused)
    if sidecar.namespace == namespace:
        yield _change(mesh, sidecar, Stage.retire, None, (GONE, account))


def _annotations(mesh: Mesh, workload: Workload, settings: Settings) -> Iterator[Change]:
    account = Account()
    here: Route = (*workload.template, "metadata", "annotations")
    for key in _functions(workload):
        reason = f"{key} gives the application files by way of the sidecar; they go with it"
        witness = f"{workload} reads them: not there then"
        account.agree(settings, FILES, workload.resource, Refused("files", (*here, key), reason, witness))
    found = injected.template(workload).texts("annotations")
    if VIRTUAL in found and REROUTE not in found and at_least(mesh.target.istio, REROUTE_SINCE):
        edit = Set((*here, REROUTE), found[VIRTUAL])
        yield _change(mesh, workload.resource, Stage.prepare, (edit,), (DEAD, Account()))
    opened = settings.accepts(openings.OPENED, workload.resource)
    dead = [key for key in found if _is_dead(mesh, workload, key, opened=opened)]
    if dead:
        yield _change(mesh, workload.resource, Stage.retire, tuple(Delete((*here, key)) for key in dead), (DEAD, account))


def _functions(workload: Workload) -> Iterator[str]:
    """The annotations by which the application gets files."""
    yield from (key for key in _MOUNTS if key in workload.annotations)
    if "OUTPUT_CERTS" in workload.annotations.get(CONFIG, ""):
        yield CONFIG


def _is_dead(mesh: Mesh, workload: Workload, key: str, *, opened: bool) -> bool:
    """Whether nothing reads the annotation once the pods are ambient, and it is no reminder of what is still to do."""
    if not key.startswith(_PREFIXES) or key in _STAYING:
        return False
    if key == VIRTUAL:
        return at_least(mesh.target.istio, REROUTE_SINCE)
    if key == CONFIG and any(each in workload.annotations.get(CONFIG, "") for each in _DRAINS):
        return any((each.lifecycle or {}).get("preStop") for each in workload.pod.containers)
    return "Inbound" not in key or not _excludes(mesh, workload, key, opened=opened)


def _excludes(mesh: Mesh, workload: Workload, key: str, *, opened: bool) -> bool:
    """Whether callers may count on ports that pass by the sidecar: scan tells of them (PF44) as long as it stands."""
    ports = outsiders.excluded(workload, key.removeprefix(EXCLUDES), workload.annotations.get(key, ""))
    if not ports:
        return False
    if not opened and any(mtls.of_port(mesh, workload, str(port)) == mtls.STRICT for port in ports):
        return True
    own = mesh.within(AuthorizationPolicy, workload.namespace, meshconfig.root_namespace(mesh))
    return any(not policies.targets(each) and matches(policies.selector(each), workload.labels) for each in own)


def _change(
    mesh: Mesh, subject: Resource[Any], stage: Stage, action: tuple[Edit, ...] | None, said: tuple[str, Account]
) -> Change:
    because, account = said
    found = next(iter(account.differences), None)
    ids = dict.fromkeys((because, *(each.id for each in account.differences)))
    return Change(
        stage,
        subject.namespace,
        mesh.name,
        subject.ref,
        action,
        subject,
        tuple(ids),
        (subject.at(),),
        "differs" if found else "exact",
        witness=found.witness if found else None,
    )
