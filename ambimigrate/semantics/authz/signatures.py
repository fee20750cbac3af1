"""Whether a token was signed by one of the keys of its issuer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any

import jwt

_ALGORITHMS = [
    "ES256",
    "ES384",
    "ES512",
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "HS256",
    "HS384",
    "HS512",
    "EdDSA",
]
_UNCHECKED: Any = {f"verify_{each}": False for each in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")}


@lru_cache(maxsize=4096)
def claims(token: str, jwks: str, *, signed: bool) -> dict[str, Any] | None:
    """The claims of a token that one of the keys has signed. Without inline keys no token verifies."""
    try:
        if signed:
            return jwt.decode(token, options=_UNCHECKED | {"verify_signature": False})
        wanted = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        return None
    return next((found for key in _keys(jwks, wanted) if (found := _verified(token, key)) is not None), None)


def _keys(jwks: str, wanted: Mapping[str, Any]) -> Iterator[jwt.PyJWK]:
    """The keys that may have signed a token with this header: those of another id or algorithm may not."""
    algorithm, kid = wanted.get("alg"), wanted.get("kid")
    if algorithm not in _ALGORITHMS:
        return
    for entry in _entries(jwks):
        if entry.get("alg", algorithm) == algorithm and (not kid or entry.get("kid", kid) == kid):
            with suppress(jwt.PyJWTError, ValueError, TypeError, KeyError):
                yield jwt.PyJWK(entry, algorithm)


def _entries(jwks: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(jwks)["keys"]
    except (ValueError, KeyError, TypeError):
        return []
    return [each for each in found if isinstance(each, dict)]


def _verified(token: str, key: jwt.PyJWK) -> dict[str, Any] | None:
    try:
        return jwt.decode(token, key, algorithms=_ALGORITHMS, options=_UNCHECKED)
    except jwt.PyJWTError:
        return None
