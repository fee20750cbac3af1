"""Subsets of Services: which DestinationRule defines one, whether a selector can stand for it, and the name of its Service."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping

from msgspec import Struct

from ambimigrate.changes import SUBSET
from ambimigrate.converters import made
from ambimigrate.converters.outcome import Refused
from ambimigrate.kinds import DestinationRule, Service
from ambimigrate.kinds.traffic import Subset
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import hosts, injection, meshconfig, reach
from ambimigrate.topology.workloads import behind

EXPORT = "defaultDestinationRuleExportTo"
_MOST = 63  # characters of a DNS label
_HASH = 8

# What istiod adds to endpoints from their node or cluster (serviceregistry/util/label/label.go `AugmentLabels`).
_PLACES = frozenset(
    {
        "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone",
        "topology.istio.io/subzone",
        "topology.istio.io/cluster",
        "topology.istio.io/network",
        "kubernetes.io/hostname",
        "failure-domain.beta.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
    }
)
# What the injection of a sidecar adds to pods (pkg/kube/inject), so that pods without one do not carry it.
_INJECTED = frozenset(
    {
        "security.istio.io/tlsMode",
        "service.istio.io/canonical-name",
        "service.istio.io/canonical-revision",
        "service.istio.io/workload-name",
    }
)


class Defined(Struct, frozen=True, eq=False):
    """A subset as all callers see it: its Service, the DestinationRules of the host that count, which of them defines it."""

    service: Resource[Service]
    rules: tuple[Resource[DestinationRule], ...]
    rule: Resource[DestinationRule]
    number: int

    @property
    def subset(self) -> Subset:
        return self.rule.body.spec.subsets[self.number]

    @property
    def beside(self) -> Resource[DestinationRule] | Resource[Service]:
        """Beside which object the versioned Service is written."""
        return self.rule if self.rule.namespace == self.service.namespace else self.service


def find(mesh: Mesh, service: Resource[Service], name: str) -> Defined:
    """The subset of that name. Raises Refused where there is none, or not one for all callers."""
    rules = counting(mesh, service)
    found = [(rule, i) for rule in rules for i, each in enumerate(rule.body.spec.subsets) if each.name == name]
    _check_callers(mesh, service, rules)
    if not found:
        reason = f"no DestinationRule of the input defines subset {name} of {service.name}: such requests get 503 today"
        raise Refused("subset-undefined", (), reason)
    rule, number = found[0]
    defined = Defined(service, rules, rule, number)
    if any(each.body.spec.subsets[i] != defined.subset for each, i in found[1:]):
        reason = f"{rule.name} and {found[1][0].name} define subset {name} of {service.name} differently; the older one wins"
        raise Refused("subset-callers", (), reason)
    if len([each for each in rules if each.body.spec.traffic_policy]) > 1:
        reason = f"{reach.listed(each.name for each in rules)} give {service.name} several policies; the oldest one wins"
        raise Refused("subset-callers", (), reason)
    _check_labels(mesh, defined)
    return defined


def counting(mesh: Mesh, service: Resource[Service]) -> tuple[Resource[DestinationRule], ...]:
    """The DestinationRules of a Service for callers without one of their own (push_context.go `destinationRule`)."""
    host = hosts.host_of(service)
    for place in dict.fromkeys((service.namespace, meshconfig.root_namespace(mesh))):
        if found := most_specific(mesh.within(DestinationRule, place), host):
            return found
    return ()


def most_specific(rules: tuple[Resource[DestinationRule], ...], host: str) -> tuple[Resource[DestinationRule], ...]:
    """Those for the exact host, else those for the longest wildcard."""
    named = [(hosts.full_name(each.body.spec.host, each.namespace), each) for each in rules]
    covering = [name for name, _ in named if hosts.covers(name, host)]
    best = max(covering, key=lambda name: (name == host, len(name)), default=None)
    return tuple(each for name, each in named if name == best)


def _check_callers(mesh: Mesh, service: Resource[Service], rules: tuple[Resource[DestinationRule], ...]) -> None:
    """Raises Refused where it depends on the caller which DestinationRule counts; a waypoint serves all callers alike."""
    for each in rules:
        if not reach.is_exported(mesh, each.body.spec.export_to, each.namespace, "*", EXPORT):
            reason = f"DestinationRule {each.name} is not exported to all callers of {service.name}"
            raise Refused("subset-callers", (), reason)
        if selects(each):
            reason = f"DestinationRule {each.name} is for callers with certain labels, a waypoint serves all"
            raise Refused("subset-callers", (), reason)
    own = next((each for each in consumers(mesh, service) if each.body.spec.subsets), None)
    if own is not None:
        reason = f"callers in {own.namespace} take the subsets of {service.name} from their own DestinationRule {own.name}"
        raise Refused("subset-callers", (), reason)


def selects(rule: Resource[DestinationRule]) -> bool:
    """Whether it is for the sidecars of some pods only."""
    selector = rule.body.spec.workload_selector
    return bool(selector and selector.match_labels)


def consumers(mesh: Mesh, service: Resource[Service]) -> tuple[Resource[DestinationRule], ...]:
    """The DestinationRules by which callers of other namespaces reach the Service in place of its own."""
    known = mesh.index(_by_host)
    host = hosts.host_of(service)
    names = [host, *(f"*{domain}" for domain in hosts.domains(host)), "*"]
    homes = {service.namespace, meshconfig.root_namespace(mesh), ""}
    found = (each for name in names for each in known.get(name, ()))
    return tuple(each for each in found if each.namespace not in homes and _follows(mesh, each.namespace))


def _follows(mesh: Mesh, namespace: str) -> bool:
    """Whether callers of the namespace have sidecars, which follow DestinationRules; ztunnel does not."""
    return injection.is_meshed(mesh, namespace) and injection.mode(mesh, namespace) != injection.AMBIENT


def _by_host(mesh: Mesh) -> Mapping[str, list[Resource[DestinationRule]]]:
    found: dict[str, list[Resource[DestinationRule]]] = {}
    for each in mesh.of(DestinationRule):
        found.setdefault(hosts.full_name(each.body.spec.host, each.namespace), []).append(each)
    return found


def _check_labels(mesh: Mesh, defined: Defined) -> None:
    """Raises Refused where no selector of pods means the same endpoints."""
    service, subset = defined.service, defined.subset
    if not service.body.spec.selector:
        raise Refused("subset", (), f"{service.name} has no selector, so no selector can mean its subset {subset.name}")
    for key in subset.labels:
        if key in _PLACES:
            raise Refused("subset", (), f"subset {subset.name} asks for {key}, which Istio takes from the node")
        if key in _INJECTED and not all(key in each.labels for each in behind(mesh, service)):
            raise Refused("subset", (), f"subset {subset.name} asks for {key}, which pods get with their sidecar only")


def selector(defined: Defined) -> dict[str, str] | None:
    """What the versioned Service selects; None if no pod can be in the subset."""
    own, wanted = defined.service.body.spec.selector, defined.subset.labels
    if any(own.get(key, value) != value for key, value in wanted.items()):
        return None
    return {**own, **wanted}


# --- names ----------------------------------------------------------------------------------------------------------


def known(mesh: Mesh, service: Resource[Service]) -> Mapping[str, str]:
    """The versioned Services that there are already: subset -> name."""
    return mesh.index(_known).get((service.namespace, service.name), {})


def _known(mesh: Mesh) -> Mapping[tuple[str, str], dict[str, str]]:
    found: dict[tuple[str, str], dict[str, str]] = {}
    for each in mesh.of(Service):
        of, _, subset = each.body.metadata.annotations.get(SUBSET, "").partition("/")
        if subset and made.is_ours(each):
            found.setdefault((each.namespace, of), {})[subset] = each.name
    return found


def is_versioned(service: Resource[Service]) -> bool:
    """Whether the Service stands for a subset of another one."""
    return made.is_ours(service) and SUBSET in service.body.metadata.annotations


def written_name(mesh: Mesh, defined: Defined) -> str:
    """The name of the versioned Service in the text: SERVICE-SUBSET, with a hash where that is taken, too long or no label."""
    longer = len(defined.beside.name) - len(made.written_name(defined.beside))
    most = _MOST - max(0, longer)
    plain = _plain(defined.service, defined.subset.name)
    own = made.renamed(plain, defined.beside)
    taken = mesh.find(Service, defined.service.namespace, own) is not None
    is_label = re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", plain) is not None
    if is_label and len(plain) <= most and not taken and mesh.index(_wanted)[defined.service.namespace, plain] < 2:
        return plain
    digest = hashlib.sha256(f"{made.written_name(defined.service)}/{defined.subset.name}".encode()).hexdigest()[:_HASH]
    short = re.sub(r"[^a-z0-9]+", "-", plain.lower())[: most - _HASH - 1].rstrip("-")
    return f"{short}-{digest}"


def name(mesh: Mesh, defined: Defined) -> str:
    """The name of the versioned Service in the mesh."""
    there = known(mesh, defined.service).get(defined.subset.name)
    return there or made.renamed(written_name(mesh, defined), defined.beside)


def _plain(service: Resource[Service], subset: str) -> str:
    return f"{made.written_name(service)}-{subset}"


def _wanted(mesh: Mesh) -> Counter[tuple[str, str]]:
    """How many subsets would like a name: `a-b` with subset `c`, and `a` with subset `b-c`."""
    return Counter((namespace, f"{service}-{subset}") for namespace, service, subset in set(_defined(mesh)))


def _defined(mesh: Mesh) -> Iterator[tuple[str, str, str]]:
    for rule in mesh.of(DestinationRule):
        for service in hosts.services(mesh, rule.body.spec.host, rule.namespace, rule.file) if rule.body.spec.subsets else ():
            yield from ((service.namespace, made.written_name(service), each.name) for each in rule.body.spec.subsets)
