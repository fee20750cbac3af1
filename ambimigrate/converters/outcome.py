"""What a converter answers: changes and notes, or a refusal that names the field, the reason and a request that shows it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct, field

from ambimigrate import catalogue
from ambimigrate.changes import Change, Held
from ambimigrate.converters.settings import Settings
from ambimigrate.model import Mesh, Ref, Resource, Route
from ambimigrate.yamlio import Document, Unreadable, values


class Refused(Exception):
    """There is no exact form: which case of the catalogue it is, at which field, why, and a witness."""

    def __init__(self, case: str, route: Route, reason: str, witness: str | None = None) -> None:
        super().__init__(reason)
        self.case, self.route, self.reason, self.witness = case, route, reason, witness


class Difference(Struct, frozen=True):
    """A difference that the user agreed to: its id in the catalogue, where it comes from, what it is, and what shows it."""

    id: str
    route: Route
    reason: str
    witness: str | None


class Outcome(Struct, frozen=True):
    """What became of one subject."""

    changes: tuple[Change, ...] = ()
    held: tuple[Held, ...] = ()


def held(mesh: Mesh, subject: Resource[Any], rule: str, refused: Refused, namespace: str | None = None) -> Held:
    """A refusal as the report shows it, with the way out that the catalogue offers for its case."""
    return Held(
        mesh.name,
        subject.namespace if namespace is None else namespace,
        subject.ref,
        subject.at(*refused.route),
        refused.reason,
        (rule,),
        refused.witness,
        with_name(catalogue.entry(rule).cases[refused.case].fix, subject.ref),
    )


def with_name(fix: str, ref: Ref) -> str:
    """The way out with the object's name where it has an option to agree to it."""
    return fix.replace("NAMESPACE/NAME", f"{ref.namespace}/{ref.name}") if ref.namespace else fix


class Account(Struct):
    """Which fields of a subject were carried, and which were left out and why; what is neither is lost."""

    carried: set[Route] = field(default_factory=set)
    left: dict[Route, str] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    def agree(self, settings: Settings, id: str, subject: Resource[Any], refused: Refused) -> None:
        """Goes on in spite of a difference if it was agreed to by its id, else raises the refusal.

        The fix of the refused case names the option: `--accept ID:NAMESPACE/NAME`.
        """
        if not settings.accepts(id, subject):
            raise refused
        self.differences.append(Difference(id, refused.route, refused.reason, refused.witness))

    def carry(self, route: Route, *names: str | int) -> None:
        """Notes the fields of that name below the route (the route itself without names)."""
        self.carried |= {(*route, name) for name in names} if names else {route}

    def lost(self, subject: Resource[Any]) -> tuple[Route, ...]:
        """The leaves under `spec` that are neither carried nor reported, in order."""
        known = self.carried | self.left.keys()
        return tuple(
            leaf
            for leaf in leaves(written(subject).get("spec"), ("spec",))
            if not any(leaf[:n] in known for n in range(1, len(leaf) + 1))
        )


def written(subject: Resource[Any]) -> dict[str, Any]:
    """The object as it stands in its document, before any overlay; what we read of it if it has no text."""
    if not isinstance(subject.origin, Document):
        return dict(msgspec.json.decode(msgspec.json.encode(subject.body)))  # with lists, where views have tuples
    return part(subject.origin, subject.base)


def part(document: Document, base: Route) -> dict[str, Any]:
    """The mapping that stands in a document at the route; empty if there is none."""
    try:
        tree = _tree(document)
        for step in base:
            tree = tree[step]
    except (Unreadable, KeyError, IndexError, TypeError):
        return {}
    return tree if isinstance(tree, dict) else {}


@lru_cache(4096)
def _tree(document: Document) -> Any:
    """The value of a document, which converters ask for again and again while they work on one subject."""
    return values(document).value


def leaves(tree: Any, route: Route) -> Iterable[Route]:
    """The routes to every value; an empty mapping or list has none."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, (*route, key))
    elif isinstance(tree, list):
        for number, value in enumerate(tree):
            yield from leaves(value, (*route, number))
    elif tree is not None:
        yield route
