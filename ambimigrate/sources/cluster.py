"""Reads a live cluster: lists of every kind that we know, in pages, into one mesh named after the context."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.pool import ThreadPool

from msgspec.structs import replace

from ambimigrate.decode import Counts, Reading
from ambimigrate.kinds import Namespace, Node
from ambimigrate.model import Mesh, Problem, Target
from ambimigrate.sources import cluster_lists
from ambimigrate.sources.cluster_access import ClusterError, Where, connect, remarks
from ambimigrate.sources.cluster_discovery import served, unusable
from ambimigrate.sources.cluster_installation import installation
from ambimigrate.sources.cluster_lists import Listed, Listing
from ambimigrate.sources.cluster_server import Failed, Patience, Server
from ambimigrate.topology import releases

__all__ = ["ClusterError", "Patience", "Where", "read_cluster"]

THREADS = 4  # more only wait for each other in the server

Progress = Callable[[str], None]


def read_cluster(
    where: Where,
    target: Target,
    *,
    istio_given: bool = False,
    patience: Patience = Patience(),  # noqa: B008 (frozen)
    progress: Progress = lambda _text: None,
) -> Reading:
    """The mesh of one cluster; what was refused is a problem of it. ClusterError if it cannot be read at all.

    The target's Istio version is that of the cluster unless it was given.
    """
    collecting = gc.isenabled()
    gc.disable()  # as for files: nothing that is made while reading becomes garbage in circles
    try:
        with remarks() as logged:
            access = connect(where, logged)  # a credential plugin may have something to say on the terminal
            progress(f"{access.context}: connecting to {access.server}")
            server = Server(access, patience)
            return _read(server, where.namespaces, target, istio_given=istio_given, progress=progress)
    finally:
        if collecting:
            gc.enable()


def _read(server: Server, namespaces: tuple[str, ...], target: Target, *, istio_given: bool, progress: Progress) -> Reading:
    offered = served(server)
    plan = cluster_lists.plan(offered, namespaces)
    istio = installation(server)
    listed = _all(server, (*plan.listings, *cluster_lists.config_maps(istio.namespaces)), progress)
    _check(server, listed, namespaces)
    notes = [*plan.notes, *_notes(listed, namespaces)]
    if not istio_given:
        target = replace(target, istio=istio.version or target.istio)
        notes += istio.notes(target.istio)
    problems = [*_discovery(offered), *(problem for each in listed for problem in _problems(each, namespaces))]
    counts = _counts(listed, plan.missing)
    if not counts.objects and not problems:
        problems.append(Problem("nothing was read: no object of a kind that matters here", ""))
    resources = tuple(resource for each in listed for resource in each.resources)
    resources += tuple(releases.values(resources))
    mesh = Mesh(server.context, resources, target, tuple(problems), "cluster", namespaces)
    return Reading((mesh,), tuple(problems), counts, None, tuple(notes))


def _all(server: Server, listings: tuple[Listing, ...], progress: Progress) -> list[Listed]:
    """Every list, in the given order."""
    found, objects = [], 0
    with ThreadPool(THREADS) as pool:
        for number, listed in enumerate(pool.imap(lambda listing: _list(server, listing), listings), 1):
            objects += len(listed.resources)
            progress(f"{server.context}: {number} of {len(listings)} lists, {objects} objects")
            found.append(listed)
    return found


def _list(server: Server, listing: Listing) -> Listed:
    listed = cluster_lists.read(server, listing)
    if listing.view is Namespace and listing.namespace and listed.failed and listed.failed.is_refusal:
        alone = cluster_lists.one(server, listing, listing.namespace)  # roles within a namespace may allow that
        return listed if alone.failed and alone.failed.is_refusal else alone
    return listed


def _check(server: Server, listed: Iterable[Listed], namespaces: tuple[str, ...]) -> None:
    """Stops where nothing at all may be read, and at a namespace that is not there: the lists of it would be empty."""
    asked = [each for each in listed if not each.listing.settings]
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


def _problems(listed: Listed, namespaces: tuple[str, ...]) -> Iterator[Problem]:
    """What a list could not show, and whose verdict it leaves unknown.

    Settings and kinds without a namespace concern every namespace, but whoever asked for some only is just told.
    """
    listing = listed.listing
    if listing.view is Node and listed.failed:
        return  # no verdict depends on nodes; `_notes` says it
    is_global = listing.settings or not (listing.view.NAMESPACED or listing.namespace)
    for problem in cluster_lists.problems(listed):
        if is_global and not (namespaces and listing.settings):
            yield replace(problem, namespace="" if namespaces else None)
        elif not is_global:
            yield problem


def _notes(listed: Iterable[Listed], namespaces: tuple[str, ...]) -> Iterator[str]:
    for each in listed:
        if each.listing.view is Node and each.failed:
            yield f"Nodes were not seen, so whether they have room for ztunnel is not known: {each.failed.reason}."
        if each.mixed:
            yield f"The list of {each.listing.kind} is not one snapshot: it expired twice while it was read."
    if namespaces:
        only = ", ".join(namespaces)
        yield f"Only {only} was read: callers, gateways and mesh-wide policies of other namespaces were not seen."
        for each in listed:
            if each.failed and each.listing.settings:
                yield f"Settings in {each.listing.namespace} were not seen: {each.failed.reason}."


def _counts(listed: Iterable[Listed], missing: Iterable[str]) -> Counts:
    objects: Counter[str] = Counter()
    skipped: Counter[str] = Counter({f"not served: {kind}": 1 for kind in missing})
    for each in listed:
        objects[each.listing.kind] += len(each.resources) + len(each.problems)
        skipped["made by another object"] += each.made
        skipped["other kinds"] += each.empty
        if each.failed and each.failed.is_missing:
            skipped[f"not served: {each.listing.kind}"] = 1
    return Counts(0, sum(objects.values()), +objects, +skipped)
