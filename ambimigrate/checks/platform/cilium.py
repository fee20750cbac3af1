"""Cilium's settings, from its ConfigMap or from the values of its chart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ambimigrate.kinds import ConfigMap, HelmValues
from ambimigrate.model import Mesh, Position, Resource
from ambimigrate.topology import charts, injection
from ambimigrate.topology.meshconfig import dig

NAME = "cilium-config"
_CHART = {  # key of the ConfigMap -> value of the chart (cilium, install/kubernetes/cilium/values.yaml)
    "cni-exclusive": ("cni", "exclusive"),
    "kube-proxy-replacement": ("kubeProxyReplacement",),
    "bpf-lb-sock": ("socketLB", "enabled"),
    "bpf-lb-sock-hostns-only": ("socketLB", "hostNamespaceOnly"),
    "enable-bpf-masquerade": ("bpf", "masquerade"),
    "enable-host-legacy-routing": ("bpf", "hostLegacyRouting"),
}


class Settings:
    """The settings of one object, each with its place."""

    def __init__(self, resource: Resource[Any], found: Mapping[str, tuple[str, tuple[str, ...]]]) -> None:
        self.resource, self.found = resource, found

    def get(self, key: str) -> str:
        return self.found.get(key, ("", ()))[0]

    def is_on(self, key: str) -> bool:
        return self.get(key) in {"true", "strict", "True"}

    def at(self, key: str) -> Position:
        return self.resource.at(*self.found.get(key, ("", ()))[1])


def settings(resource: Resource[Any]) -> Settings | None:
    """What the object says about Cilium, None if it is about something else."""
    if isinstance(resource.body, ConfigMap):
        if resource.name != NAME:
            return None
        return Settings(resource, {key: (value.lower(), ("data", key)) for key, value in resource.body.data.items()})
    if isinstance(resource.body, HelmValues) and resource.body.chart == charts.CILIUM:
        return Settings(resource, dict(_from_chart(resource.body.values, whole=resource.body.whole)))
    return None


def _from_chart(values: dict[str, Any], *, whole: bool) -> Iterator[tuple[str, tuple[str, tuple[str, ...]]]]:
    for key, route in _CHART.items():
        found = dig(values, route)
        if found is not None:
            yield key, (str(found).lower(), ("values", *route))
        elif key == "cni-exclusive" and whole:  # the chart's own default
            yield key, ("true", ("values",))


def matters(mesh: Mesh) -> bool:
    """Whether any namespace of the cluster takes part in the mesh."""
    return any(injection.is_meshed(mesh, each) for each in injection.namespaces(mesh))
