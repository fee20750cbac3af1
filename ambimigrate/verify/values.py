"""The values of a verification: callers, what they ask for, what became of it before and after, and where that differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ambimigrate.changes import Change
from ambimigrate.model import Position, Ref
from ambimigrate.semantics.decision import Headers

WORKLOAD, GATEWAY, UNSEEN, OUTSIDE = "workload", "gateway", "unseen", "outside"
ANY = "any-other"  # stands for namespaces and service accounts that nothing names


class Caller(Struct, frozen=True):
    """A class of callers by one of its members; `unseen` ones are named by policies or by nobody, but not in the input."""

    kind: str
    namespace: str = ""
    account: str = ""
    labels: Headers = ()
    workload: str = ""
    ip: str = "10.244.0.9"
    domain: str = ""  # another trust domain than the mesh's
    mode: str = ""  # the data plane, where it is another than that of the workload in the mesh

    def __str__(self) -> str:
        match self.kind:
            case "outside":
                return f"a client outside the mesh ({self.ip})"
            case "gateway":
                return f"gateway {self.namespace}/{self.workload}"
            case "unseen" if self.domain:
                return f"service account {self.namespace}/{self.account} of trust domain {self.domain}"
            case "unseen" if self.account == ANY:
                return (
                    f"any other service account of {self.namespace}" if self.namespace != ANY else "any other service account"
                )
            case "unseen":
                return f"service account {self.namespace}/{self.account} (no workload of the input)"
        return f"{self.namespace}/{self.workload or self.account}"


class Place(Struct, frozen=True):
    """A port that callers dial: of a Service, of a ServiceEntry, or of a name that only VirtualServices know."""

    host: str
    namespace: str
    port: int
    is_http: bool


class Ask(Struct, frozen=True):
    """A request to a place, or a connection where `method` is empty (`host` is then the server name of TLS).

    `direct`: to the address of a pod. `foreign`: the Host header names something else than the place. `tls`: the client speaks
    TLS to a gateway, and names the server `sni`.
    """

    method: str = "GET"
    path: str = "/"
    host: str = ""
    headers: Headers = ()
    reply: Headers = ()
    direct: bool = False
    foreign: bool = False
    tls: bool = False
    sni: str = ""

    @property
    def size(self) -> tuple[Any, ...]:
        """Smaller ones make better witnesses."""
        length = len(self.headers) + self.path.count("&") + self.path.count("?")
        unusual = self.direct, self.sni not in {"", self.host}, self.method not in {"GET", ""}, length
        host = self.host.count(":"), self.host != self.host.lower(), -len(self.host)  # the full name before shorter forms
        return (*unusual, *host, len(self.path), self.path, self.headers, self.method, self.host)


class Source(Struct, frozen=True):
    """An object that decides, at its place in the input."""

    ref: Ref
    position: Position


class Side(Struct, frozen=True):
    """What becomes of the witness on one side: in words, field by field, and the objects that decide so."""

    text: str
    fields: Mapping[str, Any]
    mode: str
    sources: tuple[Source, ...] = ()


class Difference(Struct, frozen=True):
    """One way in which two trees differ; `others` counts the tried requests that differ in the same way."""

    kind: str
    minor: bool
    mesh: str
    object: Ref
    place: Place
    caller: Caller
    ask: Ask
    before: Side
    after: Side
    because: str
    others: int = 0
    callers: tuple[str, ...] = ()  # all for whom it was seen
    named: tuple[str, ...] = ()  # the ids under which the report of convert names it


class Unchecked(Struct, frozen=True):
    """Something that plays a part and was not compared."""

    mesh: str
    object: Ref
    position: Position | None
    because: str


class Settings(Struct, frozen=True):
    """How many requests are tried for a port, and with which seed they are mixed."""

    requests: int = 250
    seed: int = 1
    own: tuple[Ask, ...] = ()  # requests of the user's, tried first wherever their Host header means the place
    connections: int = 0  # recorded ones that carried no HTTP
    changes: tuple[Change, ...] = ()  # of the conversion that leads to the meshes after, whose report names differences


class Compared(Struct, frozen=True):
    """What comparing two meshes of one name came to."""

    routing: int
    authorization: int
    differences: tuple[Difference, ...]
    unchecked: tuple[Unchecked, ...]
    places: tuple[tuple[str, Place, int], ...]
    left_out: int


class Verification(Struct, frozen=True):
    """What was compared, how often, and what came of it."""

    routing: int
    authorization: int
    differences: tuple[Difference, ...]
    unchecked: tuple[Unchecked, ...]
    settings: Settings = Settings()
    places: tuple[tuple[str, Place, int], ...] = ()  # mesh, port, and the number of its requests
    left_out: int = 0  # further ways in which places differ that already have several witnesses
    untried: tuple[tuple[str, int], ...] = ()  # hosts of the user's requests that nothing of the input has, and how many

    @property
    def differs(self) -> bool:
        """Whether anything differs that is neither minor nor named by the conversion."""
        return any(not each.minor and not each.named for each in self.differences)


__all__ = ["Ask", "Caller", "Difference", "Place", "Settings", "Side", "Source", "Unchecked", "Verification"]
