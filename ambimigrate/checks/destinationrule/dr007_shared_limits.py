"""DR007: limits, ejections and warm-up that a waypoint counts over all clients instead of one sidecar for itself."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.destinationrule.policies import Policy, is_wild, named, parts, read_subjects
from ambimigrate.kinds import DestinationRule, Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import hosts


@rule("DR007", DestinationRule)
def check(dr: Resource[DestinationRule], mesh: Mesh) -> Iterator[Hit]:
    found = [each for each in read_subjects(mesh, dr) if not (isinstance(each.body, Service) and hosts.is_headless(each))]
    if not found:
        return
    whom = dr.body.spec.host if is_wild(dr) else named(found)
    for route, policy in parts(dr.body):
        for layer, field, limit in _limits(policy):
            yield Hit(
                dr.at(*route, "connectionPool", layer, field),
                f"{field} {limit} limits each client's sidecar; at a waypoint of {whom} it limits all clients of a replica"
                " together: more get 503",
                case="limits",
            )
        if policy.outlier_detection:
            yield Hit(
                dr.at(*route, "outlierDetection"),
                f"outlierDetection: a replica of the waypoint of {whom} ejects a pod for all clients at once",
                case="ejection",
            )
        if policy.load_balancer and (policy.load_balancer.warmup or policy.load_balancer.warmup_duration_secs):
            field = "warmup" if policy.load_balancer.warmup else "warmupDurationSecs"
            message = f"each replica of the waypoint of {whom} warms new pods up by itself"
            yield Hit(dr.at(*route, "loadBalancer", field), message, case="warm-up")


def _limits(policy: Policy) -> Iterator[tuple[str, str, int]]:
    pool = policy.connection_pool
    if pool and pool.tcp and pool.tcp.max_connections:
        yield "tcp", "maxConnections", pool.tcp.max_connections
    if pool and pool.http:
        fields = {
            "http1MaxPendingRequests": pool.http.http1_max_pending_requests,
            "http2MaxRequests": pool.http.http2_max_requests,
            "maxRetries": pool.http.max_retries,
        }
        yield from (("http", name, limit) for name, limit in fields.items() if limit)
