"""The Jobs of a plan as files: a folder for each wave with a kustomization and a script that runs them and judges."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from ambimigrate.plan import Plan, tokens
from ambimigrate.plan.outcomes import ADDRESS
from ambimigrate.plan.probes import ADDRESSES, Made, Probe, key
from ambimigrate.render import runbook
from ambimigrate.render.markdown import code, escaped
from ambimigrate.yamlio import write

_README = """# Probes of the policies

Each Job makes one call, as one kind of caller, that a policy lets in or refuses today and has to once its wave is done.

1. Before a wave, run its folder as the baseline: `bash {folder}/run.sh`. A Job that fails now tells nothing later; look at its
   log first (a NetworkPolicy may ask for labels of the caller's pods, which these pods do not have).
2. Carry out the wave.
3. Run the same script again. A forbidden request that is answered fails it: undo the wave.

`run.sh` deletes the Jobs of the run before, finds addresses of pods, applies the folder and waits. It ends with 0 if every Job
saw what is expected. `bash {folder}/run.sh clean` takes everything away. Ambient callers need istio-cni and ztunnel: run the
baseline after the waves that install them. The image is `{image}`; `--probe-image` names another one with `sh` and `curl`.

"""
_WAIT = """
failed=0
judge() { # namespace, Job
  local state=""
  local end=$((SECONDS + 320))
  while [[ "$state" != *Complete* && "$state" != *Failed* ]]; do
    if ((SECONDS > end)); then
      break
    fi
    sleep 3
    state="$(kubectl -n "$1" get job "$2" -o 'jsonpath={.status.conditions[?(@.status=="True")].type}')"
  done
  if [[ "$state" == *Complete* ]]; then
    printf 'ok      %s/%s\\n' "$1" "$2"
  else
    failed=1
    printf 'FAILED  %s/%s\\n' "$1" "$2"
    kubectl -n "$1" logs "job/$2" -c probe --tail=6 || true
  fi
}
""".strip()


def files(plan: Plan, found: Mapping[tuple[str, int], tuple[Probe, ...]], made: Made) -> Mapping[str, str]:
    """The texts by their place below the folder."""
    places = {place: own for place, own in runbook.folders(plan).items() if found.get(place)}
    first = next(iter(places.values()), "wave-01")
    told = "".join((*_secrets(found, made), *_table(places, found)))
    out = {"README.md": _README.format(folder=first, image=made.image) + told}
    for place, folder in places.items():
        members = tuple(each for each in found[place] if each.is_complete)
        out[f"{folder}/kustomization.yaml"] = write.text(_kustomization(members))
        out[f"{folder}/run.sh"] = "\n".join(_run(members)) + "\n"
        out |= {f"{folder}/{each.namespace}-{each.name}.yaml": write.text(each.job) for each in members}
    return out


def _secrets(found: Mapping[tuple[str, int], tuple[Probe, ...]], made: Made) -> Iterator[str]:
    """Which tokens are needed where; no Job is written that would lack one."""
    needed = {
        (each.namespace, tokens.key(each.trial.token)): tokens.shown(each.trial.token)
        for members in found.values()
        for each in members
        if each.trial.token
    }
    if not needed:
        return
    yield "## Tokens\n\nSome calls are answered for a signed token only, which nothing here can make. "
    if made.secret:
        yield f"They are taken from Secrets named {code(made.secret)}; make them, with tokens that outlast the wave:\n\n"
    else:
        yield "Their Jobs are not written: name Secrets that hold such tokens with `--probe-token-secret NAME`.\n\n"
    yield "| namespace | key | value |\n|---|---|---|\n"
    yield from (f"| {code(space)} | {code(key)} | {escaped(what)} |\n" for (space, key), what in sorted(needed.items()))
    yield "\n"


def _kustomization(members: tuple[Probe, ...]) -> dict[str, object]:
    names = [f"{each.namespace}-{each.name}.yaml" for each in members]
    return {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": names}


def _table(places: Mapping[tuple[str, int], str], found: Mapping[tuple[str, int], tuple[Probe, ...]]) -> Iterator[str]:
    if not places:
        yield "No wave touches a policy for which a call was found.\n"
    for place, folder in places.items():
        yield f"## {folder}\n\n| policy | call | expected |\n|---|---|---|\n"
        for each in found[place]:
            trial = each.trial
            call = escaped(f"{trial.what} from {trial.who}")
            answer = "answered" if trial.allowed else "refused"
            lacking = "" if each.is_complete else ", no Job: see Tokens"
            yield f"| {code(str(trial.policy))} | {call} | {answer}{lacking} |\n"
        yield "\n"


def _run(members: tuple[Probe, ...]) -> Iterator[str]:
    yield "#!/usr/bin/env bash"
    yield "# Runs the Jobs of this folder and ends with 0 if every one saw what is expected; `clean` takes them away."
    yield "set -euo pipefail"
    yield 'cd -- "$(dirname -- "$0")"'
    yield "kubectl delete -k . --ignore-not-found --wait"
    maps = _addresses(members)
    yield 'if [[ "${1:-}" == clean ]]; then'
    yield from (f"  kubectl -n {shlex.quote(space)} delete configmap {ADDRESSES} --ignore-not-found" for space in maps)
    yield "  exit 0"
    yield "fi"
    yield from _found(maps)
    yield "kubectl apply -k ."
    yield _WAIT
    yield from (f"judge {shlex.quote(each.namespace)} {shlex.quote(each.name)}" for each in members)
    yield 'exit "$failed"'


def _addresses(members: tuple[Probe, ...]) -> Mapping[str, Mapping[str, Probe]]:
    """Which addresses the Jobs of which namespace need."""
    found: dict[str, dict[str, Probe]] = {}
    for each in members:
        if each.trial.kind == ADDRESS:
            found.setdefault(each.namespace, {})[key(each.trial)] = each
    return found


def _found(maps: Mapping[str, Mapping[str, Probe]]) -> Iterator[str]:
    if maps:
        yield "address() { # namespace, labels: the address of a running pod, IPv6 in brackets"
        yield "  local found"
        chosen = "--field-selector=status.phase=Running -o 'jsonpath={.items[0].status.podIP}'"
        yield f'  found="$(kubectl -n "$1" get pods -l "$2" {chosen})"'
        yield '  if [[ "$found" == *:* ]]; then found="[$found]"; fi'
        yield "  printf '%s' \"$found\""
        yield "}"
    for space, needed in maps.items():
        words = [f"kubectl -n {shlex.quote(space)} create configmap {ADDRESSES} --dry-run=client -o yaml"]
        for number, (name, probe) in enumerate(needed.items()):
            labels = ",".join(f"{one}={value}" for one, value in probe.trial.selector)
            yield f'address_{number}="$(address {shlex.quote(probe.trial.service.namespace)} {shlex.quote(labels)})"'
            words.append(f'--from-literal={shlex.quote(name)}="$address_{number}"')
        yield f"{' '.join(words)} | kubectl apply -f -"
