"""The call graph of a mesh's namespaces as edges, each with what shows it and where that stands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from ambimigrate.model import Mesh
from ambimigrate.plan.values import Edge, Graph
from ambimigrate.topology import injection
from ambimigrate.topology.callgraph import Witness, witnesses
from ambimigrate.traffic import REQUESTS, Flow, Traffic


def graph(mesh: Mesh, traffic: Traffic | None = None, file: str = "") -> Graph:
    """Every call between two namespaces that something shows; `traffic` was read from `file`."""
    found = [_edge(each) for each in witnesses(mesh)]
    if traffic is not None:
        found += _measured(mesh, traffic.flows, file)
    return Graph(mesh.name, tuple(sorted(set(found), key=_key)))


def _key(edge: Edge) -> tuple[str, str, bool, str, str, int]:
    return edge.caller, edge.callee, edge.guessed, edge.because, edge.file, edge.line or 0


def _edge(witness: Witness) -> Edge:
    place = witness.resource.at()
    return Edge(
        witness.caller, witness.callee, f"{witness.resource.ref} {witness.what}", place.file, place.line, witness.guessed
    )


def _measured(mesh: Mesh, flows: Iterable[Flow], file: str) -> Iterator[Edge]:
    """An edge for each pair of namespaces that was seen to talk, with the rates and the busiest pair in it."""
    known = injection.namespaces(mesh)
    pairs: dict[tuple[str, str], list[Flow]] = defaultdict(list)
    for flow in flows:
        if flow.source_namespace in known and flow.namespace in known and flow.source_namespace != flow.namespace:
            pairs[flow.source_namespace, flow.namespace].append(flow)
    for (caller, callee), seen in pairs.items():
        first = max(seen, key=lambda flow: (flow.rate, flow.source, flow.service))
        rates = " and ".join(f"{rate:.3g} {kind}/s" for kind, rate in _rates(seen).items())
        named = f", most from {first.source or 'unnamed pods'} to {first.service or 'unnamed Services'}"
        yield Edge(caller, callee, f"traffic: {rates}{named}", file)


def _rates(flows: Iterable[Flow]) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for flow in flows:
        found[flow.kind] += flow.rate
    return dict(sorted(found.items(), key=lambda pair: pair[0] != REQUESTS))


def incoming(traffic: Traffic | None) -> dict[str, float]:
    """Calls of each namespace in a second, as far as they were measured."""
    found: dict[str, float] = defaultdict(float)
    for flow in traffic.flows if traffic is not None else ():
        found[flow.namespace] += flow.rate
    return found


def unnamed(mesh: Mesh, traffic: Traffic | None) -> tuple[str, ...]:
    """The namespaces of the mesh that are called by somebody whose namespace Prometheus does not know."""
    known = injection.namespaces(mesh)
    flows = traffic.flows if traffic is not None else ()
    return tuple(sorted({each.namespace for each in flows if not each.source_namespace and each.namespace in known}))
