"""Every suppression of an input: the comments in its texts, the annotations of its objects, and what the configuration says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ambimigrate.analyse import stable
from ambimigrate.decode import Reading
from ambimigrate.model import Mesh, Ref, Resource
from ambimigrate.suppressions.comments import LOST, Comment, comments
from ambimigrate.suppressions.values import ANNOTATION, COMMENT, MESH, Silence
from ambimigrate.suppressions.wording import Said, of_annotation
from ambimigrate.yamlio import Document, Unreadable, documents, values

KEY = "ambimigrate.io/ignore"

Objects = Mapping[tuple[str, int], list[tuple[str, Resource[Any]]]]  # file and offset of a document -> mesh and object


def gathered(reading: Reading, configured: Iterable[Silence] = ()) -> tuple[Silence, ...]:
    """All of them, in order of place; texts are only looked into where they hold a word for us."""
    found = [*_commented(reading), *_annotated(reading.meshes)]
    return (*sorted(found, key=lambda each: (each.position.order, each.ids)), *configured)


def _commented(reading: Reading) -> Iterator[Silence]:
    objects = _objects(reading) if reading.marked else {}
    for file, text in reading.marked:
        above: tuple[Comment, ...] = ()
        for document in documents(file, text):
            found, is_empty = comments(document, above)
            above = found if is_empty else ()
            if found and not is_empty:
                within, tree = objects.get((file, document.start), []), _tree(document)
                yield from (_of_comment(each, within, tree) for each in found)
        yield from (_of_comment(each, [], None) for each in above)


def _objects(reading: Reading) -> Objects:
    files = {file for file, _ in reading.marked}
    found: dict[tuple[str, int], list[tuple[str, Resource[Any]]]] = defaultdict(list)
    for mesh in reading.meshes:
        for resource in mesh.resources:
            if resource.file in files and isinstance(resource.origin, Document):
                found[resource.file, resource.origin.start].append((mesh.name, resource))
    return found


def _tree(document: Document) -> Any:
    try:
        return values(document).value
    except Unreadable:
        return None


def _of_comment(comment: Comment, within: list[tuple[str, Resource[Any]]], tree: Any) -> Silence:
    own = [(mesh, each) for mesh, each in within if comment.route[: len(each.base)] == each.base] or within
    subject = own[0][1].ref if own else _ref(tree)
    meshes = tuple(dict.fromkeys(mesh for mesh, _ in own))
    fault = LOST if comment.is_lost else comment.said.fault
    anchor = (COMMENT, *map(str, sorted({each.ref for _, each in own} or {subject})), *meshes, *stable(tree, comment.route))
    return Silence(
        COMMENT,
        comment.said.ids,
        comment.said.because,
        comment.said.until,
        comment.position,
        subject,
        meshes,
        comment.areas,
        anchor=anchor,
        fault=fault,
    )


def _ref(tree: Any) -> Ref:
    """The name of an object of a kind that is not read, if the document is one."""
    if not isinstance(tree, dict) or not isinstance(tree.get("kind"), str):
        return MESH
    metadata = tree.get("metadata")
    own = metadata if isinstance(metadata, dict) else {}
    group = str(tree.get("apiVersion", "")).rpartition("/")[0]
    return Ref(tree["kind"], group, str(own.get("namespace") or ""), str(own.get("name") or ""))


def _annotated(meshes: Iterable[Mesh]) -> Iterator[Silence]:
    found: dict[tuple[Ref, str, str], list[tuple[str, Resource[Any]]]] = defaultdict(list)
    for mesh in meshes:
        for resource in mesh.resources:
            text = resource.body.metadata.annotations.get(KEY)
            if text is not None:
                found[resource.ref, resource.file, text].append((mesh.name, resource))
    for (ref, _, text), members in found.items():
        names = tuple(dict.fromkeys(mesh for mesh, _ in members))
        yield from (_of_annotation(said, ref, names, members[0][1]) for said in of_annotation(text))


def _of_annotation(said: Said, ref: Ref, meshes: tuple[str, ...], resource: Resource[Any]) -> Silence:
    position = resource.at("metadata", "annotations", KEY)
    anchor = (ANNOTATION, str(ref), *meshes)
    return Silence(ANNOTATION, said.ids, said.because, said.until, position, ref, meshes, anchor=anchor, fault=said.fault)
