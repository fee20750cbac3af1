"""The way back from a step as it is meant: what the files say again, and the commands for what no revert does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ambimigrate.changes import Change, Create, Set
from ambimigrate.converters import elsewhere
from ambimigrate.model import Mesh, Route
from ambimigrate.plan import deletions, restarts
from ambimigrate.plan.lines import REVERT, REVERT_BOTH, kind, kubectl, remark, target, told
from ambimigrate.topology import injection


def lines(mesh: Mesh, changes: Iterable[Change], *, live: bool) -> Iterator[str]:
    """What takes the changes back, the last one first where the cluster is changed directly."""
    every = tuple(changes)
    if live:
        yield from (line for each in reversed(every) for line in _back(each))
        return
    yield from (line for each in reversed(every) if elsewhere.command(each) for line in _back(each))
    every = tuple(each for each in every if not elsewhere.command(each))
    if every:
        yield REVERT_BOTH if {"create", "delete"} <= {each.verb for each in every} else REVERT
    for each in every:
        if isinstance(each.action, Create) and (why := deletions.unpruned(mesh, each.action.beside)):
            yield told(kubectl(each.ref.namespace, "delete", target(each.ref)), f"the revert leaves it there: {why}")


def of_enrolling(mesh: Mesh, changes: Iterable[Change], namespaces: Iterable[str], *, live: bool) -> Iterator[str]:
    """Sidecars come back before ztunnel lets go, since a pod without both is in plaintext (pitfalls RB01)."""
    every, names = tuple(changes), tuple(namespaces)
    direct = tuple(each for each in every if live or elsewhere.command(each))
    in_files = not live and (len(direct) < len(every) or not every)
    yield from (line for each in reversed(direct) for line in _back(each, leave="istio.io/dataplane-mode"))
    if in_files:
        yield remark("in the files: injection on again, the ambient label stays; commit it and let it be applied")
    for name in names:
        yield from _by_pods(mesh, name)
        yield from restarts.commands(mesh, name)
        yield from restarts.sidecar_gates(mesh, name)
    labelled = names if live else tuple(each.ref.name for each in direct if each.ref.kind == "Namespace")
    yield from (kubectl("", "label", "namespace", name, "istio.io/dataplane-mode-") for name in labelled)
    if in_files:
        yield remark("only then git revert that commit, then the one of this step, so that the ambient label goes last")


def _by_pods(mesh: Mesh, namespace: str) -> Iterator[str]:
    """A revision's webhook passes over namespaces with the ambient label (Istio, templates/mutatingwebhook.yaml)."""
    labels = injection.labels(mesh, namespace)
    revision = labels.get(injection.REVISION)
    if revision and injection.INJECTION not in labels:
        said = f"its webhook passes over {namespace} while that has the ambient label"
        yield remark(f"on the pod templates, too: {injection.REVISION}: {revision}; {said}")


def backups(changes: Iterable[Change]) -> Iterator[str]:
    """Copies of what is deleted in a cluster that no file explains."""
    for each in changes:
        if each.action is None:
            yield f"{kubectl(each.ref.namespace, 'get', target(each.ref), '-o', 'yaml')} > {_file(each)}"


def _back(change: Change, leave: str = "") -> Iterator[str]:
    ref = change.ref
    match change.action:
        case Create():
            yield kubectl(ref.namespace, "delete", target(ref), "--ignore-not-found")
        case None:
            yield told(f"kubectl create -f {_file(change)}", "the copy that this step made")
        case edits:
            patch: dict[str, Any] = {}
            tree = msgspec.to_builtins(change.subject.body) if change.subject else {}
            for edit in edits:
                if leave not in edit.route and all(isinstance(step, str) for step in edit.route):
                    _put(patch, edit.route, _value(tree, edit.route))
            if patch:
                text = json.dumps(patch, separators=(",", ":"))
                yield kubectl(ref.namespace, "patch", kind(ref), ref.name, "--type=merge", "-p", text)
            if any(not isinstance(step, str) for edit in edits for step in edit.route):
                fields = "; ".join(".".join(map(str, edit.route)) for edit in edits if not isinstance(edit, Set))
                yield told(kubectl(ref.namespace, "edit", kind(ref), ref.name), f"put back what was there {fields}".strip())


def _put(patch: dict[str, Any], route: Route, value: Any) -> None:
    here = patch
    for step in route[:-1]:
        here = here.setdefault(str(step), {})
    here[str(route[-1])] = value


def _value(tree: Any, route: Route) -> Any:
    for step in route:
        tree = tree.get(step) if isinstance(tree, dict) else None
    return tree


def _file(change: Change) -> str:
    """The name of the copy; names of objects hold no slashes, and whatever else they hold is left out."""
    text = f"{change.ref.namespace}-{change.ref.kind.lower()}-{change.ref.name}"
    return "".join(each if each.isalnum() or each in "-._" else "_" for each in text) + ".yaml"
