"""Kinds by which others judge or change objects at the API server, and the Services that it calls for them."""

from __future__ import annotations

from typing import Any, ClassVar

from ambimigrate.kinds.base import Object, View, kind

KUBERNETES = "admissionregistration.k8s.io"


class PolicySpec(View, frozen=True):
    """Of a policy engine: only its rules are looked through, as text."""

    rules: tuple[Any, ...] = ()


@kind("kyverno.io", "clusterpolicies", "v1", "v2beta1", namespaced=False)
class ClusterPolicy(Object, frozen=True):
    """A policy of Kyverno for the whole cluster."""

    spec: PolicySpec = PolicySpec()


@kind("kyverno.io", "policies", "v1", "v2beta1", name="Policy")
class KyvernoPolicy(Object, frozen=True):
    spec: PolicySpec = PolicySpec()


class ConstraintTemplateSpec(View, frozen=True):
    targets: tuple[Any, ...] = ()


@kind("templates.gatekeeper.sh", "constrainttemplates", "v1", "v1beta1", namespaced=False)
class ConstraintTemplate(Object, frozen=True):
    spec: ConstraintTemplateSpec = ConstraintTemplateSpec()


class AdmissionPolicySpec(View, frozen=True):
    validations: tuple[Any, ...] = ()
    mutations: tuple[Any, ...] = ()


@kind(KUBERNETES, "validatingadmissionpolicies", "v1", "v1beta1", namespaced=False)
class ValidatingAdmissionPolicy(Object, frozen=True):
    spec: AdmissionPolicySpec = AdmissionPolicySpec()


class ServiceReference(View, frozen=True):
    namespace: str = ""
    name: str = ""
    port: int = 443


class ClientConfig(View, frozen=True):
    service: ServiceReference | None = None


class Webhook(View, frozen=True):
    name: str = ""
    client_config: ClientConfig = ClientConfig()
    failure_policy: str = "Fail"


@kind(KUBERNETES, "validatingwebhookconfigurations", namespaced=False)
class ValidatingWebhookConfiguration(Object, frozen=True):
    webhooks: tuple[Webhook, ...] = ()


@kind(KUBERNETES, "mutatingwebhookconfigurations", namespaced=False)
class MutatingWebhookConfiguration(Object, frozen=True):
    webhooks: tuple[Webhook, ...] = ()


class APIServiceSpec(View, frozen=True):
    service: ServiceReference | None = None


@kind("apiregistration.k8s.io", "apiservices", namespaced=False)
class APIService(Object, frozen=True):
    spec: APIServiceSpec = APIServiceSpec()


class ConversionWebhook(View, frozen=True):
    client_config: ClientConfig = ClientConfig()


class Conversion(View, frozen=True):
    strategy: str = "None"
    webhook: ConversionWebhook | None = None


class CustomResourceDefinitionSpec(View, frozen=True):
    conversion: Conversion | None = None


@kind("apiextensions.k8s.io", "customresourcedefinitions", namespaced=False)
class CustomResourceDefinition(Object, frozen=True):
    """Only what converts it, and the version of the Gateway API; other documents of this kind are passed over unparsed."""

    NEEDS_TEXT: ClassVar[tuple[str, ...]] = ("clientConfig", "gateways.gateway.networking.k8s.io")

    spec: CustomResourceDefinitionSpec = CustomResourceDefinitionSpec()
