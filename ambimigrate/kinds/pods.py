"""What runs in a pod: its template, its spec and its containers."""

from __future__ import annotations

from typing import Any

from msgspec import field

from ambimigrate.kinds.base import Metadata, View


class EnvVar(View, frozen=True):
    name: str = ""
    value: str | None = None  # None: empty, or taken from elsewhere


class ContainerPort(View, frozen=True):
    name: str = ""
    container_port: int = 0
    host_port: int | None = None
    protocol: str = "TCP"


class Container(View, frozen=True):
    name: str = ""
    image: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[EnvVar, ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    lifecycle: dict[str, Any] | None = None
    liveness_probe: dict[str, Any] | None = None
    readiness_probe: dict[str, Any] | None = None
    startup_probe: dict[str, Any] | None = None
    security_context: dict[str, Any] | None = None
    resources: dict[str, Any] | None = None
    restart_policy: str | None = None  # "Always" on an init container: a native sidecar


class PodSpec(View, frozen=True):
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    service_account_name: str = ""
    host_network: bool = False
    node_name: str = ""
    termination_grace_period_seconds: int | None = None
    node_selector: dict[str, str] = field(default_factory=dict)
    runtime_class_name: str | None = None
    dns_policy: str = "ClusterFirst"
    dns_config: dict[str, Any] | None = None
    affinity: dict[str, Any] | None = None
    volumes: tuple[dict[str, Any], ...] = ()
    image_pull_secrets: tuple[dict[str, Any], ...] = ()
    security_context: dict[str, Any] | None = None
    os: dict[str, Any] | None = None


class PodTemplate(View, frozen=True):
    metadata: Metadata = Metadata()
    spec: PodSpec = PodSpec()
