"""Who was seen to call whom, as Prometheus counts it: the query to ask, and its answer as values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

_BY = (
    "source_workload_namespace, source_workload, source_principal, "
    "destination_service_namespace, destination_service_name, destination_workload_namespace"
)
_KIND = "traffic_kind"
REQUESTS, CONNECTIONS = "requests", "connections"

# Istio's standard metrics (istio.io, Reference, Config, Metrics); the reporter is the client's proxy, or the waypoint.
QUERY = " or ".join(
    f'label_replace(sum by ({_BY}) (rate({metric}{{reporter=~"source|waypoint"}}[1d])), "{_KIND}", "{kind}", "", "")'
    for metric, kind in (("istio_requests_total", REQUESTS), ("istio_tcp_connections_opened_total", CONNECTIONS))
)


class Flow(Struct, frozen=True):
    """Calls from one workload to one Service: requests, or connections, in a second. Unknown names are empty."""

    source_namespace: str
    source: str
    principal: str
    namespace: str
    service: str
    rate: float
    kind: str = REQUESTS


class Traffic(Struct, frozen=True):
    """All flows of one answer."""

    flows: tuple[Flow, ...] = ()


def flows(answer: Mapping[str, Any]) -> Iterator[Flow]:
    """The flows of an answer of Prometheus' query API, which its schema has checked; what is no call is left out."""
    for each in answer["data"]["result"]:
        labels = each["metric"]
        rate = float(each["value"][1])
        namespace = labels.get("destination_service_namespace") or labels.get("destination_workload_namespace", "")
        if rate > 0 and namespace:
            yield Flow(
                _known(labels.get("source_workload_namespace", "")),
                _known(labels.get("source_workload", "")),
                _known(labels.get("source_principal", "")),
                _known(namespace),
                _known(labels.get("destination_service_name", "")),
                rate,
                labels.get(_KIND, REQUESTS),
            )


def _known(label: str) -> str:
    return "" if label == "unknown" else label
