"""The charts that we know and the values that they are installed with: what stands in which file, laid over each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from ambimigrate.kinds.charts import HelmValues
from ambimigrate.model import Origin, Position, Ref, Resource, Route
from ambimigrate.yamlio import Document, Unreadable, values

ISTIOD, BASE, CNI, ZTUNNEL, GATEWAY = "istiod", "base", "cni", "ztunnel", "gateway"
CILIUM, STACK, PROMETHEUS = "cilium", "kube-prometheus-stack", "prometheus"
KNOWN = {
    **dict.fromkeys((ISTIOD, "istio-istiod", "istio-discovery"), ISTIOD),
    **dict.fromkeys((BASE, "istio-base"), BASE),
    **dict.fromkeys((CNI, "istio-cni"), CNI),
    **dict.fromkeys((ZTUNNEL, "istio-ztunnel"), ZTUNNEL),
    **dict.fromkeys((GATEWAY, "istio-gateway"), GATEWAY),
    **dict.fromkeys((CILIUM,), CILIUM),
    **dict.fromkeys((STACK, "prometheus-operator"), STACK),
    **dict.fromkeys((PROMETHEUS,), PROMETHEUS),
}
_COMMON = frozenset({BASE, CNI, GATEWAY})  # names that charts of others have too: their source has to say Istio
_DEFAULTS = "_internal_defaults_do_not_set"  # where Istio's own charts keep their defaults, below the profile


class Layer(Struct, frozen=True):
    """Values from one place: `base` leads to them in the origin, `under` is where they belong in the chart's values."""

    tree: Any
    origin: Origin
    base: Route = ()
    under: Route = ()

    def below(self, key: str) -> Iterator[Layer]:
        """What of an umbrella chart's values reaches the chart that is known there as `key`."""
        for name, into in ((key, ()), ("global", ("global",))):
            if not self.under and isinstance(self.tree, dict) and name in self.tree:
                yield Layer(self.tree[name], self.origin, (*self.base, name), into)
            elif self.under[:1] == (name,):
                yield Layer(self.tree, self.origin, self.base, (*into, *self.under[1:]))


class Within(Struct, frozen=True):
    """An object as the origin of values that it holds."""

    resource: Resource[Any]

    @property
    def file(self) -> str:
        return self.resource.file

    def at(self, route: Route) -> Position:
        return self.resource.at(*route)


class Stack(Struct, frozen=True):
    """The origin of values that several places give: the last of those that hold most of a route is where it stands."""

    layers: tuple[Layer, ...]
    source: Origin
    version: Route = ()

    @property
    def file(self) -> str:
        return self.layers[-1].origin.file if self.layers else self.source.file

    def at(self, route: Route) -> Position:
        if not self.layers or route[:1] == ("version",):
            return self.source.at(self.version)
        wanted, best, found = route[1:], -1, self.source.at(self.version)
        for layer in self.layers:
            depth, position = _reached(layer, wanted)
            if position is not None and depth >= best:
                best, found = depth, position
        return found


def _reached(layer: Layer, wanted: Route) -> tuple[int, Position | None]:
    """How many steps of the route the layer holds, and where these end."""
    own = len(layer.under)
    if wanted[:own] == layer.under:
        position = layer.origin.at(layer.base + wanted[own:])
        return own + max(len(position.route) - len(layer.base), 0), position
    if layer.under[: len(wanted)] == wanted:
        return len(wanted), layer.origin.at(layer.base)
    return 0, None


class Release(Struct, frozen=True):
    """An installation of a chart: by whom, from where, with which values (the later ones win)."""

    ref: Ref
    chart: str
    said: str  # whatever tells whose chart it is: repository, source, name of the release
    version: str
    source: Origin
    version_route: Route
    layers: tuple[Layer, ...] = ()
    whole: bool = True


def known(chart: str, said: str) -> str | None:
    """Which of the charts that we know it is, None for all others."""
    found = KNOWN.get(chart.rstrip("/").rpartition("/")[2])
    if found in _COMMON and "istio" not in f"{chart} {said}".lower():
        return None
    return found


def resource(release: Release) -> Resource[HelmValues] | None:
    """The release as something that rules look at, None of a chart that we do not know."""
    chart = known(release.chart, release.said)
    if chart is None:
        return None
    layers = tuple(part for layer in release.layers for part in _opened(layer))
    body = HelmValues(chart=chart, version=release.version, said=release.said, values=laid(layers), whole=release.whole)
    return Resource(release.ref, body, Stack(layers, release.source, release.version_route))


def _opened(layer: Layer) -> Iterator[Layer]:
    """A layer without the shell around the defaults of Istio's charts."""
    if not layer.under and isinstance(layer.tree, dict) and isinstance(layer.tree.get(_DEFAULTS), dict):
        yield Layer(layer.tree[_DEFAULTS], layer.origin, (*layer.base, _DEFAULTS))
        yield Layer({key: each for key, each in layer.tree.items() if key != _DEFAULTS}, layer.origin, layer.base)
    else:
        yield layer


def laid(layers: Iterable[Layer]) -> dict[str, Any]:
    """The values of all layers, as helm merges them: mappings key by key, everything else as a whole."""
    found: dict[str, Any] = {}
    for layer in layers:
        tree = layer.tree
        for step in reversed(layer.under):
            tree = {step: tree}
        if isinstance(tree, dict):
            found = _merged(found, tree)
    return found


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(under)
    for key, value in over.items():
        old = found.get(key)
        found[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return found


def text_layer(text: str, holder: Origin, route: Route) -> Layer | None:
    """Values that stand as text in a field of an object; None of text that is no mapping."""
    document = _block(holder, route)
    try:
        tree = values(Document("", 0, 1, text)).value
    except Unreadable:
        return None
    if not isinstance(tree, dict):
        return None
    return Layer(tree, holder, route) if document is None else Layer(tree, document)


def _block(holder: Origin, route: Route) -> Document | None:
    """The lines of a literal block as a document of their own, so that places in them are those in the file."""
    held = holder
    while isinstance(held, Within):
        route, held = held.resource.base + route, held.resource.origin
    if not isinstance(held, Document) or held.text.lstrip().startswith("{"):  # JSON has no blocks
        return None
    nodes = held.node(route)
    if nodes is None or getattr(nodes[1], "style", None) != "|":
        return None
    start = held.text.find("\n", nodes[1].start_mark.index) + 1
    line = held.first_line + nodes[1].start_mark.line + 1
    return Document(held.file, held.start + start, line, held.text[start : nodes[1].end_mark.index])
