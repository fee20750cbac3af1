"""Istio's security kinds: who may call, whose tokens are believed, and where mutual TLS is required."""

from __future__ import annotations

from msgspec import field

from ambimigrate.kinds.base import Object, View, kind
from ambimigrate.kinds.shared import PolicySelector, TargetRef
from ambimigrate.kinds.status import Status

GROUP = "security.istio.io"
VERSIONS = ("v1", "v1beta1")


class Source(View, frozen=True):
    principals: tuple[str, ...] = ()
    not_principals: tuple[str, ...] = ()
    request_principals: tuple[str, ...] = ()
    not_request_principals: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    not_namespaces: tuple[str, ...] = ()
    ip_blocks: tuple[str, ...] = ()
    not_ip_blocks: tuple[str, ...] = ()
    remote_ip_blocks: tuple[str, ...] = ()
    not_remote_ip_blocks: tuple[str, ...] = ()
    service_accounts: tuple[str, ...] = ()
    not_service_accounts: tuple[str, ...] = ()
    trust_domains: tuple[str, ...] = ()
    not_trust_domains: tuple[str, ...] = ()


class Operation(View, frozen=True):
    hosts: tuple[str, ...] = ()
    not_hosts: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    not_ports: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    not_methods: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    not_paths: tuple[str, ...] = ()


class RuleFrom(View, frozen=True):
    source: Source | None = None


class RuleTo(View, frozen=True):
    operation: Operation | None = None


class Condition(View, frozen=True):
    key: str = ""
    values: tuple[str, ...] = ()
    not_values: tuple[str, ...] = ()


class Rule(View, frozen=True):
    from_: tuple[RuleFrom, ...] = field(default=(), name="from")
    to: tuple[RuleTo, ...] = ()
    when: tuple[Condition, ...] = ()


class ExtensionProvider(View, frozen=True):
    name: str = ""


class AuthorizationPolicySpec(View, frozen=True):
    selector: PolicySelector | None = None
    target_ref: TargetRef | None = None
    target_refs: tuple[TargetRef, ...] = ()
    action: str = "ALLOW"
    rules: tuple[Rule, ...] | None = None  # as written: `[]` and absent are told apart
    provider: ExtensionProvider | None = None


@kind(GROUP, "authorizationpolicies", *VERSIONS)
class AuthorizationPolicy(Object, frozen=True):
    spec: AuthorizationPolicySpec = AuthorizationPolicySpec()
    status: Status = Status()


class JWTHeader(View, frozen=True):
    name: str = ""
    prefix: str = ""


class ClaimToHeader(View, frozen=True):
    header: str = ""
    claim: str = ""


class JWTRule(View, frozen=True):
    issuer: str = ""
    audiences: tuple[str, ...] = ()
    jwks_uri: str = ""
    jwks_uri_snake: str = field(default="", name="jwks_uri")  # an older spelling
    jwks: str = ""
    from_headers: tuple[JWTHeader, ...] = ()
    from_params: tuple[str, ...] = ()
    from_cookies: tuple[str, ...] = ()
    output_payload_to_header: str = ""
    output_claim_to_headers: tuple[ClaimToHeader, ...] = ()
    forward_original_token: bool = False
    space_delimited_claims: tuple[str, ...] = ()
    timeout: str | None = None


class RequestAuthenticationSpec(View, frozen=True):
    selector: PolicySelector | None = None
    target_ref: TargetRef | None = None
    target_refs: tuple[TargetRef, ...] = ()
    jwt_rules: tuple[JWTRule, ...] = ()


@kind(GROUP, "requestauthentications", *VERSIONS)
class RequestAuthentication(Object, frozen=True):
    spec: RequestAuthenticationSpec = RequestAuthenticationSpec()
    status: Status = Status()


class MutualTLS(View, frozen=True):
    mode: str = "UNSET"


class PeerAuthenticationSpec(View, frozen=True):
    selector: PolicySelector | None = None
    mtls: MutualTLS | None = None
    port_level_mtls: dict[str, MutualTLS] = field(default_factory=dict)  # by the port of the workload, not of the service


@kind(GROUP, "peerauthentications", *VERSIONS)
class PeerAuthentication(Object, frozen=True):
    spec: PeerAuthenticationSpec = PeerAuthenticationSpec()
