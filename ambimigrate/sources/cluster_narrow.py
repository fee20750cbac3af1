"""What of a refused kind may be listed all the same: in some namespaces, where roles of these allow it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from multiprocessing.pool import ThreadPool

from msgspec.structs import replace

from ambimigrate.kinds.parts import deciding
from ambimigrate.sources.cluster_lists import Listed, Listing
from ambimigrate.sources.cluster_reviews import Rights, rights
from ambimigrate.sources.cluster_server import Failed, Server

FORBIDDEN = 403


def refused(listing: Listing, user: str) -> Listed:
    """A list that need not be asked for, since the roles do not allow it."""
    what = f"{listing.view.PLURAL}.{listing.view.GROUP}".rstrip(".")
    where = "in the namespace" if listing.namespace else "in the whole cluster"
    return Listed(listing, failed=Failed(FORBIDDEN, f"no role of {user or 'this user'} lets it list {what} {where}"))


def is_candidate(listed: Listed) -> bool:
    """Whether a list was refused for the whole cluster that would be wanted from namespaces, too."""
    listing = listed.listing
    if listing.namespace or listing.settings or listing.optional or not listing.view.NAMESPACED or not listed.failed:
        return False
    return listed.failed.is_refusal and listing.kind in deciding()


def reviews(server: Server, namespaces: Iterable[str], threads: int) -> Mapping[str, Rights]:
    """The rights in each of these namespaces: one question each."""
    names = tuple(namespaces)
    with ThreadPool(threads) as pool:
        return dict(zip(names, pool.map(lambda name: rights(server, name), names), strict=True))


def narrowed(listed: Listed, by_namespace: Mapping[str, Rights]) -> Sequence[Listing]:
    """The lists of single namespaces that may work in its place."""
    listing = listed.listing
    return [
        replace(listing, namespace=name)
        for name, allowed in by_namespace.items()
        if allowed.lists(listing.view.GROUP, listing.view.PLURAL)
    ]


def left(listed: Listed, read: Iterable[Listed], by_namespace: Mapping[str, Rights], user: str) -> Iterator[Listed]:
    """What stays refused beside the lists that were read: each other namespace, or all of it if there are none."""
    found = {each.listing.namespace for each in read if each.listing.kind == listed.listing.kind}
    if not found:
        yield listed
        return
    for name in by_namespace:
        if name not in found:
            yield refused(replace(listed.listing, namespace=name), user)
