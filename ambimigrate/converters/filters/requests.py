"""What a person writes in place of a filter that decides about requests or changes them, with the names of this mesh."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ambimigrate.checks.envoyfilter import shapes as kinds
from ambimigrate.converters.filters import clusters, shapes, values
from ambimigrate.converters.filters.lost import Lost
from ambimigrate.converters.filters.values import said
from ambimigrate.converters.routing import routed
from ambimigrate.model import Mesh
from ambimigrate.topology import meshconfig, policies

# --- what decides who may call ----------------------------------------------------------------------------------------


def authorizer(lost: Lost) -> str:
    kind = "envoyExtAuthzHttp" if any(values.found(lost.value, "http_service")) else "envoyExtAuthzGrpc"
    cluster = said(lost.value, "cluster_name") or said(lost.value, "cluster") or said(lost.value, "target_uri")
    host, port = clusters.address(cluster)
    known = next((name for name, entry in _providers(lost.mesh) if host and _is_at(entry.get(kind), host, port)), "")
    rest = "in place of the filter; convert then moves it"
    policy = f"an AuthorizationPolicy CUSTOM {lost.pods}"
    if known:
        return f"Write {policy} with provider {known} and rules [{{}}] {rest}."
    where = f"{{service: {host}, port: {port}}}" if host else f"for {cluster or 'its authorizer'}"
    return f"Add {kind} {where} to extensionProviders of MeshConfig, and write {policy} with it and rules [{{}}] {rest}."


def _providers(mesh: Mesh) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for setting in meshconfig.settings(mesh, "extensionProviders"):
        entries = setting.value if isinstance(setting.value, list) else ()
        yield from ((str(each.get("name")), each) for each in entries if isinstance(each, dict))


def _is_at(entry: Any, host: str, port: str) -> bool:
    """Whether a provider calls that Service (its namespace may stand before a slash)."""
    if not isinstance(entry, dict):
        return False
    return str(entry.get("service", "")).rpartition("/")[2] == host and str(entry.get("port", "")) == port


def tokens(lost: Lost) -> str:
    issuer, keys = said(lost.value, "issuer"), said(lost.value, "uri")
    fields = f"issuer {issuer}" + (f" and jwksUri {keys}" if keys else "") if issuer else "its issuer and jwksUri"
    policy = f"Write a RequestAuthentication {lost.pods} with {fields}"
    return f"{policy}, and an ALLOW for its requestPrincipals if tokens are required."


def roles(lost: Lost) -> str:
    action = (said(lost.value, "action") or "ALLOW").replace("LOG", "AUDIT")  # ALLOW is Envoy's default
    return f"Write an AuthorizationPolicy {action} {lost.pods} with its rules in place of the filter; convert then moves it."


def limit(lost: Lost) -> str:
    if "local" in kinds.shape(lost.patch).words:
        read = values.filtered(lost.patch)
        other = [each for each in shapes.other_fields(*read) if each in read[2]] if read else []
        plain = f"without {policies.listed(other)}" if other else "alone"
        taken = f"{lost.waypoint} takes that over"
        return f"Write the filter {plain}, first in the chain (INSERT_FIRST): {taken}; or limit at the ingress gateway."
    domain = said(lost.value, "domain")
    own = f"domain {domain}" if domain else "this"
    return (
        f"Limit {own} at the ingress gateway; or give {lost.waypoint} an EnvoyFilter with the filter, its cluster and what"
        " counts: the routes of a waypoint cannot be patched."
    )


# --- what changes requests --------------------------------------------------------------------------------------------


def script(lost: Lost) -> str:
    code = " ".join(values.texts(lost.value)).lower()
    asked = next((word for word in shapes.OUTSIDE if word in code), "")
    if asked:
        gone = f"Take {asked.strip(':(')} out of the script: a waypoint has no such cluster, file or module"
        return f"{gone}; or write a WasmPlugin {lost.pods}."
    return f"Insert the script first or before the router, with inline_code alone, so that {lost.waypoint} takes it over."


def plugin(lost: Lost) -> str:
    url, digest = said(lost.value, "uri"), said(lost.value, "sha256")
    if url:
        whole = f"url {url}" + (f", sha256 {digest}" if digest else "")
        return f"Write a WasmPlugin {lost.pods} with {whole} in place of the filter; convert then makes its twin."
    file = said(lost.value, "filename")
    loaded = f"Publish {file or 'the module'} where a waypoint can load it"
    return f"{loaded}, and write a WasmPlugin {lost.pods} in place of the filter; convert then makes its twin."


def cors(lost: Lost) -> str:
    return f"Write corsPolicy into {_routes(lost)} in place of the filter."


def retries(lost: Lost) -> str:
    fields = {"attempts": said(lost.value, "num_retries"), "retryOn": said(lost.value, "retry_on")}
    text = ", ".join(f"{name}: {each}" for name, each in fields.items() if each)
    return f"Write retries {{{text}}} into {_routes(lost)}; other fields have no counterpart."


def _routes(lost: Lost) -> str:
    found = next((vs for each in lost.aim.services for vs in routed.routing(lost.mesh, each)), None)
    host = lost.aim.services[0].name if lost.aim.services else "the Service"
    return str(found.ref) if found is not None else f"a VirtualService for {host}"


def grpc_web(lost: Lost) -> str:
    name = lost.aim.services[0].name if lost.aim.services else "the Service"
    return f"Give the gRPC port of Service {name} the appProtocol grpc-web."
