"""Pods that must stay out of ambient mode: by their own word, or since ztunnel cannot serve them or their callers."""

from __future__ import annotations

from typing import Any

from ambimigrate.changes import Change, Held, Set, Stage
from ambimigrate.converters.outcome import Account, Outcome, Refused, held
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import (
    PeerAuthentication,
)
from ambimigrate.model import Mesh, Ref, grouped
from ambimigrate.topology import callbacks, injection, mtls, policies
from ambimigrate.topology.captured import captured
from ambimigrate.topology.injection import INJECT, MODE
from ambimigrate.topology.meshconfig import dig
from ambimigrate.topology.workloads import Workload, in_namespace, matches, services_of

OPT_OUT, CALLED, WINDOWS, SANDBOX = "WL901", "WL903", "WL904", "WL905"
OPENED = "PA903"  # the other way out for who is called: an exception for the port (openings.py)
_SANDBOXES = ("gvisor", "runsc", "kata")  # runtime classes whose network ztunnel cannot redirect (istio#58573, #60876)
_SYSTEMS = ("kubernetes.io/os", "beta.kubernetes.io/os")


def convert(mesh: Mesh, namespace: str, settings: Settings) -> Outcome:
    """The labels that keep pods of the namespace out of ambient mode, and what stands against them."""
    changes: list[Change] = []
    refusals: list[Held] = []
    for workload in in_namespace(mesh, namespace):
        because = reason(mesh, workload)
        if because is None or (because == CALLED and settings.accepts(OPENED, workload.resource)):
            continue
        account = Account()
        try:
            if is_served(mesh, workload, because):
                account.agree(settings, because, workload.resource, _refused(workload, because))
            changes.append(_change(mesh, workload, because, account))
        except Refused as refused:
            refusals.append(held(mesh, workload.resource, because, refused))
    return Outcome(tuple(changes), tuple(refusals))


def stays_out(mesh: Mesh, workload: Workload, settings: Settings) -> bool:
    """Whether the pods will not be captured once all is converted."""
    because = reason(mesh, workload)
    if because is None or (because == CALLED and settings.accepts(OPENED, workload.resource)):
        return not captured(mesh, workload)
    return not is_served(mesh, workload, because) or settings.accepts(because, workload.resource)


def is_served(mesh: Mesh, workload: Workload, because: str) -> bool:
    """Whether the pods have a sidecar today, which they would lose; there is none on Windows."""
    return because != WINDOWS and injection.workload_mode(mesh, workload) == injection.SIDECAR


def _change(mesh: Mesh, workload: Workload, because: str, account: Account) -> Change:
    resource = workload.resource
    edits = (Set((*workload.template, "metadata", "labels", MODE), injection.NONE),)
    found = next(iter(account.differences), None)
    verdict, witness = ("differs", found.witness) if found else ("exact", None)
    return Change(
        Stage.prepare,
        workload.namespace,
        mesh.name,
        resource.ref,
        edits,
        resource,
        (because,),
        (resource.at(),),
        verdict,
        witness=witness,
    )


def _refused(workload: Workload, because: str) -> Refused:
    if because == CALLED:
        reason = f"{workload} answers the API server, which STRICT refuses; outside the mesh it has neither mTLS nor policies"
        return Refused(
            "default", (*workload.template, "metadata"), reason, f"a call in plain text to {workload.name}: accepted"
        )
    name = "KubeVirt" if _is_machine(workload) else workload.pod.runtime_class_name
    reason = f"{workload} runs under {name}, which ztunnel cannot serve; outside the mesh it has neither mTLS nor policies"
    field = ("metadata", "labels") if _is_machine(workload) else ("spec", "runtimeClassName")
    route = (*workload.template, *field)
    return Refused("default", route, reason, f"a call in plain text to {workload.name}: accepted")


def reason(mesh: Mesh, workload: Workload) -> str | None:
    """Why the pods stay out, as an id of the catalogue; None if they may join or say it themselves.

    Pods on the host's network need no label: nothing ever captures them (Istio, cni/pkg/util/podutil.go).
    """
    if MODE in workload.labels or not captured(mesh, workload) or injection.has_proxy(workload):
        return None
    if _is_windows(workload):
        return WINDOWS
    if _is_machine(workload) or any(each in (workload.pod.runtime_class_name or "").lower() for each in _SANDBOXES):
        return SANDBOX
    if injection.workload_mode(mesh, workload) == injection.SIDECAR:
        return CALLED if _is_called(mesh, workload) and _demands_identity(mesh, workload) else None
    if workload.labels.get(INJECT, workload.annotations.get(INJECT)) == "false" and injection.injects(mesh, workload.namespace):
        return OPT_OUT
    return None


def _is_called(mesh: Mesh, workload: Workload) -> bool:
    """Whether the API server calls the pods."""
    return any((each.namespace, each.name) in mesh.index(called) for each in services_of(mesh, workload))


def _demands_identity(mesh: Mesh, workload: Workload) -> bool:
    """Whether STRICT holds and no policy of the pods makes an exception for a port."""
    own = (each for each in mesh.within(PeerAuthentication, workload.namespace) if not mtls.is_wide(each))
    mine = (each for each in own if matches(policies.selector(each), workload.labels))
    return mtls.of_workload(mesh, workload) == mtls.STRICT and not any(each.body.spec.port_level_mtls for each in mine)


def called(mesh: Mesh) -> dict[tuple[str, str], tuple[Ref, ...]]:
    """What makes the API server call a Service, by the Service's name."""
    return grouped(((service.namespace, service.name), ref) for ref, service in callbacks.references(mesh))


def _is_machine(workload: Workload) -> bool:
    """Whether the pods hold a virtual machine of KubeVirt, which marks them."""
    return any(key.startswith("kubevirt.io") for key in workload.labels)


def _is_windows(workload: Workload) -> bool:
    pod = workload.pod
    wanted = {(pod.os or {}).get("name"), *(pod.node_selector.get(key) for key in _SYSTEMS)}
    return "windows" in wanted or _needs_windows(pod.affinity)


def _needs_windows(affinity: dict[str, Any] | None) -> bool:
    """Whether every node that the pods may go to runs Windows: the terms are alternatives."""
    required = dig(affinity, ("nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"))
    terms = required if isinstance(required, list | tuple) else ()
    return bool(terms) and all(_is_term_for_windows(each) for each in terms)


def _is_term_for_windows(term: Any) -> bool:
    found = dig(term, ("matchExpressions",))
    return any(
        isinstance(each, dict)
        and each.get("key") in _SYSTEMS
        and each.get("operator") == "In"
        and each.get("values") == ["windows"]
        for each in (found if isinstance(found, list | tuple) else ())
    )
