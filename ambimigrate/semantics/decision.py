"""The words of routing: a client, its request, and what the proxies decide about it."""

from __future__ import annotations

from msgspec import Struct

Header = tuple[str, str]
Headers = tuple[Header, ...]


class Client(Struct, frozen=True):
    """The pod that calls."""

    namespace: str
    labels: Headers = ()


class Request(Struct, frozen=True):
    """A request of a client: `to` is the full name or the address that it dials, `host` what its Host header says.

    `reply` holds the response headers that a backend would answer with.
    """

    to: str
    port: int
    method: str = "GET"
    path: str = "/"
    host: str = ""
    headers: Headers = ()
    scheme: str = "http"
    reply: Headers = ()


class Received(Struct, frozen=True):
    """The request as the backend gets it; header names in lower case, sorted by name."""

    method: str
    path: str
    host: str
    headers: Headers


class Outcome(Struct, frozen=True):
    """One way in which a request ends: at `backends` (namespace/name:targetPort), or with the proxy's own answer.

    `request` is None if the proxy answers itself, and for a connection without HTTP, whose status is 0. `policy` is what
    DestinationRules say about connections to the backends, as text. `through` is the pod of an egress gateway on the way.
    """

    status: int
    backends: tuple[str, ...] = ()
    request: Received | None = None
    body: str = ""
    location: str | None = None
    response: Headers = ()
    policy: str = ""
    through: str = ""


class Retries(Struct, frozen=True):
    """When Envoy tries again; times in seconds, 0 where nothing is said."""

    attempts: int
    conditions: frozenset[str]
    codes: tuple[int, ...] = ()
    per_try: float = 0.0
    backoff: float = 0.0
    other_localities: bool = False
    other_hosts: bool = True


class Fault(Struct, frozen=True):
    """Injected faults: (seconds, percentage) and (status, percentage)."""

    delay: tuple[float, float] | None = None
    abort: tuple[int, float] | None = None


class Mirror(Struct, frozen=True):
    """A copy of a share of the requests; `backends` is None if its cluster does not exist."""

    backends: tuple[str, ...] | None
    percentage: float


class Decision(Struct, frozen=True):
    """What becomes of a request: outcomes with their percentage, and what the chosen route says besides.

    `errors` names the clusters on the way that do not exist.
    """

    outcomes: tuple[tuple[float, Outcome], ...]
    timeout: float | None = None
    retries: Retries | None = None
    mirrors: tuple[Mirror, ...] = ()
    hash: tuple[str, ...] = ()
    fault: Fault | None = None
    unmatched: bool = False
    errors: tuple[str, ...] = ()
