"""Tokens of trials: whose they have to be and what they have to say, since nobody here can sign one."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping

from ambimigrate.verify.values import Ask

HEADER, SCHEME = "authorization", "Bearer "


def claims(ask: Ask) -> Mapping[str, str]:
    """What the token of a request says; nothing for a request without one, or with one that nobody signed."""
    value = next((value for name, value in ask.headers if name.lower() == HEADER), "")
    parts = value.removeprefix(SCHEME).split(".")
    if not value.startswith(SCHEME) or len(parts) != 3:
        return {}
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return {str(name): str(said) for name, said in found.items()} if isinstance(found, dict) else {}


def shown(found: Mapping[str, str]) -> str:
    """The token in words."""
    more = ", ".join(f"{name}: {value}" for name, value in found.items() if name not in {"iss", "sub"})
    return f"a token of {found.get('iss', 'any issuer')}{f' ({more})' if more else ''}"


def key(found: Mapping[str, str]) -> str:
    """Under which key of a Secret such a token is: the issuer and what else it says, as keys are written."""
    words = (found.get("iss", ""), *(f"{name}-{value}" for name, value in found.items() if name not in {"iss", "sub"}))
    return re.sub(r"[^A-Za-z0-9._-]+", "-", ".".join(words)).strip("-.")[:250] or "token"
