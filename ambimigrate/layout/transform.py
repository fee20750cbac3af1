"""What kustomize's simple transformers make of an object: namespace, name prefix and suffix, labels and annotations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ambimigrate.kinds import KINDS

Tree = dict[str, Any]

_NEVER_RENAMED = frozenset({"CustomResourceDefinition", "APIService", "Namespace"})  # kustomize's prefix transformer
_WITH_TEMPLATE = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"})


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels to set; `selectors` also in selectors and pod templates, `templates` in pod templates."""

    pairs: tuple[tuple[str, str], ...]
    selectors: bool = False
    templates: bool = False


@dataclass(frozen=True, slots=True)
class Transform:
    """The transformers of one kustomization, in the order in which kustomize runs them."""

    namespace: str = ""
    prefix: str = ""
    suffix: str = ""
    labels: tuple[Labels, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.namespace or self.prefix or self.suffix or self.labels or self.annotations)


def apply(transform: Transform, tree: Tree) -> Tree:
    """The object after the transformers; the given tree is left as it is."""
    metadata = dict(tree.get("metadata") or {})
    changed = tree | {"metadata": metadata}
    if transform.namespace:
        _namespace(changed, metadata, transform.namespace)
    if transform.prefix or transform.suffix:
        _rename(changed, metadata, transform)
    for labels in transform.labels:
        _set(metadata, "labels", labels.pairs)
        if labels.selectors:
            _selector(changed, labels.pairs)
        if labels.selectors or labels.templates:
            _template(changed, "labels", labels.pairs)
    if transform.annotations:
        _set(metadata, "annotations", transform.annotations)
        _template(changed, "annotations", transform.annotations)
    return changed


def _namespace(tree: Tree, metadata: Tree, namespace: str) -> None:
    if tree.get("kind") == "Namespace":
        metadata["name"] = namespace
    elif _is_namespaced(tree):
        metadata["namespace"] = namespace


def _is_namespaced(tree: Tree) -> bool:
    group = str(tree.get("apiVersion", "")).rpartition("/")[0]
    view = KINDS.get((group, str(tree.get("kind"))))
    return view is None or view.NAMESPACED


def _rename(tree: Tree, metadata: Tree, transform: Transform) -> None:
    if tree.get("kind") not in _NEVER_RENAMED and isinstance(metadata.get("name"), str):
        metadata["name"] = f"{transform.prefix}{metadata['name']}{transform.suffix}"


def _set(holder: Tree, key: str, pairs: tuple[tuple[str, str], ...]) -> None:
    holder[key] = {**(holder.get(key) or {}), **dict(pairs)}


def _selector(tree: Tree, pairs: tuple[tuple[str, str], ...]) -> None:
    kind = tree.get("kind")
    if kind == "Service" and _copied(tree, "spec").get("selector"):
        _set(_copied(tree, "spec"), "selector", pairs)
    elif kind in _WITH_TEMPLATE - {"Job"}:
        _set(_copied(_copied(tree, "spec"), "selector"), "matchLabels", pairs)
    elif kind == "NetworkPolicy":
        _set(_copied(_copied(tree, "spec"), "podSelector"), "matchLabels", pairs)


def _template(tree: Tree, key: str, pairs: tuple[tuple[str, str], ...]) -> None:
    if tree.get("kind") in _WITH_TEMPLATE:
        _set(_copied(_copied(_copied(tree, "spec"), "template"), "metadata"), key, pairs)
    elif tree.get("kind") == "CronJob":
        job = _copied(_copied(_copied(tree, "spec"), "jobTemplate"), "spec")
        _set(_copied(_copied(job, "template"), "metadata"), key, pairs)


def _copied(holder: Tree, key: str) -> Tree:
    """The mapping at `key`, replaced by a copy of its own, so that the original stays."""
    value = holder.get(key)
    holder[key] = found = dict(value) if isinstance(value, dict) else {}
    return found
