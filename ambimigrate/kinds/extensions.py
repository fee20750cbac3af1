"""Istio's kinds that observe or extend the proxies: telemetry, Wasm plugins, traffic extensions."""

from __future__ import annotations

from typing import Any

from msgspec import field

from ambimigrate.kinds.base import Object, View, kind
from ambimigrate.kinds.shared import PolicySelector, PortSelector, TargetRef
from ambimigrate.kinds.status import Status


class ProviderRef(View, frozen=True):
    name: str = ""


class MetricSelector(View, frozen=True):
    metric: str | None = None
    custom_metric: str | None = None
    mode: str = "CLIENT_AND_SERVER"


class MetricsOverrides(View, frozen=True):
    match: MetricSelector | None = None
    disabled: bool | None = None
    tag_overrides: dict[str, Any] = field(default_factory=dict)


class Metrics(View, frozen=True):
    providers: tuple[ProviderRef, ...] = ()
    overrides: tuple[MetricsOverrides, ...] = ()
    reporting_interval: str | None = None


class TelemetrySpec(View, frozen=True):
    selector: PolicySelector | None = None
    target_ref: TargetRef | None = None
    target_refs: tuple[TargetRef, ...] = ()
    tracing: tuple[dict[str, Any], ...] = ()
    metrics: tuple[Metrics, ...] = ()
    access_logging: tuple[dict[str, Any], ...] = ()


@kind("telemetry.istio.io", "telemetries", "v1", "v1alpha1")
class Telemetry(Object, frozen=True):
    spec: TelemetrySpec = TelemetrySpec()
    status: Status = Status()


class TrafficSelector(View, frozen=True):
    mode: str = "CLIENT_AND_SERVER"
    ports: tuple[PortSelector, ...] = ()


class WasmPluginSpec(View, frozen=True):
    selector: PolicySelector | None = None
    target_ref: TargetRef | None = None
    target_refs: tuple[TargetRef, ...] = ()
    url: str = ""
    sha256: str = ""
    image_pull_policy: str = "UNSPECIFIED_POLICY"
    image_pull_secret: str = ""
    verification_key: str = ""
    plugin_config: dict[str, Any] | None = None
    plugin_name: str = ""
    phase: str = "UNSPECIFIED_PHASE"
    priority: int | None = None
    fail_strategy: str = "FAIL_CLOSE"
    vm_config: dict[str, Any] | None = None
    match: tuple[TrafficSelector, ...] = ()
    type: str = "UNSPECIFIED_PLUGIN_TYPE"


@kind("extensions.istio.io", "wasmplugins", "v1alpha1")
class WasmPlugin(Object, frozen=True):
    spec: WasmPluginSpec = WasmPluginSpec()
    status: Status = Status()


class TrafficExtensionSpec(View, frozen=True):
    selector: PolicySelector | None = None
    target_refs: tuple[TargetRef, ...] = ()
    phase: str | None = None
    priority: int | None = None
    match: tuple[TrafficSelector, ...] = ()
    wasm: dict[str, Any] | None = None
    lua: dict[str, Any] | None = None


@kind("extensions.istio.io", "trafficextensions", "v1alpha1")
class TrafficExtension(Object, frozen=True):
    spec: TrafficExtensionSpec = TrafficExtensionSpec()
