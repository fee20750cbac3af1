"""What the report says to do about patches of EnvoyFilters that no waypoint takes over: with the names of the mesh."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ambimigrate.changes import Held
from ambimigrate.checks.envoyfilter import shapes
from ambimigrate.convert import EVERYTHING, convert
from ambimigrate.converters.filters import remedies
from ambimigrate.kinds.networking import ConfigPatch
from ambimigrate.model import Target
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API, parse

APP = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: app}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
"""
PROVIDER = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    extensionProviders:
      - name: sso
        envoyExtAuthzGrpc: {service: auth/authz.auth.svc.cluster.local, port: 9000}
---
"""
ROUTE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: routes, namespace: shop}
spec: {hosts: [web], http: [{route: [{destination: {host: web}}]}]}
---
"""
RULE = """\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: pool, namespace: shop}
spec: {host: web, trafficPolicy: {connectionPool: {tcp: {connectTimeout: 1s}}}}
---
"""
HTTP = "type.googleapis.com/envoy.extensions.filters.http"
HCM = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
FILTERS = {"filterChain": {"filter": {"name": "envoy.filters.network.http_connection_manager"}}}


def http(name: str, kind: str, **fields: Any) -> dict[str, Any]:
    value = {"name": f"envoy.filters.http.{name}", "typed_config": {"@type": f"{HTTP}.{kind}", **fields}}
    patch = {"operation": "INSERT_BEFORE", "value": value}
    return {"applyTo": "HTTP_FILTER", "match": {"context": "SIDECAR_INBOUND", "listener": FILTERS}, "patch": patch}


def merged(kind: str, match: dict[str, Any], **value: Any) -> dict[str, Any]:
    said = {"context": "SIDECAR_INBOUND", **match}
    return {"applyTo": kind, "match": said, "patch": {"operation": "MERGE", "value": value}}


def manager(**fields: Any) -> dict[str, Any]:
    return merged("NETWORK_FILTER", {"listener": FILTERS}, typed_config={"@type": HCM, **fields})


def held(folder: Path, patch: dict[str, Any], more: str = "", version: str = "") -> Held:
    """What is said about the patch, written for the only pods of a namespace."""
    spec = {"workloadSelector": {"labels": {"app": "web"}}, "configPatches": [patch]}
    subject = {"apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter", "spec": spec}
    subject["metadata"] = {"name": "filter", "namespace": "shop"}
    (folder / "all.yaml").write_text(APP + more + yaml.safe_dump(subject), encoding="utf-8")
    target = Target(parse(version) if version else NEWEST, NEWEST_GATEWAY_API)
    meshes = read_files([str(folder)], target).meshes
    (found,) = (each for each in convert(meshes, (), EVERYTHING, check=lambda _: ()).held if each.because == ("EF901",))
    return found


