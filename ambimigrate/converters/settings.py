"""What a user chose beyond the input: differences that were agreed to, and how waypoints are spread."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ambimigrate.changes import Stage
from ambimigrate.model import Mesh, Resource
from ambimigrate.traffic import Flow, Traffic


class Accepted(Struct, frozen=True):
    """A difference agreed to by name: its id in the catalogue, and the object; name `*` means every one of the namespace."""

    id: str
    namespace: str
    name: str


class Settings(Struct, frozen=True):
    """The choices; the default agrees to nothing.

    `keep` names Services (`namespace/name`, name `*` for all) whose VirtualServices stay for their waypoint; `spread` is
    one of namespace, shared, service; `pilot` is a workload of one namespace that alone is enrolled; `traffic` is who was
    seen to call whom in the mesh called `measured`; `gateways` converts what is bound to Istio Gateways, too.
    """

    accepted: tuple[Accepted, ...] = ()
    close_direct_access: bool = False
    keep: frozenset[str] = frozenset()
    spread: str = "namespace"
    pilot: str = ""
    traffic: Traffic = Traffic()
    measured: str = ""
    gateways: bool = False

    def accepts(self, id: str, subject: Resource[Any]) -> bool:
        """Whether the difference of that id was agreed to for the object."""
        return any(
            each.id == id and each.namespace == subject.namespace and each.name in {"*", subject.name} for each in self.accepted
        )

    def flows(self, mesh: Mesh) -> tuple[Flow, ...]:
        """Who was seen to call whom in the mesh."""
        return self.traffic.flows if mesh.name == self.measured else ()

    def keeps(self, namespace: str, name: str) -> bool:
        """Whether the VirtualServices of the Service are to stay."""
        return not self.keep.isdisjoint({f"{namespace}/{name}", f"{namespace}/*", "*"})


class Aims(Struct, frozen=True):
    """How far to go: the settings, the namespaces that move together, and the last stage that is asked for."""

    settings: Settings
    moving: frozenset[str] = frozenset()
    last: Stage = Stage.tighten


DEFAULT = Settings()
