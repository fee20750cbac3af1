"""Kinds that bring other objects about: progressive delivery, serverless and model serving, GitOps."""

from __future__ import annotations

from typing import Any

from msgspec import field

from ambimigrate.kinds.base import Metadata, Object, View, kind
from ambimigrate.kinds.scaling import ScaleTargetRef


class CanarySpec(View, frozen=True):
    provider: str = ""
    target_ref: ScaleTargetRef = ScaleTargetRef()
    service: dict[str, Any] | None = None


@kind("flagger.app", "canaries", "v1beta1")
class Canary(Object, frozen=True):
    spec: CanarySpec = CanarySpec()


@kind("serving.knative.dev", "services", name="Service")
class KnativeService(Object, frozen=True):
    pass


@kind("serving.kserve.io", "inferenceservices", "v1beta1")
class InferenceService(Object, frozen=True):
    pass


class Destination(View, frozen=True):
    namespace: str = ""
    name: str = ""
    server: str = ""


class ApplicationSpec(View, frozen=True):
    destination: Destination = Destination()
    source: dict[str, Any] | None = None
    sources: tuple[dict[str, Any], ...] = ()
    sync_policy: dict[str, Any] | None = None
    ignore_differences: tuple[dict[str, Any], ...] = ()


@kind("argoproj.io", "applications", "v1alpha1")
class Application(Object, frozen=True):
    """What Argo CD applies."""

    spec: ApplicationSpec = ApplicationSpec()


class ApplicationTemplate(View, frozen=True):
    metadata: Metadata = Metadata()
    spec: ApplicationSpec = ApplicationSpec()


class ApplicationSetSpec(View, frozen=True):
    generators: tuple[dict[str, Any], ...] = ()
    template: ApplicationTemplate = ApplicationTemplate()


@kind("argoproj.io", "applicationsets", "v1alpha1")
class ApplicationSet(Object, frozen=True):
    spec: ApplicationSetSpec = ApplicationSetSpec()


WAVE = "argocd.argoproj.io/sync-wave"  # of an object: lower ones are applied first, higher ones pruned first


class FluxKustomizationSpec(View, frozen=True):
    path: str = ""
    target_namespace: str = ""
    prune: bool = False
    depends_on: tuple[dict[str, Any], ...] = ()


@kind("kustomize.toolkit.fluxcd.io", "kustomizations", "v1", "v1beta2", name="Kustomization")
class FluxKustomization(Object, frozen=True):
    spec: FluxKustomizationSpec = FluxKustomizationSpec()


class HelmReleaseSpec(View, frozen=True):
    chart: dict[str, Any] | None = None
    chart_ref: dict[str, Any] = field(default_factory=dict)
    release_name: str = ""
    target_namespace: str = ""
    values: dict[str, Any] | None = None
    values_from: tuple[dict[str, Any], ...] = ()


@kind("helm.toolkit.fluxcd.io", "helmreleases", "v2", "v2beta2", "v2beta1")
class HelmRelease(Object, frozen=True):
    spec: HelmReleaseSpec = HelmReleaseSpec()
