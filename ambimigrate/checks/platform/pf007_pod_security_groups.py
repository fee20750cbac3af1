"""PF007: security groups of pods on AWS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.platform import install
from ambimigrate.checks.platform.cilium import matters
from ambimigrate.checks.pods import named
from ambimigrate.kinds import DaemonSet, SecurityGroupPolicy
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology.captured import captured
from ambimigrate.topology.networks import selects
from ambimigrate.topology.workloads import in_namespace, of_resource

_MODE = "POD_SECURITY_GROUP_ENFORCING_MODE"


@rule("PF007", DaemonSet, SecurityGroupPolicy)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if isinstance(resource.body, SecurityGroupPolicy):
        yield from _of_policy(resource, mesh)
        return
    workload = of_resource(mesh, resource) if resource.name == "aws-node" else None
    if workload is None or install.variable(workload, "ENABLE_POD_ENI") != "true" or not matters(mesh):
        return
    mode = install.variable(workload, _MODE) or "strict"
    if mode != "standard":
        yield Hit(
            resource.at("spec", "template", "spec", "containers"),
            f"aws-node enforces security groups of pods in mode {mode}: the kubelet's probes of enrolled pods leave by the "
            "branch ENI and fail",
            "probes",
        )


def _of_policy(policy: Resource[SecurityGroupPolicy], mesh: Mesh) -> Iterator[Hit]:
    spec = policy.body.spec
    if spec.pod_selector is None and spec.service_account_selector is None:
        return
    own = (each for each in in_namespace(mesh, policy.namespace) if captured(mesh, each))
    found = [each for each in own if spec.pod_selector is None or selects(spec.pod_selector, each.labels)]
    if found:
        yield Hit(
            policy.at("spec"),
            f"security groups of {named(found)}: mesh traffic arrives on TCP 15008, which they have to admit like the port "
            "of the application",
            "group",
        )
