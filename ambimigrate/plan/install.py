"""The steps before any namespace moves: Gateway API, istiod, istio-cni and ztunnel, then HBONE for the sidecars."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from ambimigrate.kinds import CustomResourceDefinition
from ambimigrate.model import Mesh
from ambimigrate.plan import control_plane, restarts, triggers
from ambimigrate.plan.control_plane import AGENTS, Setup
from ambimigrate.plan.lines import NOTHING, jsonpath, kubectl, remark, told
from ambimigrate.plan.values import Step
from ambimigrate.topology import gatewaypods, injection, running
from ambimigrate.topology.gatewayapi import BUNDLE, CHANNEL, GATEWAYS
from ambimigrate.topology.workloads import Workload, workloads
from ambimigrate.versions import parse

_CRDS = "https://github.com/kubernetes-sigs/gateway-api/releases/download/v{version}/{channel}-install.yaml"
_RESTARTABLE = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
_PROVIDED = {"gke": "GKE's own, where the cluster has the Gateway API switched on", "openshift": "OpenShift's own from 4.19 on"}
_ENROLLED = (
    'go-template={{range .items}}{{if and .metadata.annotations (eq (print (index .metadata.annotations "'
    'ambient.istio.io/redirection")) "enabled")}}{{.metadata.namespace}}/{{.metadata.name}}{{"\\n"}}{{end}}{{end}}'
)
_NOBODY = "nothing: no pod is ambient yet, every sidecar decides as before"


def steps(mesh: Mesh) -> Iterator[Step]:
    """What this mesh still lacks; order: CRDs, istiod, istio-cni, ztunnel, restarts (pitfalls IN01, IN03)."""
    if not any(injection.is_meshed(mesh, name) for name in injection.namespaces(mesh)):
        return
    found = control_plane.setup(mesh)
    if not _has_crds(mesh):
        yield _crds(mesh, found)
    waiting = [name for name, ready, wanted in control_plane.agents(mesh) if ready < wanted]
    is_on = control_plane.is_on(mesh)
    if not is_on:
        yield _istio(mesh, found)
    elif waiting:
        yield _agents(found, tuple(waiting))
    commands = tuple(_deaf(mesh)) if is_on else tuple(_restarts(mesh))
    if commands:
        yield _hbone(mesh, commands)


def _has_crds(mesh: Mesh) -> bool:
    """Whether the cluster has the Gateway API in the version and channel of the target, or better."""
    for each in mesh.of(CustomResourceDefinition):
        if each.name == GATEWAYS and mesh.source != "files":
            own = each.body.metadata.annotations
            try:
                return parse(own.get(BUNDLE, "")) >= mesh.target.gateway_api and own.get(CHANNEL) in {
                    mesh.target.channel,
                    "experimental",
                }
            except ValueError:
                return False
    return False


def _crds(mesh: Mesh, found: Setup) -> Step:
    version, channel = mesh.target.gateway_api, mesh.target.channel
    provided = _PROVIDED.get(found.platform)
    own = (remark(f"the CRDs may be {provided}: then they come with the platform"),) if provided else ()
    bundle, kind = (jsonpath(("metadata", "annotations", each)) for each in (BUNDLE, CHANNEL))
    return Step(
        f"Install the CRDs of the Gateway API, {version}, channel {channel}",
        None,
        (),
        (*own, f"kubectl apply --server-side -f {_CRDS.format(version=version, channel=channel)}"),
        (
            kubectl("", "wait", "--for=condition=Established", f"crd/{GATEWAYS}", "--timeout=1m"),
            told(kubectl("", "get", "crd", GATEWAYS, "-o", bundle), f"prints v{version}, or later"),
        ),
        (told(kubectl("", "get", "crd", GATEWAYS, "-o", kind), f"prints {channel}"),),
        (remark("nothing: CRDs do nothing by themselves; taking them away deletes every Gateway and route"),),
        triggers=triggers.of_install(),
        unenforced=_NOBODY,
    )


def _istio(mesh: Mesh, found: Setup) -> Step:
    gateways = tuple(
        told(kubectl(each.namespace, "rollout", "status", _named(each), "--timeout=5m"), "the gateway is still there")
        for each in _gateways(mesh)
    )
    nobody = told(kubectl("", "get", "pods", "-A", "-o", _ENROLLED), f"{NOTHING}, else leave it: their traffic would stop")
    return Step(
        "Switch ambient mode on: istiod, then istio-cni, then ztunnel",
        None,
        control_plane.files(found),
        tuple(control_plane.commands(found)),
        (kubectl(found.root, "rollout", "status", f"deployment/{found.istiod}", "--timeout=10m"), *_ready(found), *gateways),
        tuple(_on_nodes(found)),
        (nobody, *control_plane.undo(found)),
        triggers=triggers.of_install(),
        unenforced=_NOBODY,
    )


def _agents(found: Setup, waiting: tuple[str, ...]) -> Step:
    """The agents are installed, and not ready everywhere: nothing is restarted or enrolled before they are (PF021)."""
    return Step(
        f"Wait for {' and '.join(waiting)} on every node",
        None,
        (),
        tuple(kubectl(found.root, "describe", f"daemonset/{each}") for each in waiting),
        tuple(_ready(found)),
        tuple(_on_nodes(found)),
        (remark("nothing was changed"),),
        triggers=triggers.of_install(),
        unenforced=_NOBODY,
    )


def _ready(found: Setup) -> Iterator[str]:
    for each in AGENTS:
        command = kubectl(found.root, "rollout", "status", f"daemonset/{each}", "--timeout=10m")
        yield told(command, "ends well once it is ready on every node")


def _on_nodes(found: Setup) -> Iterator[str]:
    shown = kubectl(found.root, "get", "pods", "-l", "app=ztunnel", "-o", "wide")
    yield told(shown, "one on each Linux node that runs pods of the mesh")
    logs = kubectl(found.root, "logs", "daemonset/ztunnel", "--since=10m", "--tail=20")
    yield told(logs, "shows no errors about xds")
    yield remark("restart one node and add one: both agents are ready there before other pods start")


def _hbone(mesh: Mesh, commands: tuple[str, ...]) -> Step:
    places = sorted({each.namespace for each in workloads(mesh) if restarts.members(mesh, each.namespace)})
    gateways = (kubectl(each.namespace, "rollout", "status", _named(each), "--timeout=10m") for each in _gateways(mesh))
    budgets = chain.from_iterable(restarts.warnings(mesh, each) for each in places)
    return Step(
        "Restart every sidecar and gateway, so that they speak HBONE",
        None,
        (),
        (remark("one namespace after the other: go on once the gate lists none of its pods"), *budgets, *commands),
        (restarts.hbone_gate(mesh), *gateways),
        (told("istioctl proxy-status", "every proxy is in sync"),),
        (remark("nothing to undo: a restarted sidecar still speaks Istio's mTLS to other sidecars"),),
        triggers=triggers.of_restart(),
        unenforced="nothing: restarted sidecars enforce what they did",
    )


def _gateways(mesh: Mesh) -> tuple[Workload, ...]:
    known = gatewaypods.members(mesh)
    return tuple(each for each in workloads(mesh) if id(each) in known and each.resource.kind in _RESTARTABLE)


def _restarts(mesh: Mesh) -> Iterator[str]:
    found: dict[str, dict[str, None]] = {}
    known = gatewaypods.members(mesh)
    for each in workloads(mesh):
        injected = injection.workload_mode(mesh, each) == injection.SIDECAR or id(each) in known
        if injected and each.resource.kind in _RESTARTABLE:
            found.setdefault(each.namespace, {})[_named(each)] = None
    for namespace, names in sorted(found.items()):
        if not namespace:
            yield remark("objects without a namespace: in the one that kubectl takes, or each where it runs")
        yield kubectl(namespace, "rollout", "restart", *names)


def _deaf(mesh: Mesh) -> Iterator[str]:
    """The restarts of what runs sidecars without HBONE, as the cluster shows it (WL028)."""
    for namespace in injection.namespaces(mesh):
        pods = [each for each in running.pods(mesh, namespace) if running.has_sidecar(each)]
        deaf = [each for each in pods if each.body.metadata.labels.get(running.TUNNEL) != "http"]
        names = dict.fromkeys(running.owner(each) for each in deaf)
        known = {str(each): each for each in restarts.members(mesh, namespace)}
        restarted = [_named(known[each]) for each in names if each in known and known[each].resource.kind in _RESTARTABLE]
        if restarted:
            yield kubectl(namespace, "rollout", "restart", *restarted)
        bare = (each for each in deaf if not each.body.metadata.owner_references)
        yield from (told(kubectl(namespace, "delete", f"pod/{each.name}"), "no restart replaces it") for each in bare)


def _named(workload: Workload) -> str:
    return f"{workload.resource.kind.lower()}/{workload.name}"
