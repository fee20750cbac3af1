"""What all typed views share: the base struct, the metadata of an object, the registry of the kinds that are read."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec


class View(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True, gc=False):
    """A part of an object: only the fields that somebody reads; what is not declared stays in the text."""


class OwnerReference(View, frozen=True):
    kind: str = ""
    name: str = ""
    api_version: str = ""


class Metadata(View, frozen=True):
    name: str = ""
    generate_name: str = ""
    namespace: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    owner_references: tuple[OwnerReference, ...] = ()


class Object(View, frozen=True):
    """A top-level object: its API group, and the plural of its kind (the class name) in the path of a list."""

    GROUP: ClassVar[str] = ""
    PLURAL: ClassVar[str] = ""
    NAMESPACED: ClassVar[bool] = True
    VERSIONS: ClassVar[tuple[str, ...]] = ("v1",)  # the served versions that we read, preferred first
    NEEDS_TEXT: ClassVar[tuple[str, ...]] = ()  # a document of this kind with none of these texts is passed over

    metadata: Metadata = Metadata()


KINDS: dict[tuple[str, str], type[Object]] = {}  # (group, kind) -> view
NAMES: set[str] = set()  # kinds in any group, for the search in text before parsing
NEEDS_TEXT: dict[str, tuple[str, ...]] = {}  # kind -> texts; without any of them a document of it is passed over


def kind(group: str, plural: str, *versions: str, namespaced: bool = True, name: str = "") -> Any:
    """Class decorator: registers the view as the kind of its name (or `name`) in `group`, served in `versions`."""

    def register(view: type[Object]) -> type[Object]:
        view.GROUP, view.PLURAL, view.NAMESPACED = group, plural, namespaced
        view.VERSIONS = versions or ("v1",)
        KINDS[group, name or view.__name__] = view
        NAMES.add(name or view.__name__)
        if view.NEEDS_TEXT:
            NEEDS_TEXT[name or view.__name__] = view.NEEDS_TEXT
        return view

    return register
