"""Jobs that make the calls of the trials: before a wave as a baseline, and unchanged after it as a gate."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from ambimigrate.changes import Change, Stage
from ambimigrate.converters.apply import after
from ambimigrate.kinds import Namespace
from ambimigrate.model import Mesh, Resource
from ambimigrate.plan import tokens, trials
from ambimigrate.plan.outcomes import ADDRESS, INGRESS, NOBODY, SIDECAR, Around
from ambimigrate.plan.trials import Trial
from ambimigrate.plan.values import Plan, Wave
from ambimigrate.topology import injection

IMAGE = "curlimages/curl:8.11.1"  # has sh and curl, and needs no root
ADDRESSES = "ambimigrate-probe-addresses"  # the ConfigMap with addresses of pods, which only the cluster knows
WAVE, POLICY, EXPECTS, REQUEST = (f"ambimigrate.io/{each}" for each in ("wave", "policy", "expects", "request"))
_NAME = 50  # of 63 characters that a label holds; pods add six of their own
_USER = 65532  # any but 1337, which sidecars run as and do not capture
# Envoy's RBAC answers 403 `RBAC: access denied`, its JWT filter 401 `Jwt …`; ztunnel has only connections to close, which a
# proxy on the way tells as 503 `upstream connect error`.
SCRIPT = r"""
want=$1
how=$2
shift 2
once() {
  if [ "$how" = connection ]; then
    told=$(sleep 8 | curl -s -m 6 -w '\n%{time_connect}' "$@")
    code=$?
    time=${told##*
}
    case "$code:$time" in
      *:0.000000) saw=unclear ;;
      28:*) saw=answered ;;
      0:* | 52:* | 55:* | 56:*) saw=refused ;;
      *) saw=unclear ;;
    esac
    if [ "${told%
*}" ] && [ "$saw" = refused ]; then saw=answered; fi
    status="closed or open ($code)"
    return
  fi
  told=$(curl -s -m 10 -w '\n%{http_code}' "$@")
  code=$?
  status=${told##*
}
  case "$code:$status:$told" in
    0:403:*"RBAC: access denied"*) saw=refused ;;
    0:401:*Jwt*) saw=refused ;;
    0:503:*"upstream connect error"*) saw=refused ;;
    0:503:*"no healthy upstream"*) saw=unclear ;;
    0:*) saw=answered ;;
    35:* | 52:* | 56:*) saw=refused ;;
    *) saw=unclear ;;
  esac
}
end=1
for try in 1 2 3 4 5; do
  once "$@"
  echo "try $try: $saw, status $status, curl $code; expected: $want"
  if [ "$saw" = "$want" ]; then
    end=0
    break
  fi
  if [ "$saw" = answered ]; then
    echo "a forbidden request was answered"
    break
  fi
  sleep 4
done
if [ "$PROXY" = sidecar ]; then
  curl -s -m 5 -o /dev/null -X POST http://localhost:15020/quitquitquit || true