CALLED = {"envoy_grpc": {"cluster_name": "outbound|9000||authz.auth.svc.cluster.local"}}
ASKED = http("ext_authz", "ext_authz.v3.ExtAuthz", grpc_service=CALLED)
DIALLED = http("ext_authz", "ext_authz.v3.ExtAuthz", grpc_service={"google_grpc": {"target_uri": "authz.auth:9000"}})
TOKENS = {"a": {"issuer": "https://id.example", "remote_jwks": {"http_uri": {"uri": "https://id.example/keys"}}}}
REMOTE = {"code": {"remote": {"http_uri": {"uri": "https://x.example/a.wasm"}, "sha256": "ab"}}}
CLUSTER = {"cluster": {"service": "api.example.com"}}
CASES = {
    "authorizer": (ASKED, "", "Add envoyExtAuthzGrpc {service: authz.auth.svc.cluster.local, port: 9000} to extension"),
    "authorizer by address": (DIALLED, "", "Add envoyExtAuthzGrpc {service: authz.auth, port: 9000}"),
    "authorizer with a provider": (ASKED, PROVIDER, "AuthorizationPolicy CUSTOM that selects app=web with provider sso"),
    "tokens": (
        http("jwt_authn", "jwt_authn.v3.JwtAuthentication", providers=TOKENS),
        "",
        "RequestAuthentication that selects app=web with issuer https://id.example and jwksUri https://id.example/keys",
    ),
    "roles": (http("rbac", "rbac.v3.RBAC", rules={"action": "DENY"}), "", "an AuthorizationPolicy DENY that selects app=web"),
    "global limit": (http("ratelimit", "ratelimit.v3.RateLimit", domain="shop"), "", "Limit domain shop at the ingress"),
    "script": (http("lua", "lua.v3.Lua", inline_code="h:httpCall('x')"), "", "Take httpcall out of the script"),
    "plugin": (http("wasm", "wasm.v3.Wasm", config={"vm_config": REMOTE}), "", "with url https://x.example/a.wasm, sha256 ab"),
    "plugin in a file": (
        http("wasm", "wasm.v3.Wasm", config={"vm_config": {"code": {"local": {"filename": "/a.wasm"}}}}),
        "",
        "Publish /a.wasm where a waypoint can load it",
    ),
    "cors": (http("cors", "cors.v3.Cors"), ROUTE, "Write corsPolicy into VirtualService shop/routes"),
    "cors without a route": (http("cors", "cors.v3.Cors"), "", "Write corsPolicy into a VirtualService for web"),
    "retries": (
        merged("HTTP_ROUTE", {}, route={"retry_policy": {"num_retries": 3, "retry_on": "5xx"}}),
        ROUTE,
        "Write retries {attempts: 3, retryOn: 5xx} into VirtualService shop/routes",
    ),
    "limits of clusters": (
        merged("CLUSTER", {}, circuit_breakers={"thresholds": [{"max_connections": 10}]}),
        RULE,
        "Write trafficPolicy {connectionPool.tcp.maxConnections: 10} into DestinationRule shop/pool",
    ),
    "keepalive": (
        merged("CLUSTER", CLUSTER, upstream_connection_options={"tcp_keepalive": {"keepalive_time": 60}}),
        "",
        "{connectionPool.tcp.tcpKeepalive.time: 60s} into a DestinationRule of api.example.com",
    ),
    "a field of clusters": (merged("CLUSTER", {}, track_cluster_stats={"timeout_budgets": True}), "", "Drop track_cluster"),
    "a balancer": (merged("CLUSTER", CLUSTER, lb_policy="RANDOM"), "", "{loadBalancer.simple: RANDOM} into"),
    "a ring": (merged("CLUSTER", CLUSTER, lb_policy="RING_HASH"), "", "{loadBalancer.consistentHash: {ringHash: {}, …}} into"),
    "settings": (
        manager(common_http_protocol_options={"idle_timeout": "3600s"}),
        "",
        "Write connectionSettings {httpIdleTimeout: 3600s} into the annotation proxy.istio.io/config of the waypoint of web",
    ),
    "trusted hops": (manager(xff_num_trusted_hops=2), "", "Write gatewayTopology {numTrustedProxies: 2} into the annotation"),
    "casing": (
        manager(http_protocol_options={"header_key_format": {"stateful_formatter": {"name": "preserve_case"}}}),
        "",
        "Write proxyHeaders {preserveHttp1HeaderCase: true} into the annotation proxy.istio.io/config of",
    ),
    "server header": (manager(server_name="shop"), "", "Write proxyHeaders.server into the annotation proxy.istio.io/config"),
    "log": (
        manager(access_log=[{"name": "envoy.access_loggers.file", "typed_config": {"path": "/dev/stdout"}}]),
        "",
        "Add envoyFileAccessLog with path /dev/stdout",
    ),
    "tls to a host": (
        merged("CLUSTER", CLUSTER, transport_socket={"name": "tls", "typed_config": {"sni": "a.example"}}),
        "",
        "Write trafficPolicy.tls {mode: SIMPLE, sni: a.example} into a DestinationRule of api.example.com",
    ),
    "tls": (merged("CLUSTER", {}, transport_socket={"name": "envoy.transport_sockets.tls"}), "", "Drop it: between pods"),
    "a call of the pods": (
        ASKED | {"match": {"context": "SIDECAR_OUTBOUND"}},
        "",
        "Do it in Deployment web, or for the Services that they call",
    ),
    "all that is called": (
        merged("CLUSTER", {"context": "SIDECAR_OUTBOUND"}, connect_timeout="1s"),
        "",
        "{connectionPool.tcp.connectTimeout: 1s} into the DestinationRules of what they call",
    ),
    "another filter": (http("csrf", "csrf.v3.CsrfPolicy"), "", "or agree with --accept EF901:shop/filter that it ends"),
    "another patch": (merged("LISTENER", {}, socket_options=[]), "", "or agree with --accept EF901:shop/filter"),
    "grpc-web": (http("grpc_web", "grpc_web.v3.GrpcWeb", x=1), "", "Give the gRPC port of Service web the appProtocol"),
    "a local limit": (
        http("local_ratelimit", "local_ratelimit.v3.LocalRateLimit", stat_prefix="x", descriptors=[]),
        "",
        "Write the filter without descriptors",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("patch", "more", "steps"), CASES.values(), ids=CASES)
def test_what_to_do_names_what_the_patch_says(tmp_path: Path, patch: dict[str, Any], more: str, steps: str) -> None:
    found = held(tmp_path, patch, more)
    assert steps in (found.alternative or "")
    assert len(found.alternative or "") <= 260
    assert "web" in found.reason


def test_every_case_is_tried() -> None:
    found = {shapes.shape(ConfigPatch(patch["applyTo"], patch["match"], patch["patch"])).case for patch, *_ in CASES.values()}
    assert {each if each in remedies.CASES else "default" for each in found} == remedies.CASES


def test_steps_are_for_the_target(tmp_path: Path) -> None:
    patch = manager(common_http_protocol_options={"idle_timeout": "3600s"})
    assert "from Istio 1.31 on" in (held(tmp_path, patch, version="1.29.8").alternative or "")


def test_the_reason_names_the_fields_that_may_mean_something_else(tmp_path: Path) -> None:
    patch = http("local_ratelimit", "local_ratelimit.v3.LocalRateLimit", stat_prefix="x", descriptors=[])
    assert "descriptors may mean something else there" in held(tmp_path, patch).reason
