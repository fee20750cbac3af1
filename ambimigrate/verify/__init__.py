"""The proof that two meshes treat the same requests alike, or a witness for each way in which they do not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ambimigrate.model import Mesh, Ref
from ambimigrate.verify.compare import Comparison
from ambimigrate.verify.unchecked import unchecked
from ambimigrate.verify.values import Ask, Caller, Difference, Place, Settings, Side, Source, Unchecked, Verification

__all__ = ["Ask", "Caller", "Difference", "Place", "Settings", "Side", "Source", "Unchecked", "Verification", "verify"]

NOT_COVERED = (
    "what ingress gateways do before they call a Service",
    "EnvoyFilters, WasmPlugins and NetworkPolicies",
    "connection pools, outlier detection, locality and TLS of DestinationRules",
    "what no move keeps: the peer's address, x-forwarded-client-cert, the server header, x-envoy-attempt-count",
    "callers, Services and workloads that are not in the input",
)
ASSUMPTIONS = (
    "a service account that only a policy names is in the data plane of its namespace, else of the Service's",
    "every token counts as signed by the issuer that it names",
    "pods of the mesh call from 10.244.0.9, others from 10.9.0.9 or from an address of each block that a policy names",
)


def verify(before: Iterable[Mesh], after: Iterable[Mesh], settings: Settings = Settings()) -> Verification:  # noqa: B008
    """Compares meshes of the same name, or the only two there are."""
    pairs, alone = _paired(tuple(before), tuple(after))
    made = [Comparison(old, new, settings) for old, new in pairs]
    differences = tuple(each for one in made for each in one.differences())
    left = tuple(each for old, new in pairs for each in unchecked(old, new))
    return Verification(
        sum(each.routing for each in made),
        sum(each.authorization for each in made),
        tuple(sorted(differences, key=lambda each: (each.minor, each.mesh, each.object, each.kind))),
        (*alone, *left),
        settings,
        tuple((each.before.name, place, count) for each in made for place, count in each.tried.items()),
        sum(each.left_out for each in made),
    )


def _paired(before: tuple[Mesh, ...], after: tuple[Mesh, ...]) -> tuple[list[tuple[Mesh, Mesh]], tuple[Unchecked, ...]]:
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
