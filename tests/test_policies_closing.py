"""Whom closing rules refuse: all that a rule about requests can mean, as far as ztunnel can tell, and nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from ambimigrate.analyse import analyse
from ambimigrate.convert import Choice, convert
from ambimigrate.converters.policies import closing
from ambimigrate.kinds.security import Condition, Operation, Rule, RuleFrom, RuleTo, Source
from ambimigrate.versions import NEWEST
from tests.test_policies_parts import APP, CALLER, CLOSED, mesh_of

READING = closing.Reading("shop", NEWEST, "prod.example")
EVERYBODY = closing.Closing()


def refusing(values: tuple[str, ...], key: str = "source.principal") -> closing.Closing:
    return closing.Closing(wanted=(Condition(key, values),))


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (Source(principals=("cluster.local/ns/web/sa/web",)), refusing(("*/ns/web/sa/web",))),
        (Source(principals=("a.example/ns/web/*",)), refusing(("web",), "source.namespace")),
        (Source(principals=("*",)), refusing(("*",))),
        (Source(principals=("*/sa/a.b",)), EVERYBODY),  # sidecars read the dot as any character
        (Source(namespaces=("web", "o*")), refusing(("web", "o*"), "source.namespace")),
        (Source(namespaces=("*web",)), EVERYBODY),
        (Source(service_accounts=("web", "ops/a")), refusing(("*/ns/shop/sa/web", "*/ns/ops/sa/a"))),
        (Source(not_principals=("cluster.local/ns/ops/sa/a",)), closing.Closing(("prod.example/ns/ops/sa/a",))),
        (Source(not_namespaces=("ops", "a*")), closing.Closing(("prod.example/ns/ops/*", "prod.example/ns/a*"))),
        (Source(request_principals=("*",)), EVERYBODY),
        (None, EVERYBODY),
    ],
)
def test_closing_refuses_all_that_a_rule_can_mean(source: Source | None, wanted: closing.Closing) -> None:
    rule = Rule(from_=(RuleFrom(source),), to=(RuleTo(Operation(paths=("/admin",))),))
    assert closing.closings([rule], READING, ()) == (wanted,)


def test_closing_is_for_the_ports_of_a_rule() -> None:
    admin = Operation(ports=("8080", "5432"), paths=("/admin",))
    found = closing.closings([Rule(to=(RuleTo(admin),))], READING, ("5432",))
    assert found == (closing.Closing(operations=(Operation(ports=("8080",)),)),)
    both = [Rule(to=(RuleTo(admin),)), Rule(to=(RuleTo(Operation(paths=("/x",))),))]
    assert closing.closings(both, READING, ()) == (EVERYBODY,)


POLICY = """\
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: no-admin, namespace: shop}
spec:
  action: DENY
  rules: [{from: [{source: WHO}], to: [{operation: {paths: [/admin]}}]}]
"""


@pytest.mark.parametrize(
    ("who", "is_held"),
    [
        ("{notPrincipals: [cluster.local/ns/web/sa/ops]}", False),
        ("{notNamespaces: [web]}", False),
        ("{namespaces: [other]}", False),
        ("{namespaces: [web]}", True),
        ("{requestPrincipals: ['*']}", True),
        ("{notPrincipals: [cluster.local/ns/web/sa/other]}", True),
    ],
)
def test_callers_with_sidecars_that_no_rule_about_requests_means_hold_nothing(
    tmp_path: Path, who: str, *, is_held: bool
) -> None:
    mesh = mesh_of(tmp_path, APP + CALLER + POLICY.replace("WHO", who))
    found = convert((mesh,), analyse((mesh,)), Choice(("shop",), settings=CLOSED))
    assert any(each.because == ("AP906",) for each in found.held) is is_held