fi
exit $end
"""


class Made(Struct, frozen=True):
    """What Jobs are made with: the image, and the name of the Secrets with tokens, which users keep beside the callers."""

    image: str = IMAGE
    secret: str = ""


class Probe(Struct, frozen=True):
    """A Job, and what it tries."""

    job: Mapping[str, Any]
    trial: Trial
    is_complete: bool = True  # whether nothing is missing that a user has to name

    @property
    def name(self) -> str:
        return str(self.job["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.job["metadata"]["namespace"])


def probes(
    meshes: Iterable[Mesh], changes: Iterable[Change], plan: Plan, made: Made
) -> Mapping[tuple[str, int], tuple[Probe, ...]]:
    """The Jobs of each wave, by mesh and number; waves that touch no policy have none."""
    by_name = {mesh.name: mesh for mesh in meshes}
    every = tuple(changes)
    found: dict[tuple[str, int], tuple[Probe, ...]] = {}
    ends = {name: after(mesh, every) for name, mesh in by_name.items()}
    moved: dict[str, set[str]] = {name: set() for name in by_name}
    for wave in plan.waves:
        mesh = by_name[wave.mesh]
        moved[wave.mesh].update(wave.namespaces)
        staying = frozenset(name for name in injection.namespaces(mesh) if _stays(mesh, name, moved[wave.mesh]))
        around = Around(mesh, ends[wave.mesh], staying)
        found[wave.mesh, wave.number] = tuple(_of_wave(around, wave, made))
    return found


def _stays(mesh: Mesh, name: str, moved: set[str]) -> bool:
    return name not in moved and injection.mode(mesh, name) in {injection.SIDECAR, injection.MIXED}


def _of_wave(around: Around, wave: Wave, made: Made) -> Iterator[Probe]:
    """The calls about the policies of the namespaces that move, or are bound, in the wave."""
    bound = (each.namespace for step in wave.steps for each in step.changes if each.stage > Stage.waypoints)
    spaces = sorted({*wave.namespaces, *bound})
    for policy in (each for kind in trials.KINDS for each in around.before.within(kind, *spaces)):
        for trial in trials.of_policy(around, policy):
            if trial.is_safe or not trial.allowed:
                yield Probe(_job(around.before, wave, trial, made), trial, bool(made.secret) or not trial.token)


def _job(mesh: Mesh, wave: Wave, trial: Trial, made: Made) -> dict[str, Any]:
    own = {"app.kubernetes.io/name": "ambimigrate-probe", WAVE: str(wave.number)}
    labels, annotations = _plane(mesh, trial)
    expects = "answered" if trial.allowed else "refused"
    told = {POLICY: str(trial.policy), EXPECTS: expects, REQUEST: f"{trial.what} from {trial.who}"}
    metadata = {
        "name": _name(wave, trial),
        "namespace": _space(trial),
        "labels": own,
        "annotations": told,
    }
    template = {"metadata": {"labels": {**own, **labels}, "annotations": annotations}, "spec": _pod(trial, made, expects)}
    if not annotations:
        del template["metadata"]["annotations"]
    spec = {"backoffLimit": 0, "activeDeadlineSeconds": 300, "template": template}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def _space(trial: Trial) -> str:
    """Where the Job runs: with its caller, or beside the Service if a gateway calls for it."""
    return (trial.place.namespace if trial.kind == INGRESS else trial.caller.namespace) or "default"


def _plane(mesh: Mesh, trial: Trial) -> tuple[dict[str, str], dict[str, str]]:
    """The labels and annotations that give the pod the data plane of its kind of caller."""
    if trial.kind == SIDECAR:
        own: Resource[Namespace] | None = injection.namespaces(mesh).get(trial.caller.namespace)
        revision = own.body.metadata.labels.get(injection.REVISION) if own else None
        labels = {injection.INJECT: "true", **({injection.REVISION: revision} if revision else {})}
        return labels, {"proxy.istio.io/config": '{"holdApplicationUntilProxyStarts": true}'}
    mode = "none" if trial.kind in {NOBODY, INGRESS} else injection.AMBIENT
    return {injection.INJECT: "false", injection.MODE: mode}, {}


def _pod(trial: Trial, made: Made, expects: str) -> dict[str, Any]:
    environment: list[dict[str, Any]] = [{"name": "PROXY", "value": "sidecar" if trial.kind == SIDECAR else "none"}]
    if trial.kind == ADDRESS:
        source = {"configMapKeyRef": {"name": ADDRESSES, "key": key(trial)}}
        environment.append({"name": "ADDRESS", "valueFrom": source})
    if trial.token:
        token = {"secretKeyRef": {"name": made.secret, "key": tokens.key(trial.token)}}
        environment.append({"name": "TOKEN", "valueFrom": token})
    few = {"cpu": "10m", "memory": "32Mi"}
    container = {
        "name": "probe",
        "image": made.image,
        "command": ["sh", "-c", SCRIPT.strip(), "probe"],
        "args": [expects, "request" if trial.ask.method else "connection", *_arguments(trial)],
        "env": environment,
        "resources": {"requests": few, "limits": {"cpu": "100m", "memory": "64Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    return {
        "serviceAccountName": "default" if trial.kind == INGRESS else trial.caller.account or "default",
        "automountServiceAccountToken": False,
        "restartPolicy": "Never",
        "securityContext": {"runAsNonRoot": True, "runAsUser": _USER, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }


def key(trial: Trial) -> str:
    """Under which name the ConfigMap has the address of a pod behind the Service."""
    return f"{trial.service.name}.{trial.service.namespace}"


def _arguments(trial: Trial) -> Iterator[str]:
    """What curl is called with; Kubernetes would expand `$(NAME)` in arguments, which `$$` keeps it from."""
    if trial.kind == INGRESS:
        port = trial.entrance.rpartition(":")[2]
        yield from ("-k", "--path-as-is", "-g", "--connect-to", f"::{trial.entrance}")
        yield f"{trial.scheme}://{_kept(trial.ask.host)}:{port}{_kept(trial.ask.path)}"
        return
    host = f"$(ADDRESS):{trial.port}" if trial.kind == ADDRESS else f"{trial.place.host}:{trial.place.port}"
    if not trial.ask.method:
        yield f"telnet://{host}"
        return
    yield from (
        ("-X", trial.ask.method) if trial.ask.method not in {"GET", "HEAD"} else ("-I",) if trial.ask.method == "HEAD" else ()
    )
    asked = trial.ask.host or trial.place.host
    if trial.kind == ADDRESS or asked != trial.place.host:
        yield from ("-H", f"Host: {_kept(asked)}")
    for name, value in trial.ask.headers:
        is_token = trial.token and name.lower() == tokens.HEADER
        yield from ("-H", f"{name}: {tokens.SCHEME}$(TOKEN)" if is_token else _kept(f"{name}: {value}"))
    yield from ("--path-as-is", "-g", f"http://{host}{_kept(trial.ask.path)}")


def _kept(text: str) -> str:
    return text.replace("$", "$$")


def _name(wave: Wave, trial: Trial) -> str:
    """A name of letters, digits and dashes that no other Job of the plan has."""
    whole = f"{trial.policy} {trial.kind} {trial.allowed} {trial.caller} {trial.what}"
    mark = hashlib.sha256(whole.encode()).hexdigest()[:6]
    readable = re.sub(r"[^a-z0-9]+", "-", f"probe-{wave.number}-{trial.kind}-{trial.policy.name}".lower())
    return f"{readable[: _NAME - 7].strip('-')}-{mark}"


__all__ = ["ADDRESSES", "IMAGE", "Made", "Probe", "key", "probes"]
