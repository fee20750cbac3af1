"""WL011: pods that ask a DNS server of their own choice are answered by ztunnel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import at, listed, sequence, subject
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology.booleans import FALSE
from ambimigrate.topology.workloads import KINDS

CAPTURE = "ambient.istio.io/dns-capture"


@rule("WL011", *KINDS)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    workload = subject(mesh, resource)
    if workload is None or workload.annotations.get(CAPTURE) in FALSE:
        return
    servers = sequence((workload.pod.dns_config or {}).get("nameservers"))
    if workload.pod.dns_policy == "None" or servers:
        field = "dnsPolicy" if workload.pod.dns_policy == "None" else "dnsConfig"
        whom = f" to {listed(map(str, servers))}" if servers else ""
        yield Hit(
            at(workload, "spec", field),
            f"{workload} has its own DNS servers; its queries{whom} on port 53 are captured and answered by ztunnel instead",
        )
    elif any("external-dns" in each.image for each in workload.pod.containers):
        yield Hit(
            at(workload, "spec", "containers"),
            f"{workload} sends DNS updates, which ztunnel captures on port 53 and answers with NOTIMP",
        )
