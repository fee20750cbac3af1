"""How Istio itself was installed: the file of istioctl, and the object of the Sail operator."""

from __future__ import annotations

from typing import Any

from ambimigrate.kinds.base import Object, View, kind


class IstioOperatorSpec(View, frozen=True):
    profile: str = ""
    hub: str = ""
    tag: str | int | float | None = None  # the API takes any scalar: `tag: 1.24` is a number
    revision: str = ""
    mesh_config: dict[str, Any] | None = None
    values: dict[str, Any] | None = None
    components: dict[str, Any] | None = None


@kind("install.istio.io", "istiooperators", "v1alpha1")
class IstioOperator(Object, frozen=True):
    spec: IstioOperatorSpec = IstioOperatorSpec()


class SailIstioSpec(View, frozen=True):
    version: str = ""
    namespace: str = ""
    profile: str = ""
    values: dict[str, Any] | None = None


@kind("sailoperator.io", "istios", "v1", "v1alpha1", namespaced=False, name="Istio")
class SailIstio(Object, frozen=True):
    spec: SailIstioSpec = SailIstioSpec()
