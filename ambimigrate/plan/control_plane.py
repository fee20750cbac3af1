"""How this mesh's Istio is installed, and what switches ambient mode on there: commands, or the fields of its files."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from ambimigrate.checks.platform import install
from ambimigrate.converters.elsewhere import is_elsewhere
from ambimigrate.kinds import DaemonSet, HelmValues, IstioOperator, Node, SailIstio
from ambimigrate.model import Mesh, Resource
from ambimigrate.plan.lines import kubectl, remark, told
from ambimigrate.topology import charts, injection, meshconfig

AGENTS = ("istio-cni-node", "ztunnel")
# Istio, manifests/helm-profiles/platform-*.yaml: other platforms have no profile of their own and need none.
_PROFILES = frozenset({"gke", "k3d", "k3s", "microk8s", "minikube", "openshift"})
_PROVIDERS = {"gce": "gke", "aws": "eks", "azure": "aks"}
# What profile ambient sets (Istio, manifests/helm-profiles/ambient.yaml); the profile itself would take away the ingress
# gateway of profile default.
_SETTINGS = (
    "values.pilot.env.PILOT_ENABLE_AMBIENT=true",
    "values.cni.ambient.enabled=true",
    "components.cni.enabled=true",
    "components.ztunnel.enabled=true",
    "meshConfig.defaultConfig.proxyMetadata.ISTIO_META_ENABLE_HBONE=true",
)


class Setup(Struct, frozen=True):
    """The object that installs Istio, if the input has one, and where it runs."""

    mesh: Mesh
    resource: Resource[Any] | None
    root: str
    revision: str
    platform: str

    @property
    def istiod(self) -> str:
        """The Deployment of the control plane."""
        return f"istiod-{self.revision}" if self.revision else "istiod"

    @property
    def profile(self) -> str:
        """The platform where Istio has a profile for it, else nothing."""
        return self.platform if self.platform in _PROFILES else ""


def setup(mesh: Mesh) -> Setup:
    """What the input says about the installation."""
    resource = next(iter(install.installations(mesh)), None)
    return Setup(mesh, resource, meshconfig.root_namespace(mesh), _revision(mesh, resource), _platform(mesh))


def _revision(mesh: Mesh, resource: Resource[Any] | None) -> str:
    """The revision of the control plane: as installed, else the one that most namespaces ask for; empty for `default`."""
    named = [each.labels.get(injection.REVISION, "") for each in install.istiods(mesh)]
    if resource is not None and isinstance(resource.body, IstioOperator):
        named.insert(0, resource.body.spec.revision)
    elif resource is not None and not named:
        named.append(str(install.helm(resource).get("revision") or ""))
    found = next((each for each in named if each), "")
    return "" if found == "default" else found


def _platform(mesh: Mesh) -> str:
    if mesh.target.platform:
        return mesh.target.platform
    providers = (each.body.spec.provider_id.partition(":")[0] for each in mesh.of(Node))
    return next((_PROVIDERS[each] for each in providers if each in _PROVIDERS), "")


def is_on(mesh: Mesh) -> bool:
    """Whether a cluster shows that ambient mode is installed: istiod knows it, and both agents are there."""
    known = any(install.is_true(install.variable(each, install.AMBIENT)) for each in install.istiods(mesh))
    return mesh.source != "files" and known and set(AGENTS) <= {name for name, _, _ in agents(mesh)}


def agents(mesh: Mesh) -> Iterator[tuple[str, int, int]]:
    """The node agents of the cluster with the nodes on which they are ready, and should be."""
    for each in mesh.of(DaemonSet):
        wanted = each.body.status.desired_number_scheduled
        if each.name in AGENTS and wanted is not None:
            yield each.name, each.body.status.number_ready, wanted


def files(found: Setup) -> tuple[str, ...]:
    """The files in which the settings belong."""
    return (found.resource.file,) if found.resource is not None and not is_elsewhere(found.resource) else ()


def commands(found: Setup) -> Iterator[str]:
    """What switches ambient mode on, in the order istiod, istio-cni, ztunnel."""
    body = found.resource.body if found.resource is not None else None
    if found.resource is not None and is_elsewhere(found.resource) and isinstance(body, IstioOperator):
        body = None
    match body:
        case IstioOperator():
            yield from _by_istioctl(found)
        case SailIstio():
            yield from _by_sail(found)
        case HelmValues():
            yield from _by_files(found, body)
        case _:
            yield from _by_helm(found)


def _by_istioctl(found: Setup) -> Iterator[str]:
    file = found.resource.file if found.resource else ""
    settings = [*_SETTINGS, *([f"values.global.platform={found.profile}"] if found.profile else [])]
    chosen = [word for each in settings for word in ("--set", each)]
    yield told("istioctl version --remote=false", f"has to be of version {found.mesh.target.istio}")
    yield remark(f"write the settings of the next command into {file}, so that later installs keep them")
    yield shlex.join(["istioctl", "upgrade", "-y", "-f", file, *chosen])


def _by_sail(found: Setup) -> Iterator[str]:
    """The Sail operator has an object for each agent (sailoperator.io IstioCNI and ZTunnel)."""
    name = found.resource.name if found.resource else "default"
    version = found.resource.body.spec.version if found.resource else ""
    pilot = {"pilot": {"trustedZtunnelNamespace": found.root}}
    patch = {"spec": {"profile": "ambient", "values": pilot}}
    yield kubectl("", "patch", f"istio.sailoperator.io/{name}", "--type=merge", "-p", _json(patch))
    newer = "v1" if found.mesh.target.istio.line >= (1, 28) else "v1alpha1"
    for kind, api in (("IstioCNI", "v1"), ("ZTunnel", newer)):
        spec = {"namespace": found.root, **({"version": version} if version else {})}
        spec |= {"profile": "ambient"} if kind == "IstioCNI" else {}
        made = {"apiVersion": f"sailoperator.io/{api}", "kind": kind, "metadata": {"name": "default"}, "spec": spec}
        yield f"echo {shlex.quote(_json(made))} | kubectl apply --server-side -f -"


def _by_files(found: Setup, body: HelmValues) -> Iterator[str]:
    """Charts that a GitOps repository installs: the fields to set, since commands would be reverted."""
    own = found.resource
    said = f"{own.ref} in {own.file}" if own else body.chart
    platform = f" and global.platform: {found.profile}" if found.profile else ""
    yield remark(f"in the values of {said}: set profile: ambient{platform}")
    known = {each.body.chart: each for each in found.mesh.of(HelmValues)}
    version = body.version or str(found.mesh.target.istio)
    for chart in (charts.CNI, charts.ZTUNNEL):
        if chart in known:
            yield remark(f"in the values of {known[chart].ref} in {known[chart].file}: set profile: ambient{platform}")
        else:
            yield remark(f"beside it, install chart {chart} in version {version} with profile: ambient{platform}")
    yield remark("commit in this order, each once the one before is ready: istiod, istio-cni, ztunnel")


def _by_helm(found: Setup) -> Iterator[str]:
    search = shlex.join(("helm", "search", "repo", "istio/ztunnel", "--version", str(found.mesh.target.istio)))
    yield told(search, "lists the chart; else add the repository of Istio's charts as `istio` first")
    yield told(shlex.join(("helm", "list", "-n", found.root)), "shows the releases: take their names where they differ")
    revision = ("--set", f"revision={found.revision}") if found.revision else ()
    platform = ("--set", f"global.platform={found.profile}") if found.profile else ()
    for release, chart in ((found.istiod, "istiod"), ("istio-cni", "cni"), ("ztunnel", "ztunnel")):
        how = ("--reuse-values",) if chart == "istiod" else ("--install",)
        base = ("helm", "upgrade", *how, release, f"istio/{chart}", "-n", found.root)
        version = ("--version", str(found.mesh.target.istio), "--set", "profile=ambient")
        yield shlex.join((*base, *version, *platform, *revision, "--wait"))


def undo(found: Setup) -> Iterator[str]:
    """What takes it away again, in reverse order."""
    body = found.resource.body if found.resource is not None else None
    if isinstance(body, IstioOperator) and found.resource and not is_elsewhere(found.resource):
        yield told(shlex.join(("istioctl", "upgrade", "-y", "-f", found.resource.file)), "with the settings taken out of it")
    elif isinstance(body, SailIstio) and found.resource:
        yield "kubectl delete ztunnel.sailoperator.io/default istiocni.sailoperator.io/default"
        patch = {"spec": {"profile": body.spec.profile or None}}
        yield kubectl("", "patch", f"istio.sailoperator.io/{found.resource.name}", "--type=merge", "-p", _json(patch))
    elif isinstance(body, HelmValues):
        yield remark("git revert the commits of this step, the last one first, and let each be applied")
    else:
        yield shlex.join(("helm", "uninstall", "ztunnel", "istio-cni", "-n", found.root, "--wait"))
        yield shlex.join(("helm", "rollback", found.istiod, "-n", found.root, "--wait"))


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
