"""What kustomize's simple transformers make of an object: namespace, name prefix and suffix, labels and annotations."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ambimigrate.kinds import KINDS

Tree = dict[str, Any]

_NEVER_RENAMED = frozenset({"CustomResourceDefinition", "APIService", "Namespace"})  # kustomize's prefix transformer

# Where kustomize's built-in field specs put labels and annotations (kustomize 5.5, api/internal/konfig/builtinpluginconsts):
# kind -> paths, and whether a path that is not there is made.
Paths = tuple[tuple[str, ...], ...]
_TEMPLATE: Paths = (("spec", "template", "metadata"),)
_TEMPLATES: dict[str, Paths] = {
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"), _TEMPLATE),
    "CronJob": (("spec", "jobTemplate", "metadata"), ("spec", "jobTemplate", "spec", "template", "metadata")),
}
_MADE_SELECTORS: dict[str, Paths] = {
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"), (("spec", "selector", "matchLabels"),)),
    "Service": (("spec", "selector"),),
}
_PRESENT_SELECTORS: dict[str, Paths] = {
    "NetworkPolicy": (
        ("spec", "podSelector", "matchLabels"),
        ("spec", "ingress", "from", "podSelector", "matchLabels"),
        ("spec", "egress", "to", "podSelector", "matchLabels"),
    )
}

# Its name references that lie in what we read: kind of the object that refers, path, kind of the object that is named.
_POD = ("spec", "serviceAccountName")
_REFERENCES: dict[str, tuple[tuple[tuple[str, ...], str], ...]] = {
    **dict.fromkeys(("Deployment", "DaemonSet", "ReplicaSet", "Job"), ((("spec", "template", *_POD), "ServiceAccount"),)),
    "StatefulSet": ((("spec", "template", *_POD), "ServiceAccount"), (("spec", "serviceName"), "Service")),
    "CronJob": ((("spec", "jobTemplate", "spec", "template", *_POD), "ServiceAccount"),),
    "Pod": ((_POD, "ServiceAccount"),),
}
REFERRED = frozenset(named for references in _REFERENCES.values() for _, named in references)


class Labels(Struct, frozen=True):
    """Labels to set; `selectors` also in selectors and pod templates, `templates` in pod templates."""

    pairs: tuple[tuple[str, str], ...]
    selectors: bool = False
    templates: bool = False


class Transform(Struct, frozen=True):
    """The transformers of one kustomization, in the order in which kustomize runs them."""

    namespace: str = ""
    prefix: str = ""
    suffix: str = ""
    labels: tuple[Labels, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    names: tuple[tuple[str, str, str], ...] = ()  # kind, former name and new name of what references follow

    @property
    def renames(self) -> bool:
        return bool(self.prefix or self.suffix)

    def renamed(self, name: str) -> str:
        return f"{self.prefix}{name}{self.suffix}"

    def __bool__(self) -> bool:
        return bool(self.namespace or self.renames or self.labels or self.annotations)


def apply(transform: Transform, tree: Tree) -> Tree:
    """The object after the transformers; the given tree is left as it is."""
    kind = str(tree.get("kind"))
    metadata = dict(tree["metadata"]) if isinstance(tree.get("metadata"), dict) else {}
    changed = tree | {"metadata": metadata}
    if transform.namespace:
        _namespace(changed, metadata, transform.namespace)
    if transform.renames:
        _rename(changed, metadata, transform)
    for labels in transform.labels:
        _set(metadata, "labels", labels.pairs)
        if labels.selectors:
            _put(changed, _MADE_SELECTORS.get(kind, ()), labels.pairs, create=True)
            _put(changed, _PRESENT_SELECTORS.get(kind, ()), labels.pairs, create=False)
        if labels.selectors or labels.templates:
            _put(changed, _below(_TEMPLATES.get(kind, ()), "labels"), labels.pairs, create=True)
    if transform.annotations:
        _set(metadata, "annotations", transform.annotations)
        _put(changed, _below(_TEMPLATES.get(kind, ()), "annotations"), transform.annotations, create=True)
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
        metadata["name"] = transform.renamed(metadata["name"])
    for path, named in _REFERENCES.get(str(tree.get("kind")), ()):
        name = _at(tree, path)
        new = next((new for kind, former, new in transform.names if kind == named and former == name), None)
        if new is not None:
            _put(tree, (path[:-1],), ((path[-1], new),), create=False)


def _at(tree: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        if not isinstance(tree, dict):
            return None
        tree = tree.get(step)
    return tree


def _below(paths: Paths, name: str) -> Paths:
    return tuple((*path, name) for path in paths)


def _put(tree: Tree, paths: Paths, pairs: tuple[tuple[str, str], ...], *, create: bool) -> None:
    for path in paths:
        tree[path[0]] = _with(tree.get(path[0]), path[1:], pairs, create=create)


def _with(value: Any, path: tuple[str, ...], pairs: tuple[tuple[str, str], ...], *, create: bool) -> Any:
    """A copy of the value with the pairs set at the path below it, in every item of a list on the way."""
    if isinstance(value, list):
        return [_with(item, path, pairs, create=create) for item in value]
    if value is None and not create:
        return None
    if not isinstance(value, dict | None):
        return value  # of a wrong type, which the typed view will say
    held = value or {}
    if not path:
        return {**held, **dict(pairs)}
    below = _with(held.get(path[0]), path[1:], pairs, create=create)
    return held if below is None else {**held, path[0]: below}


def _set(holder: Tree, key: str, pairs: tuple[tuple[str, str], ...]) -> None:
    holder[key] = _with(holder.get(key), (), pairs, create=True)
