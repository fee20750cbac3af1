"""DestinationRules: which one a proxy uses for a host, and what its subsets and hash policies mean."""

from __future__ import annotations

from msgspec import Struct

from ambimigrate.kinds import DestinationRule
from ambimigrate.kinds.traffic import ConsistentHash, LoadBalancer, Subset, TrafficPolicy
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.semantics import policies
from ambimigrate.semantics.decision import Headers
from ambimigrate.semantics.envoy import Cluster
from ambimigrate.semantics.registry import Entry, endpoints, entries
from ambimigrate.semantics.visibility import age, scope
from ambimigrate.topology import hosts, meshconfig
from ambimigrate.topology.workloads import matches


class Viewer(Struct, frozen=True):
    """The proxy that looks: its namespace, and its labels for `workloadSelector` (None: a waypoint, which knows none)."""

    namespace: str
    labels: Headers | None = None


def cluster(mesh: Mesh, viewer: Viewer, host: str, port: int, subset: str) -> Cluster:
    """The cluster of a destination with its endpoints; it exists if host, port and subset do."""
    return mesh.index(_Lookup(viewer, host, port, subset))


class _Lookup(Struct, frozen=True):
    viewer: Viewer
    host: str
    port: int
    subset: str

    def __call__(self, mesh: Mesh) -> Cluster:
        name = "|".join((str(self.port), self.subset, self.host))
        entry = entries(mesh).get(self.host)
        if entry is None or self.port not in entry.ports:
            return Cluster(name, None)
        labels: dict[str, str] = {}
        rules = rules_for(mesh, self.viewer, entry)
        if self.subset:
            found = next((each for rule in rules for each in rule.body.spec.subsets if each.name == self.subset), None)
            if found is None:
                return Cluster(name, None)
            labels = found.labels
        policy = policies.effective(rules, self.port, self.subset)
        return Cluster(name, endpoints(mesh, entry, self.port, labels), policy)


def rules_for(mesh: Mesh, viewer: Viewer, entry: Entry) -> tuple[Resource[DestinationRule], ...]:
    """The DestinationRules that count for a host, the oldest first: the viewer's namespace, the host's, the root one.

    Istio, pilot/pkg/model/push_context.go `destinationRule`; those of one namespace and host are merged.
    """
    known = mesh.index(_by_namespace)
    for place in dict.fromkeys((viewer.namespace, entry.namespace, meshconfig.root_namespace(mesh))):
        seen = [
            each
            for each in known.get(place, ())
            if _counts(each, viewer) and scope(mesh, each, each.body.spec.export_to, viewer.namespace) is not None
        ]
        if found := _most_specific(seen, entry.host):
            return found
    return ()


def _by_namespace(mesh: Mesh) -> dict[str, tuple[Resource[DestinationRule], ...]]:
    return grouped((each.namespace, each) for each in sorted(mesh.of(DestinationRule), key=lambda rule: (age(rule), rule.name)))


def _counts(rule: Resource[DestinationRule], viewer: Viewer) -> bool:
    selector = rule.body.spec.workload_selector
    if selector is None or not selector.match_labels:
        return True
    return viewer.labels is not None and matches(selector.match_labels, dict(viewer.labels))


def _most_specific(rules: list[Resource[DestinationRule]], host: str) -> tuple[Resource[DestinationRule], ...]:
    """The rules of the exact host, else of the longest wildcard; those that select their clients before the others."""
    written = [(hosts.full_name(each.body.spec.host, each.namespace), each) for each in rules]
    covering = [name for name, _ in written if hosts.covers(name, host)]
    best = max(covering, key=lambda name: (name == host, len(name)), default=None)
    found = [each for name, each in written if name == best]
    selecting = [each for each in found if each.body.spec.workload_selector and each.body.spec.workload_selector.match_labels]
    return tuple(selecting or found)


def hash_policy(mesh: Mesh, viewer: Viewer, host: str, port: int, subset: str) -> tuple[str, ...]:
    """What a request is hashed by on its way to a destination (route.go `hashForHTTPDestination`)."""
    entry = entries(mesh).get(host)
    rules = rules_for(mesh, viewer, entry) if entry else ()
    policy = next((each.body.spec.traffic_policy for each in rules if each.body.spec.traffic_policy), None)
    named = (each for rule in rules for each in rule.body.spec.subsets if subset and each.name == subset)
    own: Subset | None = next(named, None)
    chosen = own.traffic_policy if own else None
    candidates = (_of_port(chosen, port), _of(chosen.load_balancer if chosen else None), _of_port(policy, port))
    found = next((each for each in candidates if each), None) or _of(policy.load_balancer if policy else None)
    return _words(found) if found else ()


def _of_port(policy: TrafficPolicy | None, port: int) -> ConsistentHash | None:
    settings = policy.port_level_settings if policy else ()
    return next((_of(each.load_balancer) for each in settings if each.port and each.port.number == port), None)


def _of(balancer: LoadBalancer | None) -> ConsistentHash | None:
    return balancer.consistent_hash if balancer else None


def _words(found: ConsistentHash) -> tuple[str, ...]:
    if found.http_header_name:
        return (f"header {found.http_header_name.lower()}",)
    if found.http_cookie:
        cookie = found.http_cookie
        return (" ".join(filter(None, ("cookie", cookie.name, cookie.path, cookie.ttl))),)
    if found.use_source_ip:
        return ("source address",)
    return (f"query {found.http_query_parameter_name}",) if found.http_query_parameter_name else ()
