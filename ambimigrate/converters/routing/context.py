"""Where a rule applies: the Service and its port, the target, and what its fields and agreements are kept in."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from ambimigrate.converters.outcome import Account, Refused
from ambimigrate.converters.settings import DEFAULT, Settings
from ambimigrate.kinds import Service, VirtualService
from ambimigrate.model import Mesh, Resource, Target
from ambimigrate.topology import hosts


def _as_it_is(refused: Refused) -> Refused:
    return refused


class Context(Struct, frozen=True):
    """The Service port that a rule is for, whose rule it is, and what was agreed to."""

    mesh: Mesh
    port: int
    owner: Resource[VirtualService]
    account: Account
    parent: Resource[Service] | None = None
    settings: Settings = DEFAULT
    explain: Callable[[Refused], Refused] = _as_it_is  # the refusal with a request that shows it

    @property
    def target(self) -> Target:
        return self.mesh.target

    def find(self, host: str) -> Resource[Service] | None:
        """The Service that a host means where the rule is written."""
        return hosts.service(self.mesh, host, self.owner.namespace, self.owner.file)

    def agree(self, id: str, refused: Refused) -> None:
        """Goes on in spite of a difference that was agreed to, else raises the refusal."""
        known = self.explain(refused) if self.settings.accepts(id, self.owner) else refused
        self.account.agree(self.settings, id, self.owner, known)
