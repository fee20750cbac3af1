"""CT005: Knative, KServe and Kubeflow make routes and policies for sidecars."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.kinds import ConfigMap, InferenceService, KnativeService, Namespace
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection

_NET_ISTIO = "istio.ingress.networking.knative.dev"
_KEYS = ("ingress-class", "ingress.class")
_MODE = "serving.kserve.io/deploymentMode"
_RAW = ("RawDeployment", "Standard", "ModelMesh")
_PART_OF = "app.kubernetes.io/part-of"


@rule("CT005", KnativeService, InferenceService, ConfigMap, Namespace)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    match resource.body:
        case ConfigMap() if resource.name == "config-network" and _class(resource) == _NET_ISTIO:
            key = next(each for each in _KEYS if each in resource.body.data)
            yield Hit(
                resource.at("data", key), "Knative routes through net-istio, which does not support ambient mode", "network"
            )
        case KnativeService() if injection.is_meshed(mesh, resource.namespace) and mesh.index(_on_istio):
            said = "net-istio makes VirtualServices for it that no waypoint carries out, and its queue relies on the sidecar"
            yield Hit(resource.at("spec"), f"Knative Service {resource.name}: {said}", "knative")
        case InferenceService() if injection.is_meshed(mesh, resource.namespace):
            yield from _inference(resource, mesh)
        case Namespace() if resource.body.metadata.labels.get(_PART_OF) == "kubeflow-profile":
            yield Hit(
                resource.at("metadata", "labels", _PART_OF),
                f"{resource.name} is a profile of Kubeflow: its controllers make VirtualServices and policies by selector "
                "again and again, whatever is converted",
                "kubeflow",
            )


def _inference(service: Resource[InferenceService], mesh: Mesh) -> Iterator[Hit]:
    mode = service.body.metadata.annotations.get(_MODE) or mesh.index(_default_mode)
    place = service.at("metadata", "annotations", _MODE)
    if mode in _RAW:
        said = f"{service.name} in mode {mode}: KServe makes a VirtualService for its host unless it uses the Gateway API"
        yield Hit(place, said, "standard")
    else:
        yield Hit(
            place, f"{service.name} is served through Knative and net-istio, which do not support ambient mode", "serverless"
        )


def _class(config: Resource[ConfigMap]) -> str:
    return next((config.body.data[key] for key in _KEYS if key in config.body.data), "")


def _on_istio(mesh: Mesh) -> bool:
    """Whether Knative uses net-istio, which is its default."""
    found = [_class(each) for each in mesh.of(ConfigMap) if each.name == "config-network"]
    return not any(found) or _NET_ISTIO in found


def _default_mode(mesh: Mesh) -> str:
    config = next((each for each in mesh.of(ConfigMap) if each.name == "inferenceservice-config"), None)
    deploy = config.body.data.get("deploy", "") if config else ""
    return next((mode for mode in _RAW if f'"{mode}"' in deploy), "Serverless")
