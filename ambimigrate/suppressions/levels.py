"""What the configuration says of rules by path or namespace: off, another severity, and from which level on a finding fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct, field

from ambimigrate.model import Finding
from ambimigrate.suppressions.globs import is_namespace, matches
from ambimigrate.verdicts import namespace_of

OFF = "off"
Relative = Callable[[str], str | None]  # the path of a file below the folder of the configuration, None if it is not there


class Override(Struct, frozen=True):
    """What holds for some paths and namespaces only; where it names both, both have to agree."""

    paths: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    rules: Mapping[str, str] = field(default_factory=dict)
    fail_on: str = ""


class Levels(Struct, frozen=True):
    """Rule -> off or severity, the threshold (empty: not said), and overrides, of which the last that says something holds."""

    rules: Mapping[str, str] = field(default_factory=dict)
    fail_on: str = ""
    overrides: tuple[Override, ...] = ()

    def of(self, finding: Finding, relative: Relative) -> str:
        """`off`, a severity, or empty where nothing is said of the rule."""
        said = (each.rules[finding.rule] for each in self._for(finding, relative) if finding.rule in each.rules)
        return next(said, self.rules.get(finding.rule, ""))

    def threshold(self, finding: Finding, relative: Relative) -> str:
        """The level from which on the finding fails, `never`, or empty where nothing is said."""
        return next((each.fail_on for each in self._for(finding, relative) if each.fail_on), self.fail_on)

    def _for(self, finding: Finding, relative: Relative) -> Iterator[Override]:
        return (each for each in reversed(self.overrides) if _is_meant(each, finding, relative))


def _is_meant(override: Override, finding: Finding, relative: Relative) -> bool:
    namespaces, paths = override.namespaces, override.paths
    return (not namespaces or any(is_in(each, finding) for each in namespaces)) and (
        not paths or any(is_below(each, finding, relative) for each in paths)
    )


def is_in(pattern: str, finding: Finding) -> bool:
    """Whether the finding is about a namespace of that name, in each of its meshes."""
    return all(is_namespace(pattern, mesh, namespace_of(finding)) for mesh in finding.meshes)


def is_below(pattern: str, finding: Finding, relative: Relative) -> bool:
    """Whether the finding stands in a file that the pattern names."""
    path = relative(finding.hit.position.file)
    return path is not None and matches(path, pattern)
