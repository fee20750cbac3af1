"""The steps before any namespace moves: Gateway API, istiod, istio-cni and ztunnel, then HBONE for the sidecars."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.kinds import IstioOperator
from ambimigrate.model import Mesh
from ambimigrate.plan.values import Step
from ambimigrate.topology import injection, meshconfig
from ambimigrate.topology.workloads import Workload, workloads

_CRDS = "https://github.com/kubernetes-sigs/gateway-api/releases/download/v{version}/{channel}-install.yaml"
_HBONE = "security.istio.io/tlsMode=istio,networking.istio.io/tunnel!=http"  # injected pods that do not speak HBONE yet
_RESTARTABLE = frozenset({"Deployment", "StatefulSet", "DaemonSet"})


def steps(mesh: Mesh) -> Iterator[Step]:
    """The installation for this mesh; order: CRDs, istiod with ambient values, cni, ztunnel, restarts (pitfalls IN01, IN03)."""
    root = meshconfig.root_namespace(mesh)
    yield _crds(mesh)
    yield _istio(mesh, root)
    restarts = tuple(_restarts(mesh))
    if restarts:
        yield Step(
            "Restart every sidecar and gateway, so that they speak HBONE",
            None,
            (),
            restarts,
            (f"kubectl get pods -A -l '{_HBONE}'    # prints no pod",),
            ("istioctl proxy-status    # every proxy in sync",),
            ("nothing to undo: a restarted sidecar still speaks Istio mTLS",),
        )


def _crds(mesh: Mesh) -> Step:
    url = _CRDS.format(version=mesh.target.gateway_api, channel=mesh.target.channel)
    return Step(
        "Install the CRDs of the Gateway API",
        None,
        (),
        (f"kubectl apply --server-side -f {url}",),
        ("kubectl wait --for=condition=Established crd/gateways.gateway.networking.k8s.io",),
        ("kubectl get crd gateways.gateway.networking.k8s.io -o yaml | grep bundle-version",),
        ("keep them: they do nothing by themselves",),
    )


def _istio(mesh: Mesh, root: str) -> Step:
    version = mesh.target.istio
    operator = next((each for each in mesh.of(IstioOperator)), None)
    value = f"global.platform={mesh.target.platform}" if mesh.target.platform else ""
    platform = f" --set {value}" if value else ""
    if operator is None:
        commands = tuple(
            f"helm upgrade {'--install ' if chart != 'istiod' else '--reuse-values '}{release} istio/{chart}"
            f" -n {root} --version {version} --set profile=ambient{platform}"
            for release, chart in (("istiod", "istiod"), ("istio-cni", "cni"), ("ztunnel", "ztunnel"))
        )
        files: tuple[str, ...] = ()
        undo = (f"helm uninstall ztunnel istio-cni -n {root}    # safe as long as no pod is enrolled",)
    else:
        files = (operator.file,)
        undo = (f"istioctl upgrade -f {operator.file}    # without the settings; safe as long as no pod is enrolled",)
        commands = (
            f"istioctl upgrade -f {operator.file} --set values.pilot.env.PILOT_ENABLE_AMBIENT=true"
            " --set values.cni.ambient.enabled=true --set components.cni.enabled=true --set components.ztunnel.enabled=true"
            " --set meshConfig.defaultConfig.proxyMetadata.ISTIO_META_ENABLE_HBONE=true"
            + (f" --set values.{value}" if value else ""),
        )
    return Step(
        "Switch ambient mode on: istiod, then istio-cni, then ztunnel",
        None,
        files,
        commands,
        (
            f"kubectl -n {root} rollout status deployment/istiod daemonset/istio-cni-node daemonset/ztunnel",
            *(
                f"kubectl -n {each.namespace} get {each.resource.kind.lower()} {each.name}    # the gateway is still there"
                for each in _gateways(mesh)
            ),
        ),
        (f"kubectl -n {root} logs daemonset/ztunnel | grep -i error    # nothing about xds",),
        undo,
    )


def _gateways(mesh: Mesh) -> tuple[Workload, ...]:
    return tuple(each for each in workloads(mesh) if injection.is_gateway(each))


def _restarts(mesh: Mesh) -> Iterator[str]:
    found: dict[str, list[str]] = {}
    for each in workloads(mesh):
        injected = injection.workload_mode(mesh, each) == injection.SIDECAR or injection.is_gateway(each)
        if injected and each.resource.kind in _RESTARTABLE:
            found.setdefault(each.namespace, []).append(f"{each.resource.kind.lower()}/{each.name}")
    for namespace, names in sorted(found.items()):
        yield f"kubectl -n {namespace or 'default'} rollout restart {' '.join(names)}"
