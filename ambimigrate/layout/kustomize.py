"""Which objects a kustomization applies and how it changes them, without running kustomize."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from ambimigrate.layout import inflated
from ambimigrate.layout.transform import Labels, Transform
from ambimigrate.model import Problem

FILE_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_REMOTE = ("http://", "https://", "git@", "git::", "ssh://", "github.com/", "gitlab.com/", "bitbucket.org/")
_GENERATORS = ("helmCharts", "helmChartInflationGenerator", "generators", "transformers", "replacements", "vars")
_PATCHES = ("patches", "patchesStrategicMerge", "patchesJson6902")
_LATE = ("patchesJson6902", "replacements", "vars", "transformers")
NAMING = (*_PATCHES, "replacements", "vars")  # fields whose entries name objects
_BEYOND = (*_GENERATORS, *_PATCHES, "configMapGenerator", "configurations", "openapi", "crds", "replicas")

Tree = Mapping[str, Any]


class Kustomization(Struct, frozen=True):
    """A kustomization file: its folder ("" is the root of the tree) and what stands in it."""

    file: str
    folder: str
    spec: Tree
    lines: Mapping[str, int] = field(default_factory=dict)  # field -> line

    @property
    def namespace(self) -> str | None:
        """The namespace that it gives to all its objects, None if it gives none."""
        found = self.spec.get("namespace")
        return found if isinstance(found, str) and found else None

    @property
    def needs_renderer(self) -> bool:
        """Whether it does more than the simple transformers (`layout.transform`) can."""
        return any(self.spec.get(key) for key in _BEYOND)

    @property
    def has_late(self) -> bool:
        """Whether it changes objects after its `patches` did (kustomize 5.7, internal/target/kusttarget_configplugin.go)."""
        return any(self.spec.get(key) for key in _LATE)

    @property
    def has_more(self) -> bool:
        """Whether it changes objects beyond what the simple transformers do."""
        return self.has_late or any(self.spec.get(key) for key in (*_PATCHES, "components"))

    @property
    def is_component(self) -> bool:
        return self.spec.get("kind") == "Component"


class Use(Struct, frozen=True):
    """A file that a kustomization applies, with the transforms in order, innermost first.

    `path` are the kustomizations on the way, each with the number of transforms below it."""

    file: str
    transforms: tuple[Transform, ...] = ()
    path: tuple[tuple[Kustomization, int], ...] = ()


class Following(Struct, frozen=True):
    """What comes of following every kustomization: uses by root folder, files that are patches, and problems.

    `parts` are the kustomizations that a root is made of, itself among them; `broken` those that name what is not in the
    tree.
    """

    roots: Mapping[str, tuple[Use, ...]]
    patches: frozenset[str]
    problems: tuple[Problem, ...]
    parts: Mapping[str, tuple[Kustomization, ...]] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()


Names = Callable[[str], Iterable[tuple[str, str]]]


def follow(kustomizations: Iterable[Kustomization], files: frozenset[str], names: Names = lambda _file: ()) -> Following:
    """Follows each kustomization that no other one refers to; `files` are all names in the tree.

    `names` tells kind and name of those objects in a file that others refer to by name; it is asked where names change.
    """
    by_folder = {each.folder: each for each in kustomizations}
    walk = _Walk(by_folder, files, names)
    referred = {target for each in by_folder.values() for target in _folders(each, by_folder)}
    tops = [each for folder, each in sorted(by_folder.items()) if folder not in referred and not each.is_component]
    roots = {each.folder: walk.uses(each, ()) for each in tops}
    # kustomizations that refer to each other in a circle have no root; each stands for itself
    patches = frozenset(path for each in by_folder.values() for path in _patch_files(each))
    problems = {problem: None for each in by_folder.values() for problem in walk.faults(each)}
    parts = {each.folder: tuple(_parts(each, by_folder, {})) for each in tops}
    broken = frozenset(each.file for each in by_folder.values() if any(walk.missing(each)))
    return Following(roots, patches, tuple(problems), parts, broken)


def _parts(each: Kustomization, by_folder: Mapping[str, Kustomization], seen: dict[str, None]) -> Iterator[Kustomization]:
    seen[each.folder] = None
    yield each
    for folder in _folders(each, by_folder):
        if folder not in seen:
            yield from _parts(by_folder[folder], by_folder, seen)


class _Walk:
    def __init__(self, by_folder: Mapping[str, Kustomization], files: frozenset[str], names: Names) -> None:
        self.by_folder, self.files, self.names = by_folder, files, names

    def uses(self, each: Kustomization, above: tuple[str, ...]) -> tuple[Use, ...]:
        found: list[Use] = []
        for entry in _entries(each, "resources", "bases"):
            path = _join(each.folder, entry)
            if path in self.by_folder and path not in above:
                found += self.uses(self.by_folder[path], (*above, each.folder))
            elif path in self.files:
                found.append(Use(path))
        for entry in _entries(each, "components"):
            path = _join(each.folder, entry)
            if path in self.by_folder and path not in above:
                found = self._component(self.by_folder[path], found, (*above, each.folder))
        if not each.is_component:
            found = [replace(use, path=(*use.path, (each, len(use.transforms)))) for use in found]
        return self._transformed(each, found)

    def _component(self, component: Kustomization, found: list[Use], above: tuple[str, ...]) -> list[Use]:
        own = self.uses(component, above)
        return [*self._transformed(component, found), *own]

    def _transformed(self, each: Kustomization, found: list[Use]) -> tuple[Use, ...]:
        step = _transform(each)
        if not step:
            return tuple(found)
        if step.renames:
            step = replace(step, names=tuple(name for use in found for name in self._named(use, step)))
        return tuple(replace(use, transforms=(*use.transforms, step)) for use in found)

    def _named(self, use: Use, last: Transform) -> Iterator[tuple[str, str, str]]:
        """Every former name of each object with its new one: references may use any of them."""
        for kind, name in self.names(use.file):
            former = [name]
            for step in use.transforms:
                former.append(step.renamed(former[-1]))
            yield from ((kind, each, last.renamed(former[-1])) for each in reversed(dict.fromkeys(former)))

    def faults(self, each: Kustomization) -> Iterator[Problem]:
        """What of the kustomization cannot be followed."""
        yield from self.missing(each)
        for text in (absent := tuple(inflated.missing(each, self.files))):
            yield Problem(text, each.file, each.lines.get("helmCharts"), each.namespace)
        for key in _GENERATORS:
            if each.spec.get(key) and not (key == "helmCharts" and absent):
                message = f"`{key}` is not followed without a renderer: what it makes or changes was not read"
                yield Problem(message, each.file, each.lines.get(key), each.namespace)

    def missing(self, each: Kustomization) -> Iterator[Problem]:
        """What the kustomization applies and the tree does not hold."""
        for key in ("resources", "bases", "components"):
            for entry in _entries(each, key):
                path = _join(each.folder, entry)
                if path not in self.by_folder and path not in self.files:
                    yield Problem(_missing(key, entry), each.file, each.lines.get(key), each.namespace)


def _missing(key: str, entry: str) -> str:
    if entry.startswith(_REMOTE) or "?ref=" in entry or "//" in entry:
        return f"remote {key[:-1]} {entry} is not downloaded: what it holds was not read"
    return f"{key[:-1]} {entry} is not in the tree"


def patched_one_by_one(each: Kustomization) -> Iterator[tuple[str, int, str, Tree]]:
    """The patches of a kustomization: field, number in it, path or text, and the inline target (may be empty)."""
    for key in _PATCHES:
        for number, entry in enumerate(_items(each.spec, key)):
            if isinstance(entry, str):
                yield key, number, entry, {}
            elif isinstance(entry, dict):
                target: Tree = found if isinstance(found := entry.get("target"), dict) else {}
                yield key, number, str(entry.get("path") or entry.get("patch") or ""), target


def patched(each: Kustomization) -> Iterator[tuple[str, Tree, int | None]]:
    """The patches of a kustomization: what names them, the inline target (may be empty) and the line of the field."""
    return ((text, target, each.lines.get(key)) for key, _, text, target in patched_one_by_one(each))


def _patch_files(each: Kustomization) -> Iterator[str]:
    for path, _, _ in patched(each):
        if path and "\n" not in path:
            yield _join(each.folder, path)


def _folders(each: Kustomization, by_folder: Mapping[str, Kustomization]) -> Iterator[str]:
    paths = (_join(each.folder, entry) for entry in _entries(each, "resources", "bases", "components"))
    return (path for path in paths if path in by_folder and path != each.folder)


def _entries(each: Kustomization, *keys: str) -> Iterator[str]:
    for key in keys:
        for entry in _items(each.spec, key):
            if isinstance(entry, str):
                yield entry


def _items(spec: Tree, key: str) -> list[Any]:
    value = spec.get(key)
    return value if isinstance(value, list) else []


@lru_cache(maxsize=1 << 16)  # each entry is asked for several times
def _join(folder: str, entry: str) -> str:
    path = posixpath.normpath(posixpath.join(folder, entry))
    return "" if path == "." else path


def _transform(each: Kustomization) -> Transform:
    spec = each.spec
    return Transform(
        namespace=_text(spec.get("namespace")),
        prefix=_text(spec.get("namePrefix")),
        suffix=_text(spec.get("nameSuffix")),
        labels=tuple(_labels(spec)),
        annotations=_pairs(spec.get("commonAnnotations")),
    )


def _labels(spec: Tree) -> Iterator[Labels]:
    for entry in _items(spec, "labels"):
        if isinstance(entry, dict) and (pairs := _pairs(entry.get("pairs"))):
            yield Labels(pairs, bool(entry.get("includeSelectors")), bool(entry.get("includeTemplates")))
    if pairs := _pairs(spec.get("commonLabels")):
        yield Labels(pairs, selectors=True)


def _pairs(value: Any) -> tuple[tuple[str, str], ...]:
    return tuple((str(key), str(item)) for key, item in value.items()) if isinstance(value, dict) else ()


def _text(value: Any) -> str:
    return str(value) if value else ""
