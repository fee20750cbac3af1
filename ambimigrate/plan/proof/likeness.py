"""Namespaces that differ in their names and in those of their callers only: what is decided in one is decided in all."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from ambimigrate.changes import Change, Create
from ambimigrate.kinds import Gateway, Namespace, PodTemplate, pod_template
from ambimigrate.model import Mesh, Resource
from ambimigrate.plan.proof import around

_SOURCES = frozenset({"principals", "notPrincipals", "namespaces", "notNamespaces", "serviceAccounts", "notServiceAccounts"})
_CONDITIONS = frozenset({"source.principal", "source.namespace", "source.serviceAccount"})
_VALUES = frozenset({"values", "notValues"})
_PRINCIPAL = re.compile(r"([^/*]+)/ns/([^/*]+)/sa/([^/*]+)")
_ACCOUNT = re.compile(r"[a-z0-9-]+/[a-z0-9.-]+")
_NAME = re.compile(r"[a-z0-9-]+")
_SELF = "\0"


def likeness(mesh: Mesh, names: tuple[str, frozenset[str]], changes: Iterable[Change]) -> Hashable:
    """Equal for namespaces that are alike: their objects and what happens to them, but for whom policies name.

    Callers are named apart from here, by the lists of values that mean them. `names`: the namespace, and all that count.
    """
    own, core = names
    listening = any(_chooses(each) for each in mesh.within(Gateway, *core))
    alike = _Alike(own, core, listening=listening)
    objects = tuple(alike.resource(mesh, each) for each in around.resources(mesh, core))
    return objects, tuple(alike.change(mesh, each) for each in changes)


def _chooses(gateway: Resource[Gateway]) -> bool:
    """Whether a listener admits namespaces by their labels."""
    allowed = (each.allowed_routes.namespaces for each in gateway.body.spec.listeners if each.allowed_routes)
    return any(each is not None and each.from_ == "Selector" for each in allowed)


def renamed(text: str, old: str, new: str) -> str:
    """The text about one namespace as it is about another."""
    return _word(old).sub(new.replace("\\", r"\\"), text) if old and old != new else text


@lru_cache(maxsize=4096)
def _word(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z0-9-]){re.escape(name)}(?![a-z0-9-])")


class _Alike:
    """How one namespace writes its objects without its own name and those of callers."""

    def __init__(self, own: str, core: frozenset[str], *, listening: bool) -> None:
        self.own, self.core, self.listening = own, core, listening

    def resource(self, mesh: Mesh, resource: Resource[Any]) -> Hashable:
        if isinstance(resource.body, Namespace):
            return self.namespace(resource)
        if (template := pod_template(resource.body)) is not None:
            return resource.kind, self.text((resource.name, *_of_pods(template)))
        texts = mesh.index(_texts)
        if id(resource) not in texts:
            texts[id(resource)] = resource, _encoded(resource.body)
        text = texts[id(resource)][1]
        if self.own and self.own not in text and resource.kind != "AuthorizationPolicy":
            return id(resource) if resource.namespace != self.own else (resource.kind, text)
        return resource.kind, self.text(msgspec.to_builtins(resource.body))

    def namespace(self, resource: Resource[Namespace]) -> Hashable:
        """Of a namespace its labels of Istio's: others only tell callers apart, or are asked for by listeners."""
        labels = sorted(pair for pair in resource.body.metadata.labels.items() if self.listening or "istio" in pair[0])
        return "Namespace", _SELF if resource.name == self.own else resource.name, tuple(labels)

    def change(self, mesh: Mesh, change: Change) -> Hashable:
        action = change.action
        if isinstance(action, Create):
            what: Hashable = self.text(action.value)
        elif action is None:
            what = None
        else:
            what = tuple(self.text(_plain(each.route, getattr(each, "value", None))) for each in action)
        ref = tuple(renamed(part, self.own, _SELF) for part in change.ref)
        return change.stage, ref, what, change.verdict, change.because, bool(change.notes), self._sources(mesh, change)

    def _sources(self, mesh: Mesh, change: Change) -> Hashable:
        known = mesh.index(_by_place)
        return tuple(renamed(known.get(each, ""), self.own, _SELF) for each in change.sources)

    def text(self, tree: Any) -> str:
        return renamed(_encoded(self._shaped(tree, is_source=False)), self.own, _SELF)

    def _shaped(self, tree: Any, *, is_source: bool) -> Any:
        if isinstance(tree, Mapping):
            names = _SOURCES | (_VALUES if str(tree.get("key", "")) in _CONDITIONS else set())
            return {str(key): self._shaped(each, is_source=key in names) for key, each in tree.items()}
        if isinstance(tree, list | tuple):
            if is_source and all(isinstance(each, str) for each in tree):
                return sorted(set(map(self._shape, tree)))
            return [self._shaped(each, is_source=is_source and isinstance(each, str)) for each in tree]
        return self._shape(tree) if is_source and isinstance(tree, str) else tree

    def _shape(self, value: str) -> str:
        """Whom a value means is said of each class of callers; the trust domain and wildcards stay."""
        if found := _PRINCIPAL.fullmatch(value):
            return value if found[2] in self.core else f"{found[1]}/ns/_/sa/_"
        if _ACCOUNT.fullmatch(value):
            return value if value.partition("/")[0] in self.core else "_/_"
        return "_" if _NAME.fullmatch(value) and value not in self.core else value


def _of_pods(template: PodTemplate) -> Iterator[Any]:
    """What proxies and policies know of pods."""
    spec = template.spec
    yield from (template.metadata.labels, template.metadata.annotations, spec.service_account_name, spec.host_network)
    for each in spec.containers:
        yield each.name, "router" in each.args, each.args[:1], [(port.name, port.container_port) for port in each.ports]


def _plain(route: Iterable[str | int], value: Any) -> Any:
    """An edit; where it goes into a list of callers, the place among them says nothing."""
    found: list[str | int] = []
    inside = False
    for step in route:
        found.append(-1 if inside and isinstance(step, int) else step)
        inside = inside or step in _SOURCES
    last = next((each for each in reversed(found) if isinstance(each, str)), "")
    return [found, {last: value}]


def _encoded(tree: Any) -> str:
    return msgspec.json.encode(tree, order="sorted", enc_hook=repr).decode()


def _texts(_mesh: Mesh) -> dict[int, tuple[Resource[Any], str]]:
    return {}


def _by_place(mesh: Mesh) -> dict[Any, str]:
    return {each.at(): str(each.ref) for each in mesh.resources if isinstance(each.body, around.POLICIES)}
