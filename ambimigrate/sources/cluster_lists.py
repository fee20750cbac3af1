"""Lists of a cluster: which ones to ask for, and each of them page by page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.kinds import KINDS, ConfigMap, Namespace, Object
from ambimigrate.model import Problem, Resource
from ambimigrate.sources.cluster_ahead import Ahead, told_token
from ambimigrate.sources.cluster_decode import Page, page, place, resource, worth_keeping
from ambimigrate.sources.cluster_discovery import Served
from ambimigrate.sources.cluster_scope import LABELLED_CONFIG_MAPS, NAMED_CONFIG_MAPS, is_istio, listed, of_istio
from ambimigrate.sources.cluster_server import Failed, Server

PAGE = 500  # objects: more cost memory and save no time
REVISION = "istio.io/rev"  # a label of nearly all that the charts of istiod make
SMALL_PAGE = 25  # of definitions, which hold the schemas of all their versions

# The API server of Calico shows the objects of its CRDs a second time, as another group.
_SHOWN_AS = {"crd.projectcalico.org": "projectcalico.org"}

_AMBIGUOUS = {name for name, count in Counter(name for _, name in KINDS).items() if count > 1}


class Listing(Struct, frozen=True):
    """One list to ask for; without a namespace that of the whole cluster."""

    kind: str
    view: type[Object]
    version: str
    namespace: str = ""
    fields: str = ""  # a field selector
    labels: str = ""  # a label selector
    keep: Callable[[str], bool] | None = None  # by name
    settings: bool = False  # of Istio or of the network, outside of what a user asked for
    optional: bool = False  # a refusal is worth a note only

    @property
    def path(self) -> str:
        root = f"/apis/{self.view.GROUP}/{self.version}" if self.view.GROUP else f"/api/{self.version}"
        scope = f"/namespaces/{quote(self.namespace)}" if self.namespace and self.view.NAMESPACED else ""
        return f"{root}{scope}/{self.view.PLURAL}"

    def url(self, token: str) -> str:
        """No resourceVersion: with 0 the server ignores the limit (Kubernetes 1.35, tried)."""
        limit = SMALL_PAGE if self.view.NEEDS_TEXT else PAGE
        asked = {"limit": limit, "fieldSelector": self.fields, "labelSelector": self.labels, "continue": token}
        return f"{self.path}?{urlencode({key: value for key, value in asked.items() if value})}"


class Plan(Struct, frozen=True):
    """The lists to ask for, the kinds that the cluster does not serve, and what to tell about the others."""

    listings: tuple[Listing, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...]


class Listed(Struct, frozen=True):
    """What a list brought; `made` counts objects that others make, `empty` those that hold nothing of interest."""

    listing: Listing
    resources: tuple[Resource[Any], ...] = ()
    problems: tuple[Problem, ...] = ()
    made: int = 0
    empty: int = 0
    failed: Failed | None = None  # as it was refused, or broke off
    mixed: bool = False  # it expired twice and goes on with newer objects


def plan(served: Served | Failed, namespaces: tuple[str, ...]) -> Plan:
    """The lists of every kind that is served, for the whole cluster or for some namespaces of it."""
    listings: list[Listing] = []
    missing, notes = [], []
    for kind, view in listed():
        version = _version(served, view)
        if _is_shown_elsewhere(served, view):
            continue
        if version is None:
            missing.append(_label(kind, view))
            continue
        if version not in view.VERSIONS:
            notes.append(
                f"{_label(kind, view)} is served as {version} only, which is not known; it was read as {view.VERSIONS[0]}."
            )
        listings += _of_kind(Listing(kind, view, version), namespaces)
    return Plan(tuple(listings), tuple(missing), tuple(notes))


def _label(kind: str, view: type[Object]) -> str:
    return f"{kind} ({view.GROUP})" if kind in _AMBIGUOUS and view.GROUP else kind


def _of_kind(listing: Listing, namespaces: tuple[str, ...]) -> Iterator[Listing]:
    if listing.view is Namespace and namespaces:
        yield from (replace(listing, namespace=name, fields=f"metadata.name={name}") for name in namespaces)
    elif listing.view.NAMESPACED and namespaces:
        yield from (replace(listing, namespace=name) for name in namespaces)
    else:
        yield listing


def config_maps(roots: tuple[str, ...], revisions: tuple[str, ...], *, everything: bool) -> Iterator[Listing]:
    """The ConfigMaps of Istio in its own namespaces, of the network plugins, and those that hold dashboards: or all of them.

    Others hold whatever users put there, so that they are not asked for without being told to.
    """
    if everything:
        yield Listing("ConfigMap", ConfigMap, "v1")
        return
    for label in LABELLED_CONFIG_MAPS:
        yield Listing("ConfigMap", ConfigMap, "v1", labels=label, optional=True)
    for root in roots:
        yield Listing("ConfigMap", ConfigMap, "v1", root, labels=REVISION, keep=is_istio, settings=True)
        for name in of_istio(revisions):
            yield Listing("ConfigMap", ConfigMap, "v1", root, fields=f"metadata.name={name}", settings=True)
    for namespace, names in NAMED_CONFIG_MAPS.items():
        if namespace not in roots:
            for name in names:
                yield Listing("ConfigMap", ConfigMap, "v1", namespace, fields=f"metadata.name={name}", settings=True)


def _version(served: Served | Failed, view: type[Object]) -> str | None:
    """Of the versions that we read the first that is served; if it is only served in others, one of those."""
    if isinstance(served, Failed):
        return view.VERSIONS[0]
    offered = served.get((view.GROUP, view.PLURAL), ())
    return next((each for each in view.VERSIONS if each in offered), offered[0] if offered else None)


def _is_shown_elsewhere(served: Served | Failed, view: type[Object]) -> bool:
    other = _SHOWN_AS.get(view.GROUP)
    return other is not None and not isinstance(served, Failed) and (other, view.PLURAL) in served


def read(server: Server, listing: Listing, seen: Callable[[int], None] = lambda _count: None) -> Listed:
    """All pages of a list. What was read before it failed is kept, and the failure told; `seen` is told what each brought."""
    found, token, expired = Listed(listing), "", 0
    ahead: Ahead | None = None
    while True:
        try:
            body = ahead.body() if ahead is not None and ahead.token == token else server.get(listing.url(token))
            following = told_token(body)
            ahead = Ahead(server, following, listing.url(following)) if following else None
            brought = page(listing.kind, listing.view, body)
        except Failed as failed:
            ahead = None
            if not failed.is_expired or not token or expired > 1 or (expired == 1 and not failed.token):
                return replace(found, failed=failed)
            expired += 1
            if expired == 1:  # once from the beginning, for a list that is one snapshot
                found, token = Listed(listing), ""
            else:
                found, token = replace(found, mixed=True), failed.token
            continue
        except msgspec.DecodeError as error:
            return replace(found, failed=Failed(200, f"the answer is no list: {error}"))
        found = _with(found, brought)
        seen(len(brought.objects))
        if not brought.token:
            return found
        token = brought.token


def _with(found: Listed, brought: Page) -> Listed:
    listing = found.listing
    kept = [each for each in brought.objects if listing.keep is None or listing.keep(each.metadata.name)]
    own = tuple(resource(listing.kind, each) for each in map(worth_keeping, kept) if each is not None)
    return replace(
        found,
        resources=found.resources + own,
        problems=found.problems + brought.problems,
        made=found.made + len(kept) - len(own),
        empty=found.empty + brought.empty,
    )


def one(server: Server, listing: Listing, name: str) -> Listed:
    """A single object, for those who may get it but not list its kind."""
    try:
        body = server.get(f"{listing.path}/{quote(name)}")
        found = page(listing.kind, listing.view, b'{"items":[%b]}' % body)
    except Failed as failed:
        return Listed(listing, failed=failed)
    except msgspec.DecodeError as error:
        return Listed(listing, failed=Failed(200, f"the answer is no object: {error}"))
    return _with(Listed(listing), found)


def problems(listed: Listed) -> Iterator[Problem]:
    """A list that failed, as a problem, and the odd objects of it."""
    yield from listed.problems
    if listed.failed and not listed.failed.is_missing:
        listing = listed.listing
        what = f"ended after {len(listed.resources)} objects" if listed.resources else "cannot be listed"
        text = f"{_label(listing.kind, listing.view)} {what}: {listed.failed.reason}"
        yield Problem(text, place(listing.kind, listing.namespace), None, listing.namespace or None, listing.kind)
