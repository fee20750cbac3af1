"""A small cluster, and how the tests read it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from ambimigrate.decode import Reading
from ambimigrate.model import Target
from ambimigrate.sources.cluster import Patience, Where, read_cluster
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests.fakecluster import FakeCluster, manifest

TARGET = Target(NEWEST, NEWEST_GATEWAY_API)
ISTIO = "networking.istio.io"
REVIEW = re.compile(r"/selfsubject(?:rules)?reviews$")
QUICK = Patience(connect=2, read=2, pause=0.01)
SERVICES = [manifest("Service", f"svc-{number}", "shop", spec={"ports": [{"port": 80}]}) for number in range(7)]
SHOP = manifest("Namespace", "shop", metadata={"labels": {"istio-injection": "enabled"}})
ROUTE = manifest("VirtualService", "route", "shop", ISTIO, spec={"hosts": ["svc-1"]})
ISTIOD = manifest(
    "Deployment",
    "istiod",
    "istio-system",
    "apps",
    metadata={"labels": {"app": "istiod"}},
    spec={"template": {"spec": {"containers": [{"name": "discovery", "image": "r:5000/istio/pilot:1.27.3-distroless"}]}}},
)


def reading(cluster: FakeCluster, folder: Path, *namespaces: str, patience: Patience = QUICK, given: bool = False) -> Reading:
    where = Where(kubeconfig=cluster.kubeconfig(folder), namespaces=namespaces)
    return read_cluster(where, TARGET, given={"istio"} if given else (), patience=patience)


def problems(found: Reading) -> list[tuple[str | None, str | None, str]]:
    return [(each.kind, each.namespace, each.message) for each in found.problems]


def assert_only_reads(requests: Iterable[tuple[str, str]]) -> None:
    """Nothing was asked but lists and single objects, the reviews about oneself, and never a Secret."""
    for method, url in requests:
        assert method == "GET" or (method == "POST" and REVIEW.search(url)), (method, url)
        assert "secret" not in url.lower()
