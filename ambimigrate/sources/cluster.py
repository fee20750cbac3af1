"""Reads a live cluster: lists of every kind that we know, in pages, into one mesh named after the context."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from multiprocessing.pool import ThreadPool

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.decode import Counts, Reading
from ambimigrate.kinds import KINDS, Namespace, Pod
from ambimigrate.model import Mesh, Problem, Target
from ambimigrate.sources import cluster_lists, cluster_narrow, cluster_private
from ambimigrate.sources.cluster_access import Access, ClusterError, Where, connect, remarks
from ambimigrate.sources.cluster_discovery import served
from ambimigrate.sources.cluster_installation import gateway_api, installation
from ambimigrate.sources.cluster_lists import Listed, Listing
from ambimigrate.sources.cluster_progress import Says, Tally
from ambimigrate.sources.cluster_reviews import Rights, identity, rights, unusable
from ambimigrate.sources.cluster_server import Failed, Patience, Server
from ambimigrate.topology import releases
from ambimigrate.versions import Version

__all__ = ["ClusterError", "Patience", "Says", "Where", "read_cluster"]

THREADS = 4  # more only wait for each other in the server
# Kinds of which it is worth knowing that they are missing.
EXPECTED = frozenset(view.__name__ for view in KINDS.values() if view.GROUP.endswith(("k8s.io", ".istio.io")))


def read_cluster(
    where: Where,
    target: Target,
    *,
    given: Collection[str] = (),
    patience: Patience = Patience(),  # noqa: B008 (frozen)
    says: Says = Says(),  # noqa: B008 (frozen)
) -> Reading:
    """The mesh of one cluster; what was refused is a problem of it. ClusterError if it cannot be read at all.

    The versions of the target are those of the cluster, unless they are among the fields of it that were given.
    """
    collecting = gc.isenabled()
    gc.disable()  # as for files: nothing that is made while reading becomes garbage in circles
    try:
        with remarks() as logged:
            access = connect(where, logged, says.tell)
            says.progress(f"{access.context}: connecting to {access.server}")
            asking = _asking(Server(access, patience), access, where, says)
            return _read(asking, where, target, given)
    finally:
        if collecting:
            gc.enable()


class _Asking(Struct, frozen=True):
    """Who asks which server for which namespaces, and what is allowed there."""

    server: Server
    user: str
    namespaces: tuple[str, ...]
    rights: Mapping[str, Rights]  # by namespace; the first one's is taken for the whole cluster
    says: Says

    def refuses(self, listing: Listing) -> bool:
        """Whether it is known beforehand that a list will be refused.

        A list of the whole cluster is refused if it is in one namespace; a role of that namespace may allow it there only.
        """
        if listing.namespace and listing.namespace not in self.rights:
            return False
        asked = [self.rights[listing.namespace]] if listing.namespace else self.rights.values()
        return all(each.refuses(listing.view.GROUP, listing.view.PLURAL) for each in asked)


def _asking(server: Server, access: Access, where: Where, says: Says) -> _Asking:
    user = identity(server, access)
    namespaces = where.namespaces
    if where.selector:
        namespaces = (*namespaces, *_selected(server, where.selector))
    known = {name: rights(server, name) for name in namespaces or (access.namespace,)}
    return _Asking(server, user, tuple(dict.fromkeys(namespaces)), known, says)


def _selected(server: Server, selector: str) -> Iterator[str]:
    found = cluster_lists.read(server, Listing("Namespace", Namespace, "v1", labels=selector))
    if found.failed:
        raise ClusterError(f"context {server.context!r}: --selector needs the list of namespaces: {found.failed.reason}")
    if not found.resources:
        raise ClusterError(f"context {server.context!r}: no namespace has the labels {selector!r}")
    return (each.name for each in found.resources)


def _read(asking: _Asking, where: Where, target: Target, given: Collection[str]) -> Reading:
    server, namespaces = asking.server, asking.namespaces
    offered = served(server)
    plan = cluster_lists.plan(offered, namespaces)
    istio = installation(server)
    settings = cluster_lists.config_maps(istio.namespaces, istio.revisions, everything=where.config_maps)
    listed = _widest(asking, _all(asking, (*plan.listings, *settings)))
    _check(server, listed, namespaces)
    notes = [*plan.notes, *_notes(listed, namespaces)]
    if "istio" not in given:
        target = replace(target, istio=istio.version or target.istio)
        notes += istio.notes(target.istio)
    problems = [
        *_discovery(offered),
        *(problem for each in listed for problem in _problems(each, namespaces, istio.namespaces)),
    ]
    counts = _counts(listed, plan.missing)
    if not counts.objects and not problems:
        problems.append(Problem("nothing was read: no object of a kind that matters here", ""))
    resources = tuple({each.ref: each for one in listed for each in one.resources}.values())
    cluster_private.forget(resources)
    resources += tuple(releases.values(resources))
    target = _with_gateway_api(target, gateway_api(resources), given)
    mesh = Mesh(server.context, resources, target, tuple(problems), "cluster", namespaces)
    return Reading((mesh,), tuple(problems), counts, None, tuple(notes))


def _with_gateway_api(target: Target, found: tuple[Version, str] | None, given: Collection[str]) -> Target:
    if found is None:
        return target
    own = {"gateway_api": found[0], "channel": found[1]}
    return replace(target, **{name: value for name, value in own.items() if name not in given})


def _all(asking: _Asking, listings: tuple[Listing, ...]) -> list[Listed]:
    """Every list, in the given order; that of pods, by far the longest, is begun first."""
    found: dict[int, Listed] = {}
    tally = Tally(asking.server.context, len(listings), asking.says)
    numbers = sorted(range(len(listings)), key=lambda number: (listings[number].view is not Pod, number))
    with ThreadPool(THREADS) as pool:
        for number, listed in pool.imap_unordered(lambda one: (one, _list(asking, listings[one], tally.page)), numbers):
            found[number] = listed
            tally.list(listed)
    return [found[number] for number in range(len(listings))]


def _widest(asking: _Asking, listed: list[Listed]) -> list[Listed]:
    """The lists, and in place of those that were refused for the whole cluster the namespaces that may be listed."""
    candidates = [each for each in listed if cluster_narrow.is_candidate(each)]
    names = sorted(each.name for one in listed if one.listing.view is Namespace for each in one.resources)
    if not candidates or not names or asking.namespaces:
        return listed
    allowed = cluster_narrow.reviews(asking.server, names, THREADS)
    more = _all(asking, tuple(one for each in candidates for one in cluster_narrow.narrowed(each, allowed)))
    kept = [each for each in listed if not cluster_narrow.is_candidate(each)]
    still = [one for each in candidates for one in cluster_narrow.left(each, more, allowed, asking.user)]
    return [*kept, *more, *still]


def _list(asking: _Asking, listing: Listing, seen: Callable[[int], None]) -> Listed:
    server = asking.server
    is_refused = asking.refuses(listing)
    listed = cluster_narrow.refused(listing, asking.user) if is_refused else cluster_lists.read(server, listing, seen)
    if listing.view is Namespace and listing.namespace and listed.failed and listed.failed.is_refusal:
        alone = cluster_lists.one(server, listing, listing.namespace)  # roles within a namespace may allow that
        return listed if alone.failed and alone.failed.is_refusal else alone
    return listed


def _check(server: Server, listed: Iterable[Listed], namespaces: tuple[str, ...]) -> None:
    """Stops where nothing at all may be read, and at a namespace that is not there: the lists of it would be empty."""
    asked = [each for each in listed if not (each.listing.settings or each.listing.optional)]
    refusals = [each.failed for each in asked if each.failed and each.failed.is_refusal]
    if refusals and all(each.failed and (each.failed.is_refusal or each.failed.is_missing) for each in asked):
        raise _nothing(server, refusals, namespaces)
    for each in asked:
        name = each.listing.namespace
        is_there = each.resources or (each.failed and not each.failed.is_missing)
        if each.listing.view is Namespace and name and not is_there:
            raise ClusterError(f"context {server.context!r} ({server.url}) has no namespace {name!r}")


def _nothing(server: Server, refusals: list[Failed], namespaces: tuple[str, ...]) -> ClusterError:
    for failed in refusals:
        if failed.is_anonymous or failed.is_unknown:
            return unusable(server, failed)
    what = f"context {server.context!r} ({server.url}) may list nothing: {refusals[0].reason}"
    advice = "`ambimigrate rbac` prints the role that is needed" + ("" if namespaces else "; -n reads one namespace")
    return ClusterError(f"{what}. {advice}")


def _discovery(offered: object) -> Iterator[Problem]:
    if isinstance(offered, Failed):
        yield Problem(f"the kinds that are served cannot be seen, so all were tried: {offered.reason}", "cluster")


def _problems(listed: Listed, namespaces: tuple[str, ...], roots: tuple[str, ...]) -> Iterator[Problem]:
    """What a list could not show, and whose verdict it leaves unknown.

    Settings, kinds without a namespace and what lies beside istiod concern every namespace, but whoever asked for some only
    is just told.
    """
    listing = listed.listing
    is_global = listing.settings or not (listing.view.NAMESPACED or listing.namespace)
    is_global = is_global or (listing.namespace in roots and not namespaces)
    for problem in () if listing.optional else cluster_lists.problems(listed):
        if is_global and not (namespaces and listing.settings):
            yield replace(problem, namespace="" if namespaces else None)
        elif not is_global:
            yield problem


def _notes(listed: Iterable[Listed], namespaces: tuple[str, ...]) -> Iterator[str]:
    for each in listed:
        if each.mixed:
            yield f"The list of {each.listing.kind} is not one snapshot: it expired twice while it was read."
        if each.failed and each.listing.optional:
            yield f"ConfigMaps with label {each.listing.labels} (dashboards) were not read: {each.failed.reason}."
    if namespaces:
        only = ", ".join(namespaces)
        yield f"Only {only} was read: callers, gateways and mesh-wide policies of other namespaces were not seen."
        for each in listed:
            if each.failed and each.listing.settings:
                yield f"Settings in {each.listing.namespace} were not seen: {each.failed.reason}."


def _counts(listed: Iterable[Listed], missing: Iterable[str]) -> Counts:
    objects: Counter[str] = Counter()
    skipped: Counter[str] = Counter({f"not served: {kind}": 1 for kind in missing if kind in EXPECTED})
    skipped["kinds that are not installed"] = len(set(missing) - EXPECTED)
    for each in listed:
        objects[each.listing.kind] += len(each.resources) + len(each.problems)
        skipped["made by another object"] += each.made
        skipped["other kinds"] += each.empty
        if each.failed and each.failed.is_missing and not each.listing.settings:
            kind = each.listing.kind
            skipped[f"not served: {kind}" if kind in EXPECTED else "kinds that are not installed"] += 1
    return Counts(0, sum(objects.values()), +objects, +skipped)
