"""Verdicts at workloads, decided once for all calls that no policy tells apart."""

from __future__ import annotations

from typing import Any

from ambimigrate.kinds import AuthorizationPolicy, RequestAuthentication
from ambimigrate.kinds.security import Rule
from ambimigrate.model import Mesh
from ambimigrate.semantics import authz
from ambimigrate.semantics.authz import attach
from ambimigrate.topology import injection
from ambimigrate.topology.workloads import Workload


def at_workload(mesh: Mesh, call: authz.Call, workload: Workload, port: int) -> authz.Decision:
    """What `authz.at_workload` says; the request counts only where a policy of the workload looks at requests."""
    known = mesh.index(_decisions)
    request = call.request if _reads_requests(mesh, workload) else None
    key = (id(workload), port, call.caller, call.is_http, request)
    found = known.get(key)
    if found is None:
        found = known[key] = authz.at_workload(mesh, call, workload, port)
    return found


def _decisions(_mesh: Mesh) -> dict[Any, authz.Decision]:
    return {}


def _reads_requests(mesh: Mesh, workload: Workload) -> bool:
    known = mesh.index(_reading)
    found = known.get(id(workload))
    if found is None:
        found = known[id(workload)] = _looks_at_requests(mesh, workload)
    return found


def _reading(_mesh: Mesh) -> dict[int, bool]:
    return {}


def _looks_at_requests(mesh: Mesh, workload: Workload) -> bool:
    """ztunnel never does, a sidecar does for tokens and for policies that name more than sources."""
    if injection.workload_mode(mesh, workload) != injection.SIDECAR:
        return False
    if attach.of_workload(mesh, RequestAuthentication, workload):
        return True
    bound = attach.of_workload(mesh, AuthorizationPolicy, workload)
    return any(_names_more(rule) for policy in bound for rule in policy.body.spec.rules or ())


def _names_more(rule: Rule) -> bool:
    if rule.to or rule.when:
        return True
    sources = (each.source for each in rule.from_ if each.source is not None)
    return any(
        each.request_principals or each.not_request_principals or each.remote_ip_blocks or each.not_remote_ip_blocks
        for each in sources
    )
