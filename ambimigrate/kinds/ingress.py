"""Kubernetes' own Ingress: which Services it publishes, and by which controller."""

from __future__ import annotations

from msgspec import field

from ambimigrate.kinds.base import Object, View, kind


class IngressServicePort(View, frozen=True):
    name: str = ""
    number: int | None = None


class IngressService(View, frozen=True):
    name: str = ""
    port: IngressServicePort = IngressServicePort()


class IngressBackend(View, frozen=True):
    service: IngressService | None = None


class IngressPath(View, frozen=True):
    path: str = ""
    backend: IngressBackend = IngressBackend()


class IngressHTTP(View, frozen=True):
    paths: tuple[IngressPath, ...] = ()


class IngressRule(View, frozen=True):
    host: str = ""
    http: IngressHTTP | None = None


class IngressSpec(View, frozen=True):
    ingress_class_name: str = ""
    default_backend: IngressBackend | None = None
    rules: tuple[IngressRule, ...] = ()


@kind("networking.k8s.io", "ingresses")
class Ingress(Object, frozen=True):
    spec: IngressSpec = IngressSpec()


class IngressClassSpec(View, frozen=True):
    controller: str = ""


@kind("networking.k8s.io", "ingressclasses", namespaced=False)
class IngressClass(Object, frozen=True):
    spec: IngressClassSpec = field(default_factory=IngressClassSpec)
