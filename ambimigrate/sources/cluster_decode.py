"""Pages of a list in JSON to objects: straight into the typed views, and item by item where one of them is odd."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from threading import Lock
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from ambimigrate.kinds import Job, Object, Pod, ReplicaSet
from ambimigrate.kinds.workloads import CronJob, DaemonSet, Deployment, Rollout, StatefulSet
from ambimigrate.model import Position, Problem, Ref, Resource, Route
from ambimigrate.sources.cluster_pods import lean
from ambimigrate.yamlio.wrong import route

T = TypeVar("T")

_MADE = (Pod, ReplicaSet, Job)
_MAKERS = frozenset(
    (view.GROUP, view.__name__) for view in (Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob, Rollout)
)
_MAKING = Lock()
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"  # the whole object once more


class Live(Struct, frozen=True):
    """A live object as an origin: it stands in no text, so that a position is its name and the whole route."""

    file: str

    def at(self, route: Route) -> Position:
        return Position(self.file, None, None, route)


class _Metadata(msgspec.Struct, frozen=True, gc=False):
    token: str | None = msgspec.field(default=None, name="continue")


class _Page(msgspec.Struct, Generic[T], frozen=True):
    metadata: _Metadata = _Metadata()
    items: list[T] | None = None


class Page(Struct, frozen=True):
    """What one page of a list brought; `token` leads to the next page, "" at the end.

    `empty` counts the objects that hold nothing which somebody reads.
    """

    objects: tuple[Object, ...]
    problems: tuple[Problem, ...] = ()
    token: str = ""
    empty: int = 0


def place(kind: str, namespace: str = "", name: str = "") -> str:
    """Where a live object stands, or the kind itself: `cluster/<namespace>/<kind>/<name>`."""
    return f"cluster/{namespace}/{kind}" + (f"/{name}" if name else "")


def resource(kind: str, body: Object) -> Resource[Any]:
    """An object as the mesh holds it."""
    namespace = body.metadata.namespace if body.NAMESPACED else ""
    return Resource(
        Ref(kind, body.GROUP, namespace, body.metadata.name), body, Live(place(kind, namespace, body.metadata.name))
    )


def page(kind: str, view: type[Object], body: bytes) -> Page:
    """The objects of one page; an item that does not fit its view is a problem. DecodeError if all of it is no list."""
    if not view.NEEDS_TEXT and not (_keeps_nulls(view) and b"null" in body):
        try:
            found = _typed(view).decode(body)
            return Page(tuple(_lean(each) for each in found.items or ()), token=found.metadata.token or "")
        except msgspec.ValidationError:
            pass
    rough = _rough().decode(body)
    every, needed = rough.items or (), [text.encode() for text in view.NEEDS_TEXT]
    items = [_item(kind, view, raw) for raw in every if _has_any(bytes(raw), needed)]
    return Page(
        tuple(_lean(each) for each in items if isinstance(each, Object)),
        tuple(each for each in items if isinstance(each, Problem)),
        rough.metadata.token or "",
        len(every) - len(items),
    )


def _has_any(raw: bytes, texts: Collection[bytes]) -> bool:
    return not texts or any(text in raw for text in texts)


def worth_keeping(body: Object) -> Object | None:
    """The object; of those that a workload that we read makes of its template only pods, cut down, and Jobs that run."""
    if not _is_made(body):
        return body
    if isinstance(body, Pod):
        return lean(body)
    return body if isinstance(body, Job) and body.status.active else None


def _is_made(body: Object) -> bool:
    return isinstance(body, _MADE) and any(
        (owner.api_version.rpartition("/")[0], owner.kind) in _MAKERS for owner in body.metadata.owner_references
    )


def _lean(body: Object) -> Object:
    body.metadata.annotations.pop(_LAST_APPLIED, None)
    return body


def _keeps_nulls(view: type[Object]) -> bool:
    """Custom resources keep a null that somebody wrote; built-in kinds show it only where nothing was written."""
    return ("." in view.GROUP and not view.GROUP.endswith(".k8s.io")) or view.GROUP == "gateway.networking.k8s.io"


@cache
def _typed(view: type[Object]) -> msgspec.json.Decoder[_Page[Any]]:
    """The decoder of a kind. One thread makes them at a time: views share parts, and a half-made one crashes who meets it."""
    with _MAKING:
        return msgspec.json.Decoder(_Page[view])  # type: ignore[valid-type]


@cache
def _rough() -> msgspec.json.Decoder[_Page[msgspec.Raw]]:
    with _MAKING:
        return msgspec.json.Decoder(_Page[msgspec.Raw])


def _item(kind: str, view: type[Object], raw: msgspec.Raw) -> Object | Problem:
    tree = _without_nulls(msgspec.json.decode(raw))
    _typed(view)  # makes what converting needs
    try:
        return msgspec.convert(tree, view)
    except msgspec.ValidationError as error:
        return _odd(kind, view, tree, error)


def _odd(kind: str, view: type[Object], tree: Any, error: msgspec.ValidationError) -> Problem:
    message, _, path = str(error).partition(" - at ")
    where = ".".join(str(step) for step in route(path.strip("`")))
    metadata = tree.get("metadata") if isinstance(tree, dict) else None
    names = metadata if isinstance(metadata, dict) else {}
    namespace = str(names.get("namespace", "")) if view.NAMESPACED else ""
    text = f"{kind}: {message[:1].lower()}{message[1:]}" + (f" at {where}" if where else "")
    return Problem(text, place(kind, namespace, str(names.get("name", ""))), None, namespace or None, kind)


def _without_nulls(value: Any) -> Any:
    """As objects from files are read: a key without a value is not there."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
