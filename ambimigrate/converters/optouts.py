"""Pods that must stay out of ambient mode: by their own word, or since ztunnel cannot serve them or their callers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.changes import Change, Set, Stage
from ambimigrate.kinds import (
    APIService,
    CustomResourceDefinition,
    MutatingWebhookConfiguration,
    ValidatingWebhookConfiguration,
)
from ambimigrate.kinds.admission import ServiceReference
from ambimigrate.model import Mesh, Ref, Resource, grouped
from ambimigrate.topology import injection, mtls
from ambimigrate.topology.captured import captured
from ambimigrate.topology.injection import INJECT, MODE
from ambimigrate.topology.meshconfig import dig
from ambimigrate.topology.workloads import Workload, in_namespace, services_of

OPT_OUT, CALLED, WINDOWS, SANDBOX = "WL901", "WL903", "WL904", "WL905"
_SANDBOXES = ("gvisor", "runsc", "kata")  # runtime classes whose network ztunnel cannot redirect (istio#58573, #60876)
_SYSTEMS = ("kubernetes.io/os", "beta.kubernetes.io/os")


def convert(mesh: Mesh, namespace: str) -> Iterator[Change]:
    """The labels that keep pods of the namespace out of ambient mode."""
    for workload in in_namespace(mesh, namespace):
        if because := reason(mesh, workload):
            resource, route = workload.resource, (*workload.template, "metadata", "labels", MODE)
            edits = (Set(route, injection.NONE),)
            yield Change(
                Stage.prepare, namespace, mesh.name, resource.ref, edits, resource, (because,), (resource.at(),)
            )


def reason(mesh: Mesh, workload: Workload) -> str | None:
    """Why the pods stay out, as an id of the catalogue; None if they may join or say it themselves.

    Pods on the host's network need no label: nothing ever captures them (Istio, cni/pkg/util/podutil.go).
    """
    if MODE in workload.labels or not captured(mesh, workload) or injection.has_proxy(workload):
        return None
    if _is_windows(workload):
        return WINDOWS
    if any(each in (workload.pod.runtime_class_name or "").lower() for each in _SANDBOXES):
        return SANDBOX
    if injection.workload_mode(mesh, workload) == injection.SIDECAR:
        return CALLED if _answers_unknown(mesh, workload) else None
    if workload.labels.get(INJECT, workload.annotations.get(INJECT)) == "false" and injection.injects(mesh, workload.namespace):
        return CALLED if _answers_unknown(mesh, workload) else OPT_OUT
    return None


def _answers_unknown(mesh: Mesh, workload: Workload) -> bool:
    """Whether the API server calls the pods, which has no identity, and they would demand one once they are captured."""
    fronts = services_of(mesh, workload)
    return any((each.namespace, each.name) in mesh.index(called) for each in fronts) and _is_strict(mesh, workload)


def _is_strict(mesh: Mesh, workload: Workload) -> bool:
    return mtls.of_namespace(mesh, workload.namespace) == mtls.STRICT


def called(mesh: Mesh) -> dict[tuple[str, str], tuple[Ref, ...]]:
    """What makes the API server call a Service, by the Service's name."""
    return grouped(((service.namespace, service.name), ref) for ref, service in _references(mesh))


def _references(mesh: Mesh) -> Iterator[tuple[Ref, ServiceReference]]:
    hooks: tuple[Resource[Any], ...] = (
        *mesh.of(ValidatingWebhookConfiguration),
        *mesh.of(MutatingWebhookConfiguration),
    )
    for config in hooks:
        yield from ((config.ref, each.client_config.service) for each in config.body.webhooks if each.client_config.service)
    for api in mesh.of(APIService):
        if api.body.spec.service:
            yield api.ref, api.body.spec.service
    for definition in mesh.of(CustomResourceDefinition):
        found = definition.body.spec.conversion
        if found and found.webhook and found.webhook.client_config.service:
            yield definition.ref, found.webhook.client_config.service


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
        isinstance(each, dict) and each.get("key") in _SYSTEMS and each.get("operator") == "In" and each.get("values") == ["windows"]
        for each in (found if isinstance(found, list | tuple) else ())
    )
