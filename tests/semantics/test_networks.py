"""The evaluator of NetworkPolicies, by the examples of the API reference and the corners that policies in the wild have."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ambimigrate.kinds import NetworkPolicy
from ambimigrate.model import Ref, Resource
from ambimigrate.semantics.networks import Connection, End, Network
from ambimigrate.yamlio import Document

SPACES = {
    "shop": {"kubernetes.io/metadata.name": "shop", "team": "a"},
    "other": {"kubernetes.io/metadata.name": "other", "team": "b"},
}
WEB = End("shop", {"app": "web"}, "10.0.0.1")
DB = End("shop", {"app": "db"}, "10.0.0.2", {"sql": 5432})
STRANGER = End("other", {"app": "web"}, "10.0.1.1")
OUTSIDE = End(address="203.0.113.9")
ON_NODE = End("shop", {"app": "web"}, "192.168.0.5", host_network=True)


def policy(spec: dict[str, Any], namespace: str = "shop") -> Resource[NetworkPolicy]:
    body = msgspec.convert({"metadata": {"name": "p", "namespace": namespace}, "spec": spec}, NetworkPolicy)
    return Resource(Ref("NetworkPolicy", NetworkPolicy.GROUP, namespace, "p"), body, Document("p.yaml", 0, 1, ""))


def admits(policies: list[Resource[NetworkPolicy]], caller: End, callee: End, port: int, protocol: str = "TCP") -> bool:
    return Network(tuple(policies), SPACES).admits(Connection(caller, callee, port, protocol))


def ingress(*rules: dict[str, Any], **more: Any) -> Resource[NetworkPolicy]:
    return policy({"podSelector": {"matchLabels": {"app": "db"}}, "ingress": list(rules), **more})


def test_without_a_policy_everything_is_open() -> None:
    assert admits([], OUTSIDE, DB, 5432)


def test_a_policy_closes_only_what_it_selects_and_only_its_direction() -> None:
    closed = ingress()
    assert not admits([closed], WEB, DB, 5432)
    assert admits([closed], DB, WEB, 80)
    egress = policy({"podSelector": {}, "policyTypes": ["Egress"]})
    assert not admits([egress], WEB, DB, 5432)
    assert admits([egress], STRANGER, DB, 5432)


def test_egress_rules_without_policy_types_close_egress_too() -> None:
    out = policy({"podSelector": {"matchLabels": {"app": "web"}}, "egress": [{"ports": [{"port": 443}]}], "ingress": [{}]})
    assert admits([out], WEB, OUTSIDE, 443)
    assert not admits([out], WEB, OUTSIDE, 80)
    assert admits([out], STRANGER, WEB, 80)


@pytest.mark.parametrize(
    ("peer", "admitted"),
    [
        ({"podSelector": {"matchLabels": {"app": "web"}}}, {"web"}),
        ({"podSelector": {}}, {"web"}),
        ({"namespaceSelector": {}}, {"web", "stranger"}),
        ({"namespaceSelector": {"matchLabels": {"team": "b"}}, "podSelector": {"matchLabels": {"app": "web"}}}, {"stranger"}),
        ({"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["a"]}]}}, {"stranger"}),
        ({"namespaceSelector": {"matchExpressions": [{"key": "none", "operator": "DoesNotExist"}]}}, {"web", "stranger"}),
        ({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.1.0/24"]}}, {"web"}),
        ({"ipBlock": {"cidr": "192.168.0.0/16"}}, {"node"}),
        ({"ipBlock": {"cidr": "0.0.0.0/0"}}, {"web", "stranger", "outside", "node"}),
        ({"ipBlock": {"cidr": "nonsense"}}, set()),
        ({}, set()),
    ],
)
def test_peers(peer: dict[str, Any], admitted: set[str]) -> None:
    callers = {"web": WEB, "stranger": STRANGER, "outside": OUTSIDE, "node": ON_NODE}
    found = {name for name, end in callers.items() if admits([ingress({"from": [peer]})], end, DB, 5432)}
    assert found == admitted


@pytest.mark.parametrize(
    ("ports", "number", "protocol", "admitted"),
    [
        ([], 1, "UDP", True),
        ([{"port": 5432}], 5432, "TCP", True),
        ([{"port": 5432}], 5432, "UDP", False),
        ([{"port": 5432, "protocol": "UDP"}], 5432, "TCP", False),
        ([{"port": "sql"}], 5432, "TCP", True),
        ([{"port": "http"}], 5432, "TCP", False),
        ([{"port": 5000, "endPort": 6000}], 6000, "TCP", True),
        ([{"port": 5000, "endPort": 6000}], 6001, "TCP", False),
        ([{"protocol": "TCP"}], 7, "TCP", True),
        ([{"protocol": "UDP"}], 7, "TCP", False),
    ],
)
def test_ports(ports: list[dict[str, Any]], number: int, protocol: str, *, admitted: bool) -> None:
    assert admits([ingress({"ports": ports})], WEB, DB, number, protocol) is admitted


def test_policies_add_up_and_both_ends_have_to_agree() -> None:
    one, other = ingress({"ports": [{"port": 1}]}), ingress({"ports": [{"port": 2}]})
    assert admits([one, other], WEB, DB, 1)
    assert admits([one, other], WEB, DB, 2)
    assert not admits([one, other], WEB, DB, 3)
    shut = policy({"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Egress"]})
    assert not admits([one, shut], WEB, DB, 1)


def test_no_policy_binds_a_pod_on_the_host_network() -> None:
    assert admits([policy({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})], OUTSIDE, ON_NODE, 80)
