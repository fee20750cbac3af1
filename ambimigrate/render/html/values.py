"""What a page is made from, and how it names and links the things on it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from ambimigrate.model import Finding, Mesh
from ambimigrate.render.html.markup import Html, el
from ambimigrate.report import Report
from ambimigrate.verdicts import Standing

if TYPE_CHECKING:
    from ambimigrate.plan.values import Plan

NAMELESS = "(no namespace given)"
VERDICTS = {
    "wait": "has to wait",
    "needs-changes": "needs changes",
    "unknown": "unknown",
    "needs-waypoint": "needs a waypoint",
    "ready": "ready",
    "not-in-mesh": "not in the mesh",
}
SEVERITIES = ("blocker", "error", "warning", "info")


class Room:
    """How many bytes a part of the page may still take."""

    def __init__(self, size: int) -> None:
        self.left = size

    def takes(self, part: str) -> bool:
        """Whether there is room for it, which it then takes."""
        size = len(part.encode())
        if size > self.left:
            return False
        self.left -= size
        return True


class Page(Struct, frozen=True, dict=True):
    """A report, and for a plan its waves and what each mesh is once all of its changes are made."""

    report: Report
    plan: Plan | None = None
    ends: tuple[Mesh, ...] = ()

    @cached_property
    def several(self) -> bool:
        return len(self.report.meshes) > 1

    @cached_property
    def numbers(self) -> dict[tuple[str, str], int]:
        """The number of each mesh and namespace on the page; anchors are numbers, so that no name can be one."""
        return {(each.mesh, each.name): number for number, each in enumerate(self.report.namespaces)}

    @cached_property
    def waves(self) -> dict[tuple[str, str], int]:
        """The wave in which a namespace of a mesh moves."""
        waves = self.plan.waves if self.plan else ()
        return {(each.mesh, name): each.number for each in waves for name in each.namespaces}

    def wave(self, mesh: str, number: int | str) -> str:
        """The anchor of a wave; every mesh counts its own from 1."""
        return f"wave-{self._places.get(mesh, 0)}-{number}"

    def step(self, mesh: str, step: str) -> str:
        """The anchor of a step."""
        return f"step-{self._places.get(mesh, 0)}-{step}"

    @cached_property
    def _places(self) -> dict[str, int]:
        return {each.name: number for number, each in enumerate(self.report.meshes)}

    @cached_property
    def steps(self) -> frozenset[str]:
        """The anchors of all steps."""
        waves = self.plan.waves if self.plan else ()
        return frozenset(self.step(wave.mesh, each.id) for wave in waves for each in wave.steps)

    @cached_property
    def rules(self) -> frozenset[str]:
        """The rules of which there is a finding, to which there can be links."""
        return frozenset(each.rule for each in self.report.findings)

    @cached_property
    def standings(self) -> dict[tuple[str, str], Standing]:
        return {(each.mesh, each.name): each for each in self.report.namespaces}

    def all_meshes(self, finding: Finding) -> bool:
        return len(finding.meshes) == len(self.report.meshes)


def name(namespace: str) -> Html:
    """The name of a namespace; its direction stays its own."""
    return el("bdi", namespace or NAMELESS)


def mesh_name(mesh: str) -> str:
    return mesh or "(unnamed mesh)"


def rule_link(page: Page, rule: str) -> Html:
    return el("a", rule, href=f"#rule-{rule}") if rule in page.rules else el("span", rule)


def badge(kind: str, words: str) -> Html:
    """A word that is coloured by what it says; the word itself says it, too."""
    return el("span", words, class_=f"badge {kind}")


def code(value: str) -> Html:
    return el("code", value)


def region(label: str, *content: Html, extra: str = "") -> Html:
    """What may be wider than the page: it scrolls by itself, also by keyboard."""
    return el("div", content, class_=f"scroll {extra}".strip(), tabindex=0, role="region", aria_label=label)
