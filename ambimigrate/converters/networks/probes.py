"""The kubelet's probes on Cilium: policies that isolate pods also admit the address from which probes come.

A rule in each policy that isolates: one for the whole cluster would need `enableDefaultDeny`, which Cilium has from 1.16 on,
and without it would cut off every pod.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ambimigrate.changes import Edit, Set
from ambimigrate.converters.networks.cni import Seen
from ambimigrate.converters.networks.entries import Policy
from ambimigrate.kinds import Service
from ambimigrate.model import Mesh
from ambimigrate.topology import networks, probes
from ambimigrate.topology.networks import Pods


def admitted(seen: Seen, pods: Iterable[Pods], pairs: Iterable[tuple[Policy, Edit]]) -> Iterator[tuple[Policy, Edit]]:
    """The rules that admit the probes of the pods, in one policy each; `pairs` are edits that come before."""
    mesh = seen.mesh
    if not probes.runs_cilium(mesh) or probes.are_admitted(mesh):
        return
    before = [(id(policy), edit.route) for policy, edit in pairs]
    done: set[int] = set()
    for each in pods:
        bound = list(networks.policies_on(mesh, each, "Ingress"))
        if not bound or each.workload is None or not probes.is_probed(each.workload):
            continue
        if not done.isdisjoint(map(id, bound)) or any(probes.admits(seen.origin(one)) for one in bound):
            continue
        first = next((one for one in bound if seen.can_grow(one, "ingress")), bound[0])
        done.add(id(first))
        number = len(first.body.spec.ingress) + sum(key == id(first) and _is_new(route) for key, route in before)
        yield first, Set(("spec", "ingress", number), {"from": [{"ipBlock": {"cidr": block}} for block in _blocks(mesh)]})


def _is_new(route: tuple[str | int, ...]) -> bool:
    """Whether an edit adds a rule for incoming traffic."""
    return len(route) == 3 and route[1] == "ingress"


def _blocks(mesh: Mesh) -> list[str]:
    has_v6 = any("IPv6" in each.body.spec.ip_families for each in mesh.of(Service))
    return list(probes.BLOCKS if has_v6 else probes.BLOCKS[:1])
