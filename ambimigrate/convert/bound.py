"""Istio Gateways with what is bound to them."""

from __future__ import annotations

from itertools import islice

from msgspec.structs import replace

from ambimigrate import conform
from ambimigrate.changes import Held
from ambimigrate.converters import elsewhere, shared
from ambimigrate.converters.gateways import whole as ingress
from ambimigrate.converters.settings import Settings
from ambimigrate.editable import uneditable
from ambimigrate.model import Mesh


def gateways(
    meshes: tuple[Mesh, ...], settings: Settings, rest: ingress.Rest, refused: tuple[Held, ...]
) -> tuple[ingress.Drafted, ...]:
    """Istio Gateways with what is bound to them; they hold nobody, but whoever is held holds them."""
    found: list[ingress.Drafted] = []
    drafts = [draft for mesh in meshes for draft in ingress.drafts(mesh, settings)]
    every = elsewhere.beside_files((change for draft in drafts for change in draft.changes), meshes)
    apart = iter(shared.apart(every, meshes))
    for draft in drafts:
        each = replace(draft, changes=tuple(islice(apart, len(draft.changes))))
        fit = conform.fitting(meshes, each.changes)
        touched = {shared.anchor(change).ref for change in each.changes}
        fixed = (*fit.held, *uneditable(meshes, fit.changes), *(one for one in refused if one.ref in touched))
        found.append(ingress.settled(each, fixed, rest))
    changes = tuple(change for each in found for change in each.changes)
    torn = {id(change) for change, _ in shared.disagreeing(changes, shared.twins(meshes))}
    text = "its text also stands for objects of other environments, which do not change in the same way"
    return tuple(next((each.stays(text) for one in each.changes if id(one) in torn), each) for each in found)
