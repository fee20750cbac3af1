"""Pods that workloads made, cut down to what only a pod can tell: they are by far the most numerous objects."""

from __future__ import annotations

from functools import cache
from typing import Any

from ambimigrate.kinds import Container, Metadata, Pod, PodSpec
from ambimigrate.kinds.status import PodStatus, StatusCondition, condition

_ANNOTATIONS = (
    "ambient.istio.io/redirection",
    "istio.io/rev",
    "sidecar.istio.io/status",
    "sidecar.istio.io/inject",
    "vpc.amazonaws.com/pod-eni",
)
_HASHES = frozenset({"controller-revision-hash", "pod-template-generation", "pod-template-hash"})
_LONG = "sidecar.istio.io/status"  # that it is there says all


def lean(pod: Pod) -> Pod:
    """The pod without what its template says as well; equal parts of pods are one object in memory."""
    spec, metadata = pod.spec, pod.metadata
    annotations = {name: metadata.annotations[name] for name in _ANNOTATIONS if name in metadata.annotations}
    if _LONG in annotations:
        annotations[_LONG] = "{}"
    return Pod(
        metadata=Metadata(
            name=metadata.name,
            namespace=metadata.namespace,
            labels=_shared(tuple((key, value) for key, value in metadata.labels.items() if key not in _HASHES)),
            annotations=_shared(tuple(annotations.items())),
            creation_timestamp=metadata.creation_timestamp,
            deletion_timestamp=metadata.deletion_timestamp,
            owner_references=metadata.owner_references,
        ),
        spec=PodSpec(
            containers=_containers(tuple(map(_key, spec.containers))),
            init_containers=_containers(tuple(map(_key, spec.init_containers))),
            host_network=spec.host_network,
            node_name=_name(spec.node_name),
            node_selector=_shared(tuple(spec.node_selector.items())),
        ),
        status=_status(pod.status.phase, (found := condition(pod.status.conditions, "Ready")) and found.status),
    )


def _key(container: Container) -> tuple[str, str, str | None, tuple[tuple[str, str], ...]]:
    requests = (container.resources or {}).get("requests")
    asked = tuple((key, str(value)) for key, value in requests.items()) if isinstance(requests, dict) else ()
    return container.name, container.image, container.restart_policy, asked


@cache
def _containers(keys: tuple[tuple[str, str, str | None, tuple[tuple[str, str], ...]], ...]) -> tuple[Container, ...]:
    return tuple(
        Container(name=name, image=image, restart_policy=restart, resources={"requests": dict(asked)} if asked else None)
        for name, image, restart, asked in keys
    )


@cache
def _shared(pairs: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return dict(pairs)


@cache
def _name(text: str) -> str:
    return text


@cache
def _status(phase: str, ready: Any) -> PodStatus:
    return PodStatus(phase=phase, conditions=(StatusCondition(type="Ready", status=ready),) if ready else ())
