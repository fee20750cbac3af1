"""Texts to meshes: splits documents, decodes the objects of the kinds that we read, and puts each where it belongs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from ambimigrate.kinds import KINDS, NAMES, Object
from ambimigrate.kinds.base import NEEDS_TEXT
from ambimigrate.layout import Layout, Placement
from ambimigrate.layout.fragments import fragments, is_directive
from ambimigrate.layout.levels import addressed, levels_of
from ambimigrate.layout.named import holds_nothing, kinds_in, own_kinds, without_secrets
from ambimigrate.layout.rendered import Made, differing
from ambimigrate.layout.transform import apply
from ambimigrate.model import Mesh, Problem, Ref, Resource, Route, Target
from ambimigrate.topology import releases, secrets
from ambimigrate.yamlio import Document, Unreadable, Values, documents, values
from ambimigrate.yamlio.masked import masked
from ambimigrate.yamlio.wrong import route

MOST_NAMED = 5  # notes of one kind
MARK = "ambimigrate:"  # begins the comments that are meant for us
_NAMESPACE = re.compile(r"""^\s*["']?namespace["']?\s*:\s*["']?([a-z0-9-]+)""", re.MULTILINE)
_ANYTHING = re.compile(r"^\s*[^#\s%]", re.MULTILINE)


class Counts(Struct):
    """What was read and what was passed over, for the report."""

    files: int = 0
    documents: int = 0
    objects: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    not_rendered: list[str] = field(default_factory=list)


class Reading(Struct, frozen=True):
    """All that comes of reading: a mesh per cluster or environment, what could not be read, and the counts."""

    meshes: tuple[Mesh, ...]
    problems: tuple[Problem, ...]
    counts: Counts
    layout: Layout | None = None
    notes: tuple[str, ...] = ()
    marked: tuple[tuple[str, str], ...] = ()  # files that hold a word for us, with their texts


class Decoder:
    """Gathers the objects of one input; `namespace` is given to objects that name none, `parse` reads a document."""

    def __init__(
        self,
        layout: Layout,
        namespace: str = "",
        is_template: Callable[[str], bool] = lambda _name: False,
        parse: Callable[[Document], Values] = values,
    ) -> None:
        self.layout, self.namespace, self.is_template, self.parse = layout, namespace, is_template, parse
        self.counts = Counts()
        self.problems: list[Problem] = list(layout.problems)
        self.marked: list[tuple[str, str]] = []
        self.resources: dict[str, list[Resource[Any]]] = {mesh: [] for mesh in layout.meshes}

    def add(self, file: str, text: str) -> None:
        """Reads one file."""
        self.counts.files += 1
        text = text.removeprefix("\ufeff")
        if MARK in text:
            self.marked.append((file, text if "Secret" not in text else without_secrets(file, text)))
        if "{{" in text and self.is_template(file):
            self.counts.not_rendered.append(file)
            return
        named = kinds_in(text)
        for document in documents(file, text):
            self._document(document, named if document.text is text else kinds_in(document.text))

    def _document(self, document: Document, named: list[str]) -> None:
        if "Secret" in named and own_kinds(document.text) == ["Secret"]:
            self._secret(document)
            return
        if NAMES.isdisjoint(named) or (not NEEDS_TEXT.keys().isdisjoint(named) and holds_nothing(document.text)):
            if _ANYTHING.search(document.text):
                self.counts.documents += 1
                self.counts.skipped["other kinds" if named else "no object"] += 1
            return
        self.counts.documents += 1
        hidden = masked(document) if "Secret" in named else document
        if hidden is None and "{{" not in document.text:
            self._problem(document, "a Secret stands in it in a way that its data cannot be left out: it was not read", None)
            return
        document = hidden or document
        try:
            read = self.parse(document)
        except Unreadable as error:
            self._unreadable(document, error)
            return
        for name, line in read.duplicates:
            self._problem(document, f"key {name!r} stands twice; the last one was read", line)
        self._tree(document, read.value, ())

    def _secret(self, document: Document) -> None:
        self.counts.documents += 1
        found = secrets.remote(document, self.namespace)
        if found is None:
            self.counts.skipped["other kinds"] += 1
        else:
            self.counts.objects["Secret"] += 1
            self.place(found)

    def _unreadable(self, document: Document, error: Unreadable) -> None:
        if "{{" in document.text:
            if document.file not in self.counts.not_rendered:
                self.counts.not_rendered.append(document.file)
            return
        self._problem(document, error.message, error.line)

    def _problem(self, document: Document, message: str, line: int | None) -> None:
        found = _NAMESPACE.search(document.text)
        self.problems.append(Problem(message, document.file, line, found[1] if found else None))

    def _tree(self, document: Document, tree: Any, base: Route) -> None:
        if not isinstance(tree, dict):
            self.counts.skipped["no object"] += 1
            return
        kind, version = tree.get("kind"), tree.get("apiVersion")
        if not isinstance(kind, str) or not isinstance(version, str):
            self.counts.skipped["no object"] += 1
        elif isinstance(tree.get("items"), list) and kind.endswith("List"):
            for number, item in enumerate(tree["items"]):
                self._tree(document, item, (*base, "items", number))
        elif (view := KINDS.get((version.rpartition("/")[0], kind))) is None:
            self.counts.skipped["other kinds"] += 1
        else:
            self._object(document, tree, base, view)

    def _object(self, document: Document, tree: dict[str, Any], base: Route, view: type[Object]) -> None:
        if "{{" in document.text and "{{" in str(tree.get("metadata")):
            if document.file not in self.counts.not_rendered:
                self.counts.not_rendered.append(document.file)
            return
        self.counts.objects[tree["kind"]] += 1
        # A directive of a strategic merge that nothing here applies says what to take out, not what there is.
        if "$patch" not in document.text or not is_directive(tree):
            self._placed(document, tree, base, view)

    def _placed(self, document: Document, tree: dict[str, Any], base: Route, view: type[Object]) -> None:
        """The object at each place where the layout puts it."""
        for placement in self.layout.of(document.file):
            placed = tree
            for transform in placement.transforms:
                placed = apply(transform, placed)
            overlaid: tuple[Route, ...] = ()
            if placement.rendering is not None:
                found = placement.rendering.take(document.file, placed)
                if found is None:
                    continue  # a patch took it out, or gave it another name: then it is among what was made
                placed, overlaid = found, tuple(sorted(differing(placed, found), key=str))
            try:
                body = msgspec.convert(placed, view)
            except msgspec.ValidationError as error:
                self._invalid(document, base, error, tree)
                return
            ref = self._ref(tree["kind"], view, body, placement)
            shared, levels = placement.mesh is None, tuple(levels_of(placement, tree))
            names = addressed(placement, tree)
            self._place(Resource(ref, body, document, base, shared, overlaid, levels, names), placement)

    def add_made(self) -> None:
        """Takes in the objects that a renderer made of no document; they have a file but no text."""
        for placement in self.layout.made:
            for file, tree in placement.rendering.left if placement.rendering else ():
                self.add_rendered(tree, Made(file), placement)

    def add_rendered(self, tree: dict[str, Any], origin: Made, placement: Placement) -> None:
        """Takes in one object that a renderer made."""
        view = KINDS.get((str(tree.get("apiVersion")).rpartition("/")[0], str(tree.get("kind"))))
        if view is None:
            return
        try:
            body = msgspec.convert(tree, view)
        except msgspec.ValidationError as error:
            self.problems.append(Problem(f"{tree.get('kind')} as rendered: {error}", origin.file, origin.line))
            return
        self._place(
            Resource(self._ref(tree["kind"], view, body, placement), body, origin, (), placement.mesh is None), placement
        )

    def _invalid(self, document: Document, base: Route, error: msgspec.ValidationError, tree: dict[str, Any]) -> None:
        message, _, path = str(error).rstrip("`").partition(" - at `")
        position = document.at(base + route(path))
        metadata = tree.get("metadata")
        said = metadata.get("namespace") if isinstance(metadata, dict) else None
        namespace = said if isinstance(said, str) else None
        where = ".".join(str(step) for step in position.route[len(base) :])
        text = f"{tree['kind']}: {message[:1].lower()}{message[1:]}" + (f" at {where}" if where else "")
        self.problems.append(Problem(text, document.file, position.line, namespace or self.namespace or None, tree["kind"]))

    def _ref(self, kind: str, view: type[Object], body: Object, placement: Placement) -> Ref:
        space = placement.space
        own = "" if space.is_forced else body.metadata.namespace
        namespace = (own or space.namespace or body.metadata.namespace or self.namespace) if view.NAMESPACED else ""
        return Ref(kind, view.GROUP, namespace, body.metadata.name or body.metadata.generate_name)

    def _place(self, resource: Resource[Any], placement: Placement) -> None:
        for mesh in self.layout.meshes if placement.mesh is None else (placement.mesh,):
            self.resources[mesh].append(resource)

    def place(self, resource: Resource[Any]) -> None:
        """Adds something that was read in another way, to the meshes of its file."""
        for placement in self.layout.of(resource.file):
            self._place(replace(resource, shared=placement.mesh is None), placement)

    def reading(self, target: Target, notes: Iterable[str] = ()) -> Reading:
        """The meshes of all that was added; nothing read at all is a problem."""
        for resources in self.resources.values() if not releases.INSTALLERS.isdisjoint(self.counts.objects) else ():
            resources += list(releases.values(resources))
        notes = (*notes, *self._fragments())
        problems = list(dict.fromkeys(self.problems))
        if not any(self.resources.values()) and not self.counts.objects and not problems and not self.counts.not_rendered:
            problems.append(Problem("nothing was read: no object of a kind that matters here", "", None))
        meshes = tuple(
            Mesh(name, tuple(resources), target, self._problems_of(name, problems))
            for name, resources in self.resources.items()
        )
        return Reading(meshes, tuple(problems), self.counts, self.layout, tuple(notes), tuple(self.marked))

    def _fragments(self) -> Iterator[str]:
        """Takes out what are patches that no kustomization names, and says so."""
        every = (each for members in self.resources.values() for each in members)
        found = {id(part.body): (part, whole) for part, whole in fragments(every, self.layout.used)}
        for name, members in self.resources.items() if found else ():
            self.resources[name] = [each for each in members if id(each.body) not in found]
        for part, whole in list(found.values())[:MOST_NAMED]:
            of = f"{part.kind} {part.name} of {whole.file}"
            yield f"{part.file}:{part.at().line or 1} is taken for a patch of {of}: it is no whole object by itself."
        if len(found) > MOST_NAMED:
            rest = len(found) - MOST_NAMED
            yield f"{rest} more {'objects are' if rest > 1 else 'object is'} taken for patches in the same way."

    def _problems_of(self, mesh: str, problems: Iterable[Problem]) -> tuple[Problem, ...]:
        return tuple(problem for problem in problems if mesh in self.layout.meshes_of(problem.file))
