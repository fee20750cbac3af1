"""WP003: a waypoint of a revision that no control plane of the input has."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.pods import sequence
from ambimigrate.kinds import ConfigMap, Gateway, HelmValues, IstioOperator, MutatingWebhookConfiguration, SailIstio, Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import attachment, charts, injection, policies, waypoints

TAG = "istio.io/tag"
DEFAULT = "default"


@rule("WP003", Gateway)
def check(gateway: Resource[Gateway], mesh: Mesh) -> Iterator[Hit]:
    if gateway.body.spec.gateway_class_name not in {waypoints.CLASS, attachment.AGENTGATEWAY}:
        return
    own = gateway.body.metadata.labels.get(injection.REVISION)
    wanted = own or injection.labels(mesh, gateway.namespace).get(injection.REVISION)
    known = revisions(mesh)
    if not wanted or not known or wanted in known:
        return
    where = ("metadata", "labels", injection.REVISION) if own else ("metadata", "name")
    served = policies.listed(each.name for each in attachment.served(mesh, gateway))
    whom = f" to {served}" if served else ""
    yield Hit(
        gateway.at(*where),
        f"fails open: no control plane has revision {wanted} (there is {policies.listed(sorted(known))}), so the waypoint is "
        f"never programmed and traffic{whom} goes past it",
    )


def revisions(mesh: Mesh) -> frozenset[str]:
    """The revisions and tags of control planes in the input; empty if it shows none."""
    return mesh.index(_revisions)


def _revisions(mesh: Mesh) -> frozenset[str]:
    return frozenset((*_installed(mesh), *_running(mesh)))


def _installed(mesh: Mesh) -> Iterator[str]:
    for operator in mesh.of(IstioOperator):
        yield operator.body.spec.revision or DEFAULT
    for sail in mesh.of(SailIstio):
        yield sail.name
        yield f"{sail.name}-{sail.body.spec.version.replace('.', '-')}"  # with the update strategy RevisionBased
    for chart in mesh.of(HelmValues):
        if chart.body.chart == charts.ISTIOD and chart.body.whole:
            yield str(chart.body.values.get("revision") or DEFAULT)
            yield from map(str, sequence(chart.body.values.get("revisionTags")))


def _running(mesh: Mesh) -> Iterator[str]:
    for config in mesh.of(ConfigMap):
        if "mesh" in config.body.data and (config.name == "istio" or config.name.startswith("istio-")):
            yield config.name.removeprefix("istio-") if config.name != "istio" else DEFAULT
    for holder in (*mesh.of(Service), *mesh.of(MutatingWebhookConfiguration)):
        labels = holder.body.metadata.labels
        if TAG in labels:
            yield from (labels[TAG], labels.get(injection.REVISION, DEFAULT))
        elif labels.get("app") == "istiod" and injection.REVISION in labels:
            yield labels[injection.REVISION]
