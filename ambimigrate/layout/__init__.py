"""Where a document of the tree belongs: to which mesh, and what an overlay makes of it on the way."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.layout.addressed import Address
from ambimigrate.layout.environments import environment, environments
from ambimigrate.layout.kustomize import Following, Kustomization, Names, Use, follow
from ambimigrate.layout.rendered import Rendering
from ambimigrate.layout.transform import Transform
from ambimigrate.model import Problem


class Space(Struct, frozen=True):
    """The namespace into which a folder is applied; a forced one counts more than what the objects say."""

    namespace: str = ""
    is_forced: bool = False


class Placement(Struct, frozen=True):
    """One use of a file: in which mesh (None: in all), the transforms that it goes through, and what a renderer made of it.

    `levels` are the kustomizations in which it can be changed apart from other uses, with the number of transforms below
    and whether a patch there has the last word.
    """

    mesh: str | None
    transforms: tuple[Transform, ...] = ()
    rendering: Rendering | None = None
    levels: tuple[tuple[str, int, bool], ...] = ()
    space: Space = Space()
    addresses: tuple[Address, ...] = ()  # of the kustomizations on the way: who names which objects


class Layout(Struct, frozen=True):
    """The meshes of a tree, and the placements of those files that are not simply where their folder says."""

    meshes: tuple[str, ...]
    folders: Mapping[str, str]  # folder -> mesh
    used: Mapping[str, tuple[Placement, ...]]
    patches: frozenset[str]
    problems: tuple[Problem, ...]
    made: tuple[Placement, ...] = ()  # where objects stand that a renderer made of no document
    spaces: Mapping[str, Space] = {}  # folder -> namespace into which it is applied
    rendered: frozenset[str] = frozenset()  # kustomizations of which nothing is left to say, since a renderer applied them

    def of(self, file: str) -> tuple[Placement, ...]:
        """Where the objects of the file stand; nowhere if it is a patch."""
        if file in self.patches:
            return ()
        return self.used.get(file) or (Placement(environment(file, self.folders), space=nearest(file, self.spaces)),)

    def meshes_of(self, file: str) -> tuple[str, ...]:
        """The names of the meshes that the file reaches."""
        named = {placement.mesh for placement in self.of(file)}
        return self.meshes if None in named else tuple(mesh for mesh in self.meshes if mesh in named)


class Help(Struct, frozen=True):
    """Who answers what names alone do not tell: the objects in a file, and what a renderer makes of root folders."""

    names: Names = lambda _file: ()
    render: Callable[[Following], Mapping[str, Rendering]] = lambda _following: {}
    can_patch: bool = False  # whether a patch that is written will be read again
    meshes: Mapping[str, str] = {}  # folder (as shown) -> mesh, by what is applied where
    spaces: Mapping[str, Space] = {}  # folder (as shown) -> namespace into which it is applied
    addresses: Callable[[Kustomization], tuple[Address, ...]] = lambda _each: ()


ALONE = Help()


def lay_out(
    files: Iterable[str],
    kustomizations: Iterable[Kustomization],
    folders: Mapping[str, str] | None = None,
    root: str = "",
    ask: Help = ALONE,
) -> Layout:
    """The layout of the tree at `root` from the names of its files (which begin with it) and its kustomizations.

    `folders` (folder below the root -> mesh) overrules what the names of folders say.
    """
    known_files = frozenset(files)
    above = f"{root}/" if root else ""
    below = environments(name.removeprefix(above) for name in known_files) if folders is None else folders
    known = {above + folder: mesh for folder, mesh in below.items()}
    if folders is None and ask.meshes:
        known = {folder: mesh for folder, mesh in known.items() if not _touches(folder, ask.meshes)} | dict(ask.meshes)
    following = follow(kustomizations, known_files, ask.names)
    renderings = ask.render(following)
    used: dict[str, dict[Placement, list[Use]]] = defaultdict(dict)
    for folder, uses in following.roots.items():
        mesh = environment(f"{folder}/", known)
        for use in uses:
            where, space = mesh or environment(use.file, known), nearest(f"{folder}/", ask.spaces)
            placement = Placement(where, use.transforms, renderings.get(folder), space=space)
            used[use.file].setdefault(placement, []).append(use)
    rendered = _rendered(following, renderings)
    return Layout(
        meshes=tuple(sorted(set(known.values()))) or ("",),
        folders=known,
        used={file: _apart(_named(members, ask)) if ask.can_patch else tuple(members) for file, members in used.items()},
        patches=following.patches,
        problems=tuple(each for each in following.problems if each.file not in rendered),
        made=tuple(
            Placement(environment(f"{folder}/", known), (), each, space=nearest(f"{folder}/", ask.spaces))
            for folder, each in renderings.items()
        ),
        spaces=ask.spaces,
        rendered=rendered,
    )


def nearest(file: str, spaces: Mapping[str, Space]) -> Space:
    """The namespace of the innermost folder that is applied into one."""
    folder = file.rpartition("/")[0] if spaces else ""
    while folder:
        if folder in spaces:
            return spaces[folder]
        folder = folder.rpartition("/")[0]
    return Space()


def _touches(folder: str, applied: Mapping[str, str]) -> bool:
    """Whether one of the folders lies in the other, so that only one of them can stand for an environment."""
    return any(f"{each}/".startswith(f"{folder}/") or f"{folder}/".startswith(f"{each}/") for each in applied)


def _named(members: Mapping[Placement, list[Use]], ask: Help) -> Mapping[Placement, list[Use]]:
    """The placements with all that names their objects on the way."""
    found = {}
    for placement, uses in members.items():
        addresses = dict.fromkeys(each for use in uses for step, _ in use.path for each in ask.addresses(step))
        found[replace(placement, addresses=tuple(addresses)) if addresses else placement] = uses
    return found


def _apart(members: Mapping[Placement, list[Use]]) -> tuple[Placement, ...]:
    """The placements of one file, each with the innermost kustomizations that serve none of the others."""
    if len(members) == 1:
        return tuple(members)
    through = Counter(file for uses in members.values() for file in {step.file for use in uses for step, _ in use.path})
    found = []
    for placement, uses in members.items():
        firsts = [_first_alone(use, through) for use in uses]
        levels = tuple(dict.fromkeys(each for each in firsts if each is not None))
        found.append(replace(placement, levels=levels if None not in firsts else ()))
    return tuple(found)


def _first_alone(use: Use, through: Mapping[str, int]) -> tuple[str, int, bool] | None:
    for number, (step, below) in enumerate(use.path):
        if through[step.file] == 1:
            is_last = not step.has_late and not any(each.has_more for each, _ in use.path[number + 1 :])
            return step.file, below, is_last
    return None


def _rendered(following: Following, renderings: Mapping[str, Rendering]) -> frozenset[str]:
    """The kustomizations all of whose roots were rendered."""
    parts = {folder: {each.file for each in members} for folder, members in following.parts.items()}
    left = {file for folder, members in parts.items() if folder not in renderings for file in members}
    return frozenset(file for folder in renderings for file in parts.get(folder, ())) - left
