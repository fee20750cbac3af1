"""The proof that two meshes treat the same requests alike, or a witness for each way in which they do not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from ambimigrate import workers
from ambimigrate.model import Mesh, Ref
from ambimigrate.verify import callers
from ambimigrate.verify.compare import Comparison
from ambimigrate.verify.gateways import Gateways
from ambimigrate.verify.unchecked import unchecked
from ambimigrate.verify.untried import untried
from ambimigrate.verify.values import (
    Ask,
    Caller,
    Compared,
    Difference,
    Place,
    Settings,
    Side,
    Source,
    Unchecked,
    Verification,
)

__all__ = ["Ask", "Caller", "Difference", "Place", "Settings", "Side", "Source", "Unchecked", "Verification", "verify"]

NOT_COVERED = (
    "what gateways do besides routing: policies, versions and ciphers of TLS, client certificates, HTTP/3",
    "what a waypoint makes of requests that a gateway sends through it (istio.io/ingress-use-waypoint)",
    "EnvoyFilters and WasmPlugins, and policies of a network plugin's own kinds",
    "that limits of DestinationRules count for each waypoint replica instead of for each client, and locality",
    "what no move keeps: the peer's address, x-forwarded-client-cert, the server header, x-envoy-attempt-count",
    "callers, Services and workloads that are not in the input",
)
ASSUMPTIONS = (
    "a service account that only a policy names is in the data plane of its namespace, else of the Service's",
    "every token counts as signed by the issuer that it names",
    "pods of the mesh call from 10.244.0.9, others from 10.9.0.9 or from an address of each block that a policy names",
    "hosts outside of the mesh are called with a server name where their port is for TLS, and have public addresses",
    "what DestinationRules say about TLS between sidecars has no counterpart, since HBONE encrypts",
)
_ENOUGH = 3000  # objects from which on several processes are faster

Pair = tuple[Mesh, Mesh]


def verify(before: Iterable[Mesh], after: Iterable[Mesh], settings: Settings = Settings()) -> Verification:  # noqa: B008
    """Compares meshes of the same name, or the only two there are."""
    pairs, alone = _paired(tuple(before), tuple(after))
    made = _all(pairs, settings)
    differences = (each for one in made for each in one.differences)
    left = (each for one in made for each in one.unchecked)
    return Verification(
        sum(each.routing for each in made),
        sum(each.authorization for each in made),
        tuple(sorted(differences, key=lambda each: (each.minor, each.mesh, each.object, each.kind))),
        (*alone, *left),
        settings,
        tuple(place for each in made for place in each.places),
        sum(each.left_out for each in made),
        untried((each for pair in pairs for each in pair), settings.own),
    )


def _all(pairs: list[Pair], settings: Settings) -> list[Compared]:
    """The pairs one by one, in several processes where there is much to do."""
    count = min(len(pairs), workers.worth(sum(len(old.resources) for old, _ in pairs), _ENOUGH))
    if count < 2:
        return _some(pairs, settings)
    jobs: list[Callable[[], list[Compared]]] = [partial(_some, pairs[index::count], settings) for index in range(count)]
    found: list[Compared | None] = [None] * len(pairs)
    for index, part in enumerate(workers.spread(jobs)):
        found[index::count] = part
    return [each for each in found if each is not None]


def _some(pairs: Iterable[Pair], settings: Settings) -> list[Compared]:
    return [_compared(old, new, settings) for old, new in pairs]


def _compared(before: Mesh, after: Mesh, settings: Settings) -> Compared:
    made = Comparison(before, after, settings)
    fronts = Gateways(before, after, settings)
    differences = (*made.differences(), *fronts.differences())
    crowded = (
        Unchecked(before.name, made.owner(place), None, f"only {callers.MOST} of its {count} callers were tried")
        for place, count in made.crowded.items()
    )
    return Compared(
        made.routing + fronts.routing,
        made.authorization,
        differences,
        (*unchecked(before, after), *dict.fromkeys(crowded)),
        tuple((before.name, place, count) for place, count in (*made.tried.items(), *fronts.tried.items())),
        made.left_out + fronts.left_out,
    )


def _paired(before: tuple[Mesh, ...], after: tuple[Mesh, ...]) -> tuple[list[Pair], tuple[Unchecked, ...]]:
    if len(before) == len(after) == 1:
        return [(before[0], after[0])], ()
    named = {each.name: each for each in after}
    pairs = [(each, named[each.name]) for each in before if each.name in named]
    return pairs, tuple(_alone(before, after))


def _alone(before: tuple[Mesh, ...], after: tuple[Mesh, ...]) -> Iterator[Unchecked]:
    for here, there, word in ((before, after, "after"), (after, before, "before")):
        names = {each.name for each in there}
        for mesh in here:
            if mesh.name not in names:
                yield Unchecked(mesh.name, Ref("Mesh", "", "", mesh.name), None, f"there is no mesh of this name {word}")
