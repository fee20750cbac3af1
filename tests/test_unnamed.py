"""Callers that get an identity: when a policy then lets in whom it refused, and refuses whom it let in."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ambimigrate.converters.unnamed import gains, loses
from ambimigrate.kinds import AuthorizationPolicy


def policy(action: str, source: dict[str, Any]) -> AuthorizationPolicy:
    return msgspec.convert({"spec": {"action": action, "rules": [{"from": [{"source": source}]}]}}, AuthorizationPolicy)


@pytest.mark.parametrize(
    ("action", "source", "gained", "lost"),
    [
        ("ALLOW", {"namespaces": ["web"]}, True, False),
        ("ALLOW", {"namespaces": ["other"]}, False, False),
        ("ALLOW", {"namespaces": ["w*"]}, True, False),
        ("ALLOW", {"principals": ["cluster.local/ns/web/sa/a"]}, True, False),
        ("ALLOW", {"principals": ["cluster.local/ns/other/sa/a"]}, False, False),
        ("ALLOW", {"notNamespaces": ["web"]}, False, True),
        ("ALLOW", {"notNamespaces": ["other"]}, False, False),
        ("ALLOW", {"notPrincipals": ["cluster.local/ns/web/sa/a"]}, False, True),
        ("ALLOW", {"ipBlocks": ["10.0.0.0/8"]}, False, False),
        ("DENY", {"namespaces": ["web"]}, False, True),
        ("DENY", {"notNamespaces": ["web"]}, True, False),
        ("DENY", {"notNamespaces": ["payment"]}, False, False),
        ("DENY", {"notPrincipals": ["*/ns/web/sa/a"]}, True, False),
        ("DENY", {"principals": ["*"]}, False, True),
    ],
)
def test_what_an_identity_changes(action: str, source: dict[str, Any], *, gained: bool, lost: bool) -> None:
    found = policy(action, source)
    assert (gains(found, "web"), loses(found, "web")) == (gained, lost)
