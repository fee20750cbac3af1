"""What ztunnel keeps of a rule: a table over the shapes that rules have."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.topology import ztunnel
from ambimigrate.versions import parse


def policy(action: str, *rules: dict[str, Any], **metadata: Any) -> AuthorizationPolicy:
    return msgspec.convert({"metadata": metadata, "spec": {"action": action, "rules": list(rules)}}, AuthorizationPolicy)


def source(**fields: list[str]) -> dict[str, Any]:
    return {"source": fields}


def operation(**fields: list[str]) -> dict[str, Any]:
    return {"operation": fields}


L4, L7 = source(namespaces=["web"]), source(requestPrincipals=["*"])
PORT, PATH = operation(ports=["80"]), operation(paths=["/x"])
BOTH = operation(ports=["80"], paths=["/x"])


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({}, ""),
        ({"from": [L4], "to": [PORT]}, ""),
        ({"to": [PATH]}, "inert"),
        ({"from": [L4], "to": [PATH]}, "inert"),
        ({"from": [L4], "when": [{"key": "request.headers[x]", "values": ["1"]}]}, "inert"),
        ({"when": [{"key": "source.serviceAccount", "values": ["a/b"]}]}, "inert"),
        ({"when": [{"key": "destination.port", "values": ["80"]}]}, ""),
        ({"to": [PATH, PORT]}, "lost"),
        ({"from": [L4, L7]}, "lost"),
        ({"to": [BOTH]}, "broader"),
        ({"to": [BOTH, PATH]}, "lost broader"),
        ({"from": [source(trustDomains=["a"])]}, "inert trust"),
        ({"from": [source(namespaces=["web"], trustDomains=["a"])]}, "trust"),
    ],
)
def test_deny(rule: dict[str, Any], said: str) -> None:
    (effect,) = ztunnel.effects(policy("DENY", rule))
    assert " ".join(name for name in ("inert", "lost", "broader", "trust") if getattr(effect, name)) == said
    assert not effect.dropped


@pytest.mark.parametrize(
    ("rule", "dropped"),
    [
        ({}, False),
        ({"from": [L4]}, False),
        ({"from": [L4, L7]}, True),
        ({"from": [L4], "to": [PATH]}, True),
        ({"to": [BOTH]}, True),
    ],
)
def test_allow(rule: dict[str, Any], dropped: bool) -> None:
    (effect,) = ztunnel.effects(policy("ALLOW", rule))
    assert effect.dropped is dropped


@pytest.mark.parametrize(
    ("action", "istio", "dry", "sent"),
    [
        ("ALLOW", "1.31.1", False, True),
        ("CUSTOM", "1.31.1", False, False),
        ("AUDIT", "1.24.0", False, False),
        ("DENY", "1.25.1", True, True),
        ("DENY", "1.25.2", True, False),
    ],
)
def test_what_is_sent(action: str, istio: str, dry: bool, sent: bool) -> None:
    annotations = {ztunnel.DRY_RUN: "true"} if dry else {}
    assert ztunnel.is_sent(policy(action, {}, annotations=annotations), parse(istio)) is sent
