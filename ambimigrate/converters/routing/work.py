"""What the conversion of one VirtualService has at hand."""

from __future__ import annotations

from msgspec import Struct

from ambimigrate.converters.routing.flat import Ledger
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import VirtualService
from ambimigrate.model import Mesh, Resource


class Work(Struct, frozen=True, eq=False):
    vs: Resource[VirtualService]
    mesh: Mesh
    account: Ledger
    settings: Settings
