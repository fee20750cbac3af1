"""What Envoy knows of a connection, and how one value of each attribute of a policy is compared with it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from msgspec import Struct

from ambimigrate.semantics.authz import paths
from ambimigrate.semantics.authz.model import Request
from ambimigrate.semantics.authz.strings import fits, in_block
from ambimigrate.semantics.strings import expression, never
from ambimigrate.versions import Version, at_least

SPIFFE = "spiffe://"


class View(Struct, frozen=True):
    """What an Envoy knows of a connection: `request` is None on a TCP chain, `claims` are those of the verified token.

    `peer_ip` is the address of the direct peer, None at a waypoint, where it is no IP address.
    """

    principal: str | None
    peer_ip: str | None
    remote_ip: str | None
    ip: str | None
    port: int
    request: Request | None = None
    claims: dict[str, Any] | None = None


class Scope(Struct, frozen=True):
    """What a rule is read with: the policy's namespace, the mesh's trust domain and its aliases, and the release."""

    namespace: str
    domains: tuple[str, ...]
    version: Version


Test = Callable[[str, View], bool]


def test(key: str, scope: Scope) -> Test | None:
    """How one value of the attribute is compared; None for an attribute that the release does not know."""
    if key == "source.serviceAccount":
        return partial(_service_account, scope.namespace) if at_least(scope.version, "1.25.0") else None
    if key == "source.trustDomain" and not at_least(scope.version, "1.30.2"):
        return None
    if key.startswith("request.headers["):
        return partial(_header, key.removeprefix("request.headers[").removesuffix("]"))
    if key.startswith("request.auth.claims["):
        return partial(_claim, tuple(re.findall(r"\[([^\]]*)\]", key)))
    if key.startswith("experimental.envoy.filters."):
        return _never
    return _TESTS.get(key)


def _principal(value: str, view: View) -> bool:
    if value.startswith("*") and value != "*":
        return _identity(f"{SPIFFE}.*{value[1:]}", view)
    return view.principal is not None and fits(value, view.principal)


def _identity(pattern: str, view: View) -> bool:
    return view.principal is not None and _pattern(pattern).fullmatch(SPIFFE + view.principal) is not None


def _namespace(value: str, view: View) -> bool:
    return _identity(f".*/ns/{value.replace('*', '.*')}/.*", view)


def _service_account(own: str, value: str, view: View) -> bool:
    namespace, slash, name = value.partition("/")
    if not slash:
        namespace, name = own, value
    return _identity(f"{SPIFFE}.+/ns/{namespace}/(.+/|)sa/{name}(/.+)?", view)


@lru_cache(maxsize=4096)
def _pattern(text: str) -> Any:
    return expression(text) or never()


def _request_principal(value: str, view: View) -> bool:
    issuer, subject = (_text(view, "iss"), _text(view, "sub"))
    if issuer is None or subject is None:
        return False
    wanted, slash, name = value.rpartition("/")
    if not slash and value.startswith("*"):
        return bool(issuer) and fits(value, subject)
    if not slash:
        return fits(value, issuer) and (bool(subject) if value.endswith("*") else not subject)
    if not value.startswith("*"):
        return issuer == wanted and fits(name, subject) if value.endswith("*") else (issuer, subject) == (wanted, name)
    return fits(wanted, issuer) and subject == name


def _text(view: View, claim: str) -> str | None:
    found = (view.claims or {}).get(claim)
    return found if isinstance(found, str) else None


def _claim(route: tuple[str, ...], value: str, view: View) -> bool:
    found: Any = view.claims
    for step in route:
        found = found.get(step) if isinstance(found, dict) else None
    entries = found if isinstance(found, list) else [found]
    return any(isinstance(each, str) and fits(value, each) for each in entries)


def _header(name: str, value: str, view: View) -> bool:
    found = header(view.request, name)
    return found is not None and (value == "*" or fits(value, found))


def header(request: Request | None, name: str) -> str | None:
    """The values of a header as one text, None if the request has none."""
    if request is None:
        return None
    wanted = name.lower()
    found = [text for key, text in request.headers if key.lower() == wanted]
    if found:
        return ",".join(found)
    return {":method": request.method, ":path": request.path, ":authority": request.host}.get(name)


def _host(value: str, view: View) -> bool:
    return view.request is not None and fits(value.lower(), view.request.host.lower())


def _method(value: str, view: View) -> bool:
    return view.request is not None and fits(value, view.request.method)


def _path(value: str, view: View) -> bool:
    if view.request is None:
        return False
    path = paths.without_query(view.request.path)
    return paths.fits_template(value, path) if paths.is_template(value) else fits(value, path)


def _never(_value: str, _view: View) -> bool:
    return False


_TESTS: dict[str, Test] = {
    "source.principal": _principal,
    "source.namespace": _namespace,
    "source.ip": lambda value, view: in_block(value, view.peer_ip),
    "source.trustDomain": lambda value, view: (view.principal or "").startswith(f"{value}/"),
    "remote.ip": lambda value, view: in_block(value, view.remote_ip),
    "request.auth.principal": _request_principal,
    "request.auth.audiences": partial(_claim, ("aud",)),
    "request.auth.presenter": partial(_claim, ("azp",)),
    "destination.ip": lambda value, view: in_block(value, view.ip),
    "destination.port": lambda value, view: value == str(view.port),
    "connection.sni": _never,
    "hosts": _host,
    "methods": _method,
    "paths": _path,
}
